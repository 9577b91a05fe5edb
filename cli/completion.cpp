#include <fmt/format.h>

#include "base/embedded.hpp"
#include "cli/options.hpp"
#include "cli/verbs.hpp"

namespace kvplan {
namespace {

constexpr const char* kHelp =
    "usage: kvplan completion bash|zsh\n\n"
    "Prints a script that completes verbs, options, their values, and the names of hardware and models.\n\n"
    "Examples:\n"
    "  source <(kvplan completion bash)                                       this shell\n"
    "  kvplan completion bash > ~/.local/share/bash-completion/completions/kvplan\n"
    "  echo 'source <(kvplan completion zsh)' >> ~/.zshrc                     after compinit\n";

// What may follow a flag, from the option table: choices, or the names that ship.
std::string values_of(const Option& option) {
  if (option.flag == "hardware") return fmt::format("{}", fmt::join(embedded_json_names("hardware/devices/"), " "));
  if (option.flag == "model") return fmt::format("{}", fmt::join(embedded_json_names("models/zoo/"), " "));
  return fmt::format("{}", fmt::join(option.choices, " "));
}

// A verb's options are asked of its --help, so that no second list of them exists.
std::string script() {
  std::string verb_names, parts, values;
  for (const Verb& v : verbs()) {
    verb_names += fmt::format("{}{}", verb_names.empty() ? "" : " ", v.name);
    if (!v.parts.empty()) parts += fmt::format("    {}) parts=\"{}\" ;;\n", v.name, fmt::join(v.parts, " "));
  }
  for (const Option& o : option_table()) {
    const std::string words = o.flag.empty() ? "" : values_of(o);
    if (!words.empty()) values += fmt::format("    --{}) words=\"{}\" ;;\n", o.flag, words);
  }
  return "_kvplan() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words= parts= part=\n"
         "  COMPREPLY=()\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    COMPREPLY=($(compgen -W \"" +
         verb_names +
         " --help --version\" -- \"$word\"))\n"
         "    return\n"
         "  fi\n"
         "  case ${COMP_WORDS[1]} in\n" +
         parts +
         "  esac\n"
         "  if [[ $COMP_CWORD -eq 2 && -n $parts && $word != -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$parts\" -- \"$word\"))\n"
         "    return\n"
         "  fi\n"
         "  [[ \" $parts \" == *\" ${COMP_WORDS[2]} \"* ]] && part=${COMP_WORDS[2]}\n"
         "  case $before in\n" +
         values +
         "  esac\n"
         "  if [ -n \"$words\" ]; then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "  elif [[ $word == -* ]]; then\n"
         "    words=$(kvplan \"${COMP_WORDS[1]}\" $part --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u)\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "  fi\n"
         "}\n"
         "complete -o default -F _kvplan kvplan\n";
}

}  // namespace

ExitCode completion_verb(const std::vector<std::string>& arguments, Streams streams) {
  const std::vector<std::string> shells = {"bash", "zsh"};
  const std::string word = arguments.empty() ? "" : arguments.front();
  if (word == "--help" || word == "-h") {
    streams.out << kHelp;
    return ExitCode::done;
  }
  if (arguments.size() != 1 || (word != "bash" && word != "zsh")) {
    throw UsageError(fmt::format("completion needs bash or zsh, not \"{}\"", fmt::join(arguments, " ")),
                     suggestion(word, shells));
  }
  if (word == "zsh") streams.out << "autoload -U +X bashcompinit && bashcompinit\n";
  streams.out << script();
  return ExitCode::done;
}

}  // namespace kvplan
