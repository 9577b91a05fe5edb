// kvplan man: the manual page, made of what the verbs say of themselves.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "cli/verbs.hpp"
#include "cli/version.hpp"

namespace kvplan {
namespace {

constexpr const char* kHelp =
    "usage: kvplan man\n\n"
    "Prints the manual page, with the help of every verb.\n\n"
    "Examples:\n"
    "  kvplan man | man -l -\n"
    "  kvplan man > /usr/local/share/man/man1/kvplan.1\n";

// Text that roff prints as it is: backslashes and dashes escaped, no line a request.
std::string roff(const std::string& text) {
  std::string out;
  bool begins = true;
  for (const char c : text) {
    if (begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else {
      if (c == '-') out += '\\';
      out += c;
    }
    begins = c == '\n';
  }
  return out;
}

std::string verbatim(const std::string& text) {
  return ".nf\n" + roff(text) + (text.ends_with('\n') ? "" : "\n") + ".fi\n";
}

std::string help_of(const Verb& verb, std::vector<std::string> words) {
  std::ostringstream out, err;
  words.push_back("--help");
  verb.run(words, {out, err});
  return out.str();
}

std::string page() {
  std::string text = fmt::format(
      ".TH KVPLAN 1 \"\" \"kvplan {}\" \"User commands\"\n.SH NAME\nkvplan \\- where KV caches of large "
      "language models should live, on which hardware, at what cost\n.SH SYNOPSIS\n.B kvplan\n"
      ".I verb\n[arguments]\n.SH DESCRIPTION\nkvplan simulates fleets that serve large language models to "
      "users of many turns, and plans their capacity.\nThe result goes to standard output, progress and "
      "messages to standard error.\n.SH VERBS\n",
      roff(version()));
  for (const Verb& v : verbs()) text += fmt::format(".TP\n.B {}\n{}\n", v.name, roff(v.summary));
  for (const Verb& v : verbs()) {
    std::string name = v.name;
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
    text += fmt::format(".SH KVPLAN {}\n{}", name, verbatim(help_of(v, {})));
    for (const char* part : v.parts) {
      text += fmt::format(".SS kvplan {} {}\n{}", v.name, part, verbatim(help_of(v, {part})));
    }
  }
  return text +
         ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nWhen set and not empty, no colour; there is none either where the output "
         "is no terminal.\n.TP\n.B KVPLAN_DATA\nThe folder in which traces that are not shipped are looked for.\n"
         ".SH EXIT STATUS\n0 done and targets met, 1 internal error, 2 usage, 3 bad input, 4 infeasible, 5 target "
         "missed, 130 interrupted.\n";
}

}  // namespace

ExitCode man_verb(const std::vector<std::string>& arguments, Streams streams) {
  if (!arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h")) {
    streams.out << kHelp;
    return ExitCode::done;
  }
  if (!arguments.empty()) throw UsageError("`kvplan man` takes no arguments");
  streams.out << page();
  return ExitCode::done;
}

}  // namespace kvplan
