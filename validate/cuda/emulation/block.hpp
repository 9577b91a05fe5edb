// One thread block on the CPU: a coroutine per lane, run one at a time.
//
// A lane runs until it meets the others: at a collective of its warp (fragment
// load, matrix multiply, shuffle) or at the block's barrier. One warp runs as far
// as it can before another starts, first to last or last to first: the greatest
// skew that barriers allow, so that a missing one shows. Asynchronous copies land
// either when they are issued or only when they are waited for: the two extremes
// that hardware may choose, so that a missing wait, or a buffer overwritten while
// it is read, shows too. A result that is right under all four is right under the
// orders in between for these kernels, whose lanes share data only through them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace kvplan::gpu {

struct Index3 {
  unsigned x = 1, y = 1, z = 1;
};

struct Schedule {
  bool last_warp_first = false;
  bool copies_land_late = false;
};

class Block {
 public:
  Block(int threads, std::size_t shared_bytes, Schedule schedule);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  // Runs `body` once for each lane. Throws std::logic_error when lanes wait for each other for ever or meet at
  // different collectives, and when shared memory is left.
  void run(const std::function<void()>& body);

  static Block& current();

  // Called by the lane that runs.
  unsigned char* shared();
  std::uint32_t offset_of(const void* p) const;
  void copy(std::uint32_t to, const void* from, bool live);
  void commit();
  void wait(int pending_groups);
  void meet_block();
  void load_matrices(std::uint32_t (&r)[4], std::uint32_t offset, bool transposed);
  void multiply_add(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1);
  std::uint32_t exchange(std::uint32_t value, int mask);

 private:
  struct Lanes;
  std::unique_ptr<Lanes> lanes_;
};

// The blocks of a grid, x fastest, one after another.
void launch(Index3 grid, int threads, std::size_t shared_bytes, Schedule schedule, const std::function<void()>& body);

}  // namespace kvplan::gpu
