// Large arrays in huge pages, where the system gives them: filling and random access cost a page fault and a
// TLB entry for every 2 MiB instead of every 4 KiB. Small ones are ordinary.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace kvplan {

template <class T>
struct HugePages {
  using value_type = T;

  HugePages() = default;
  template <class U>
  HugePages(const HugePages<U>&) {}

  T* allocate(std::size_t n) {
    if (n < kLeastBytes / sizeof(T)) return static_cast<T*>(::operator new(n * sizeof(T)));
    if (n > ~std::size_t{0} / 2 / sizeof(T)) throw std::bad_alloc();
    const std::size_t bytes = (n * sizeof(T) + kPageBytes - 1) / kPageBytes * kPageBytes;
    void* const p = std::aligned_alloc(kPageBytes, bytes);
    if (p == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    madvise(p, bytes, MADV_HUGEPAGE);  // a wish; what comes of it changes no result
#endif
    return static_cast<T*>(p);
  }

  void deallocate(T* p, std::size_t n) {
    if (n < kLeastBytes / sizeof(T)) {
      ::operator delete(p);
    } else {
      std::free(p);
    }
  }

  template <class U>
  bool operator==(const HugePages<U>&) const {
    return true;
  }

 private:
  static constexpr std::size_t kPageBytes = std::size_t{2} << 20, kLeastBytes = 2 * kPageBytes;
};

template <class T>
using BigVector = std::vector<T, HugePages<T>>;

// Room for n more. It grows fourfold: what is never written takes no memory, and less is copied and cleared.
template <class T>
void make_room(BigVector<T>& v, std::size_t n) {
  if (v.capacity() - v.size() < n) v.reserve(std::max(v.size() + n, 4 * v.capacity()));
}

}  // namespace kvplan
