#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <new>

#ifdef KVPLAN_MIMALLOC
#include <mimalloc.h>
#endif

#include "cli/verbs.hpp"

#ifdef KVPLAN_MIMALLOC
// The allocator's own, being C, end the program where memory runs out, before it can say so.
namespace {
void* taken(void* p) {
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace
void* operator new(std::size_t n) { return taken(mi_malloc(n)); }
void* operator new[](std::size_t n) { return taken(mi_malloc(n)); }
void* operator new(std::size_t n, std::align_val_t to) { return taken(mi_malloc_aligned(n, static_cast<std::size_t>(to))); }
void* operator new[](std::size_t n, std::align_val_t to) { return taken(mi_malloc_aligned(n, static_cast<std::size_t>(to))); }
#endif

namespace {

#ifdef KVPLAN_MIMALLOC
// A page of memory costs the most when it is first touched: 512 are to be touched at once. Said before any library
// begins, since the allocator asks once.
__attribute__((section(".preinit_array"), used)) void (*const take_large_pages)() = [] {
  mi_option_enable(mi_option_large_os_pages);
};
#endif

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
