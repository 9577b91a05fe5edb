// Problems and right answers for the small kernels, shared by the tests on the
// CPU and the self-test on a GPU. Expected values are computed in double
// precision from the bf16 inputs.
#pragma once

#include <cstdint>
#include <vector>

#include "validate/cuda/kernels/paged_kv.hpp"

namespace kvplan::gpu {

// Results are rounded to bf16 once or twice: 2^-9 each.
constexpr double kFusedTolerance = 5e-3;

struct NormCase {
  int tokens = 0, hidden = 0;
  std::vector<Bf16> x, residual, weight;
  std::vector<double> expected, expected_residual;
};
NormCase norm_case(int tokens, int hidden, bool with_residual, std::uint64_t seed);

struct SiluCase {
  int tokens = 0, intermediate = 0;
  std::vector<Bf16> gate_up;
  std::vector<double> expected;
};
SiluCase silu_case(int tokens, int intermediate, std::uint64_t seed);

// Tokens of two sequences at positions that cross pages; the pool begins as NaN and only their slots are written.
struct RopeCase {
  KvLayout layout;
  int layer = 1, query_heads = 8, table_stride = 0;
  std::vector<Bf16> qkv, pool;
  std::vector<std::int32_t> table, sequence, position;
  std::vector<float> rotation;                    // cosine, sine by position and pair
  std::vector<double> expected_q, expected_pool;  // NaN where nothing may be written
};
RopeCase rope_case(bool page_first, bool heads_first, std::uint64_t seed);

// Whether `pool` has NaN exactly where the case expects it; `error` is relative over the rest.
bool pool_agrees(const RopeCase&, const std::vector<Bf16>& pool, double& error);

struct ArgmaxCase {
  int rows = 0, vocabulary = 0;
  std::vector<Bf16> logits;
  std::vector<std::int32_t> expected;  // the first of equals
};
ArgmaxCase argmax_case(int rows, int vocabulary, std::uint64_t seed);

}  // namespace kvplan::gpu
