// One attention problem with its right answer, for the tests on the CPU and the
// self-test on a GPU: a pool of pages, whatever no token owns filled with NaN, a
// shuffled page table, random q, K and V; the reference is computed in double
// precision from the very bf16 inputs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "validate/cuda/kernels/paged_kv.hpp"

namespace kvplan::gpu {

struct AttentionProblem {
  std::string name;
  bool decode = false;
  int group = 4;
  int m_tiles = 1;                  // prefill
  int splits = 3;                   // decode
  KvLayout layout;                  // pages are set by the case
  std::vector<SequenceSpan> spans;  // new_tokens and kv_tokens; decode: one new token each
};

// Small shapes that reach every edge: group 4 and 8, all four layouts, no prefix, a prefix that ends inside a page
// and inside a tile, more than one block of rows, one token, parts without a tile.
std::vector<AttentionProblem> attention_problems();

struct AttentionCase {
  AttentionProblem problem;
  int layer = 0;
  int table_stride = 0;
  std::vector<Bf16> pool;
  std::vector<std::int32_t> table;
  std::vector<Bf16> q;
  std::vector<double> expected;  // like q

  int query_rows() const { return static_cast<int>(q.size()) / (problem.layout.kv_heads * problem.group * kHeadDim); }
  float scale() const { return 0.08838834764831845f; }  // 1 / sqrt(kHeadDim)
};

AttentionCase make_case(AttentionProblem problem, std::uint64_t seed);

// ||got - expected|| / ||expected||; infinite when a value is not a number.
double relative_error(const std::vector<Bf16>& got, const std::vector<double>& expected);

// bf16 weights and outputs round at 2^-9; an error beyond this is not rounding.
constexpr double kAttentionTolerance = 6e-3;

}  // namespace kvplan::gpu
