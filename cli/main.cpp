#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "cli/verbs.hpp"

namespace {

bool wants_colour() {
  const char* no = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (!no || !*no);
}

// What a pipe's reader does not want is no error.
bool is_pipe(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that goes away (`kvplan run | head`) must not cut a file that is being written short.
  std::signal(SIGPIPE, SIG_IGN);
  // Nor must a limit on the size of files: the write that meets it fails, and says why.
  std::signal(SIGXFSZ, SIG_IGN);
  std::ios::sync_with_stdio(false);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const kvplan::ExitCode code = kvplan::dispatch(arguments, {std::cout, std::cerr, wants_colour()});
  if (!std::cout.flush() && !is_pipe(STDOUT_FILENO)) {
    std::cerr << "error: standard output cannot be written\n  help: is the disk full?\n";
    return static_cast<int>(kvplan::ExitCode::internal);
  }
  return static_cast<int>(code);
}
