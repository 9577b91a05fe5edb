#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "cli/verbs.hpp"

namespace {

bool wants_colour() {
  const char* no = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (!no || !*no);
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that goes away (`kvplan run | head`) must not cut a file that is being written short.
  std::signal(SIGPIPE, SIG_IGN);
  std::ios::sync_with_stdio(false);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  errno = 0;
  const kvplan::ExitCode code = kvplan::dispatch(arguments, {std::cout, std::cerr, wants_colour()});
  errno = std::cout.good() ? 0 : errno;
  if (!std::cout.flush() && errno != EPIPE) {
    std::cerr << "error: standard output cannot be written: " << std::strerror(errno) << "\n";
    return static_cast<int>(kvplan::ExitCode::internal);
  }
  return static_cast<int>(code);
}
