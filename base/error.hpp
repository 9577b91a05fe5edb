// What can go wrong, and how it is told. A library function throws; only the
// command line turns an error into text on stderr and an exit code.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace kvplan {

enum class ExitCode : int {
  done = 0,
  internal = 1,
  usage = 2,
  bad_input = 3,
  infeasible = 4,
  target_missed = 5,
  interrupted = 130,
};

// One finding in one input. line and column count from 1; 0 means unknown.
struct Diagnostic {
  std::string file;
  std::int64_t line = 0;
  std::int64_t column = 0;
  std::string message;  // what is wrong, with the value and the expected range
  std::string help;     // what to do about it; may be empty
};

// "file:line:column: error: message\n  help: ..."
std::string to_string(const Diagnostic&);

class Error : public std::runtime_error {
 public:
  Error(ExitCode code, std::string what) : std::runtime_error(std::move(what)), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

// The command line itself is wrong.
class UsageError : public Error {
 public:
  explicit UsageError(std::string what, std::string help = "");
};

// An input file is wrong; carries every finding, so that one run names them all.
class InputError : public Error {
 public:
  explicit InputError(std::vector<Diagnostic> findings);
  explicit InputError(Diagnostic finding) : InputError(std::vector<Diagnostic>{std::move(finding)}) {}
  const std::vector<Diagnostic>& findings() const { return findings_; }

 private:
  std::vector<Diagnostic> findings_;
};

// What `read` returns; where it refuses without naming a file, it is this one that is refused.
template <class Read>
auto in_file(const std::string& file, Read&& read) {
  try {
    return read();
  } catch (const InputError& e) {
    std::vector<Diagnostic> findings = e.findings();
    for (Diagnostic& d : findings) {
      if (d.file.empty()) d.file = file;
    }
    throw InputError(std::move(findings));
  }
}

// The inputs are well formed, but what they ask for cannot be had.
class InfeasibleError : public Error {
 public:
  explicit InfeasibleError(std::string what) : Error(ExitCode::infeasible, std::move(what)) {}
};

// An invariant of kvplan itself is broken: an Error with ExitCode::internal. Stays on in release builds.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

#define KVPLAN_ASSERT(expression) \
  ((expression) ? void(0) : ::kvplan::assertion_failed(#expression, __FILE__, __LINE__))

// The candidate nearest to a misspelt name, or "" when none is near.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

// "did you mean \"x\"?" or, when nothing is near, "known: a, b, c".
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace kvplan
