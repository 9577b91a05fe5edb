#include "cli/verbs.hpp"

#include <fmt/format.h>

#include <new>

#include "cli/version.hpp"

namespace kvplan {
namespace {

std::string usage() {
  std::string text =
      "kvplan: where should KV cache live between turns, on which hardware, at what cost?\n\n"
      "usage: kvplan VERB [arguments]\n\nverbs:\n";
  for (const Verb& v : verbs()) text += fmt::format("  {:<10} {}\n", v.name, v.summary);
  return text +
         "\n`kvplan VERB --help` tells more of each; `kvplan run` alone replays the sample trace.\n"
         "Exit codes: 0 done and targets met, 1 internal error, 2 usage, 3 bad input, 4 infeasible,\n"
         "5 target missed, 130 interrupted.\n";
}

[[noreturn]] void refuse_changed(std::string_view what) {
  throw Error(ExitCode::bad_input,
              fmt::format("error: what was read is not as kvplan wrote it: {}\n  help: make it again; where nobody has "
                          "changed it, this is a fault of kvplan",
                          what));
}

ExitCode run(const Verb& verb, const std::vector<std::string>& arguments, Streams streams) {
  if (!verb.reads_back) return verb.run(arguments, streams);
  try {
    return verb.run(arguments, streams);
  } catch (const Error& e) {
    if (e.code() != ExitCode::internal) throw;
    const std::string_view what = e.what();
    refuse_changed(what.substr(0, what.find('\n')));  // without the help of an internal error
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    refuse_changed(e.what());
  }
}

ExitCode find_and_run(const std::vector<std::string>& arguments, Streams streams) {
  if (arguments.empty()) {
    streams.err << usage();
    return ExitCode::usage;
  }
  const std::string& word = arguments.front();
  if (word == "--help" || word == "-h" || word == "help") {
    streams.out << usage();
    return ExitCode::done;
  }
  if (word == "--version") {
    streams.out << fmt::format("kvplan {} ({})\n", version(), git_commit());
    return ExitCode::done;
  }
  std::vector<std::string> names;
  for (const Verb& v : verbs()) {
    if (word == v.name) return run(v, {arguments.begin() + 1, arguments.end()}, streams);
    names.push_back(v.name);
  }
  throw UsageError(fmt::format("no such verb: \"{}\"", word), suggestion(word, names));
}

std::string with_prefix(const std::string& what) {
  return what.find("error: ") == std::string::npos ? "error: " + what : what;
}

}  // namespace

ExitCode dispatch(const std::vector<std::string>& arguments, Streams streams) {
  try {
    return find_and_run(arguments, streams);
  } catch (const Error& e) {
    streams.err << with_prefix(e.what()) << "\n";
    return e.code();
  } catch (const std::bad_alloc&) {
    streams.err << "error: out of memory\n  help: replay fewer turns with --limit\n";
  } catch (const std::exception& e) {
    streams.err << "error: kvplan failed in a way it should not: " << e.what() << "\n";
  }
  return ExitCode::internal;
}

}  // namespace kvplan
