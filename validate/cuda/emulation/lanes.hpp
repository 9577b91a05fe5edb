// The primitives of kernels/lanes.cuh on the CPU. Included by it; a kernel body
// compiled this way is an ordinary function that one lane of a Block runs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "validate/cuda/emulation/block.hpp"
#include "validate/cuda/kernels/bf16.hpp"

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define KVPLAN_UNROLL
#define KVPLAN_SHARED(name) unsigned char* name = Block::current().shared()

namespace kvplan::gpu {

using std::max;
using std::min;

struct alignas(16) uint4 {
  std::uint32_t x, y, z, w;
};
struct float2 {
  float x, y;
};
inline float2 make_float2(float x, float y) { return {x, y}; }

inline Index3 threadIdx, blockIdx, gridDim, blockDim;

inline Bug seeded_bug = Bug::none;
inline bool seeded(Bug bug) { return bug == seeded_bug; }

inline std::uint32_t shared_address(const void* p) { return Block::current().offset_of(p); }
inline void copy_16_async(std::uint32_t to, const void* from, bool live) {
  if (live || !seeded(Bug::dead_rows_not_zeroed)) Block::current().copy(to, from, live);
}
inline void commit_copies() { Block::current().commit(); }
template <int kPending>
void wait_copies() {
  if (!seeded(Bug::no_wait_for_copies)) Block::current().wait(kPending);
}
inline void sync_threads() {
  if (!seeded(Bug::no_barrier_before_compute)) Block::current().meet_block();
}
inline void load_matrices(std::uint32_t (&r)[4], std::uint32_t address) {
  Block::current().load_matrices(r, address, false);
}
inline void load_matrices_transposed(std::uint32_t (&r)[4], std::uint32_t address) {
  Block::current().load_matrices(r, address, true);
}
inline void multiply_add(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  if (seeded(Bug::swapped_b_fragment)) std::swap(b0, b1);
  Block::current().multiply_add(c, a, b0, b1);
}
inline float bits_to_float(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}
inline std::uint32_t pack_bf16(float low, float high) {
  return to_bf16(low).bits | static_cast<std::uint32_t>(to_bf16(high).bits) << 16;
}
inline float exp2_fast(float x) { return std::exp2(x); }
template <class T>
T lane_xor(T value, int mask) {
  static_assert(sizeof(T) == 4);
  std::uint32_t bits;
  std::memcpy(&bits, &value, 4);
  bits = Block::current().exchange(bits, mask);
  std::memcpy(&value, &bits, 4);
  return value;
}
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline uint4 load_once(const uint4* p) { return *p; }
inline void store_once(uint4* p, uint4 value) { *p = value; }
inline void add_atomically(unsigned long long* p, unsigned long long value) { *p += value; }

}  // namespace kvplan::gpu
