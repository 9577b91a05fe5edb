// The program's allocator, mimalloc, where it is linked; part of the executable alone.
#include <mimalloc.h>

#include <cstddef>
#include <new>

// The allocator's own, being C, end the program where memory runs out, before it can say so.
namespace {
void* taken(void* p) {
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

// A page of memory costs the most when it is first touched: 512 are to be touched at once. Said before any library
// begins, since the allocator asks once.
__attribute__((section(".preinit_array"), used)) void (*const take_large_pages)() = [] {
  mi_option_enable(mi_option_large_os_pages);
};
}  // namespace

void* operator new(std::size_t n) { return taken(mi_malloc(n)); }
void* operator new[](std::size_t n) { return taken(mi_malloc(n)); }
void* operator new(std::size_t n, std::align_val_t to) {
  return taken(mi_malloc_aligned(n, static_cast<std::size_t>(to)));
}
void* operator new[](std::size_t n, std::align_val_t to) {
  return taken(mi_malloc_aligned(n, static_cast<std::size_t>(to)));
}
