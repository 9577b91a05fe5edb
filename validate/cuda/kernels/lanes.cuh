// What the kernels ask of a GPU beyond plain C++, in one place: shared memory,
// asynchronous copies, matrix fragments, shuffles. The kernel bodies use nothing
// else, so that the same source runs on a GPU and, with KVPLAN_EMULATE_LANES, on
// the CPU lane by lane (emulation/lanes.hpp), where tests can see a wrong index,
// a wrong fragment layout, a missing barrier and a missing wait.
//
// Fragments are those of mma.sync.m16n8k16 (PTX ISA, "Matrix Fragments for
// mma.m16n8k16"); ldmatrix is x4, each lane giving one row address.
#pragma once

#include <cstdint>

#include "validate/cuda/kernels/bf16.hpp"

namespace kvplan::gpu {

// Faults that a test seeds into the emulated bodies and that its checks must notice. None exists on a GPU.
enum class Bug {
  none,
  mask_one_token_late,
  merge_without_rescale,
  no_rescale_of_output,
  swapped_b_fragment,
  row_of_wrong_head,
  page_of_wrong_sequence,
  no_wait_for_copies,
  no_barrier_before_compute,
  dead_rows_not_zeroed,
  last_segment_words_dropped,
  rotation_by_wrong_position,
};

}  // namespace kvplan::gpu

#ifdef KVPLAN_EMULATE_LANES
#include "validate/cuda/emulation/lanes.hpp"
#else

#include <cuda_runtime.h>

#define KVPLAN_UNROLL _Pragma("unroll")
#define KVPLAN_SHARED(name) extern __shared__ __align__(1024) unsigned char name[]

namespace kvplan::gpu {

__device__ constexpr bool seeded(Bug) { return false; }

__device__ __forceinline__ std::uint32_t shared_address(const void* p) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
}

// 16 bytes to shared memory, or 16 zero bytes where `live` is false (the source is then not read).
__device__ __forceinline__ void copy_16_async(std::uint32_t to, const void* from, bool live) {
  const int bytes = live ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;\n" ::: "memory"); }
template <int kPending>
__device__ __forceinline__ void wait_copies() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(kPending) : "memory");
}
__device__ __forceinline__ void sync_threads() { __syncthreads(); }

__device__ __forceinline__ void load_matrices(std::uint32_t (&r)[4], std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}
__device__ __forceinline__ void load_matrices_transposed(std::uint32_t (&r)[4], std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}
__device__ __forceinline__ void multiply_add(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                             std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Two floats rounded to bf16, the first in the low half.
__device__ __forceinline__ std::uint32_t pack_bf16(float low, float high) {
  std::uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;\n" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}
__device__ __forceinline__ float bits_to_float(std::uint32_t bits) { return __uint_as_float(bits); }
__device__ __forceinline__ float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;\n" : "=f"(y) : "f"(x));
  return y;
}
template <class T>
__device__ __forceinline__ T lane_xor(T value, int mask) {
  return __shfl_xor_sync(~0u, value, mask);
}
// Data that is read or written once: it should not displace what others keep in the caches.
__device__ __forceinline__ uint4 load_once(const uint4* p) { return __ldcs(p); }
__device__ __forceinline__ void store_once(uint4* p, uint4 value) { __stcs(p, value); }
__device__ __forceinline__ void add_atomically(unsigned long long* p, unsigned long long value) { atomicAdd(p, value); }

}  // namespace kvplan::gpu
#endif

namespace kvplan::gpu {

__device__ __forceinline__ float low_float(std::uint32_t packed) { return bits_to_float(packed << 16); }
__device__ __forceinline__ float high_float(std::uint32_t packed) { return bits_to_float(packed & 0xffff0000u); }

}  // namespace kvplan::gpu
