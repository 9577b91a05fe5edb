// The small kernels' and the copy kernels' own source, lane by lane on the CPU.
#define KVPLAN_EMULATE_LANES
#include <numeric>

#include "tests/catch.hpp"
#include "validate/cuda/checks/attention_case.hpp"
#include "validate/cuda/checks/fused_case.hpp"
#include "validate/cuda/kernels/fused.cuh"
#include "validate/cuda/kernels/segments.cuh"

using namespace kvplan::gpu;

namespace {

unsigned number(std::size_t n) { return static_cast<unsigned>(n); }

bool rope_is_right(const RopeCase& c) {
  std::vector<Bf16> pool = c.pool, q(c.expected_q.size(), Bf16{0x7fff});
  const RopeArguments a{
      c.qkv.data(),      q.data(),          paged_layer(c.layout, pool.data(), c.layer, c.table.data(), c.table_stride),
      c.sequence.data(), c.position.data(), reinterpret_cast<const float2*>(c.rotation.data()),
      c.query_heads};
  launch({number(c.sequence.size()), 1, 1}, kFusedThreads, 16, {}, [&] { rope_append(a); });
  double error = 0;
  return pool_agrees(c, pool, error) && relative_error(q, c.expected_q) < kFusedTolerance;
}

// Segments of a pool, shuffled into another: what the harness times and then verifies.
unsigned long long wrong_words(std::size_t segment_bytes, int segments, int blocks) {
  const std::size_t words = segment_bytes / 8 * static_cast<std::size_t>(segments);
  std::vector<std::uint64_t> from(words + 2), to(words + 2, 0);
  launch({3, 1, 1}, 256, 0, {}, [&] { fill_words(from.data(), words, 42); });
  std::vector<std::uint32_t> source(static_cast<std::size_t>(segments));
  std::iota(source.rbegin(), source.rend(), 0u);
  std::vector<void*> targets;
  std::vector<const void*> sources;
  for (std::size_t i = 0; i < source.size(); ++i) {
    targets.push_back(to.data() + i * segment_bytes / 8);
    sources.push_back(from.data() + source[i] * segment_bytes / 8);
  }
  const SegmentCopy copy{targets.data(), sources.data(), segment_bytes, segments};
  launch({static_cast<unsigned>(blocks), 1, 1}, kCopyThreads, 0, {}, [&] { copy_segments(copy); });
  CHECK(to[words] == 0);  // nothing beyond the last segment
  unsigned long long wrong = 0;
  launch({2, 1, 1}, 256, 0, {},
         [&] { count_wrong(to.data(), source.data(), segment_bytes / 8, source.size(), 42, &wrong); });
  return wrong;
}

}  // namespace

TEST_CASE("the norm is that of the sum with the residual, which is kept") {
  for (const bool with_residual : {false, true}) {
    for (const int hidden : {4096, 8192, 520}) {
      NormCase c = norm_case(2, hidden, with_residual, 5);
      std::vector<Bf16> out(c.x.size(), Bf16{0x7fff});
      launch({2, 1, 1}, kFusedThreads, 64, {}, [&] {
        rms_norm(c.x.data(), with_residual ? c.residual.data() : nullptr, c.weight.data(), out.data(), hidden);
      });
      CHECK(relative_error(out, c.expected) < kFusedTolerance);
      if (with_residual) CHECK(relative_error(c.residual, c.expected_residual) < 1e-6);
    }
  }
}

TEST_CASE("rotated keys and plain values land in their slots and nowhere else, in every layout") {
  for (const bool page_first : {false, true}) {
    for (const bool heads_first : {false, true}) CHECK(rope_is_right(rope_case(page_first, heads_first, 6)));
  }
  seeded_bug = Bug::rotation_by_wrong_position;
  CHECK_FALSE(rope_is_right(rope_case(false, false, 6)));
  seeded_bug = Bug::none;
}

TEST_CASE("silu times up is that of double precision") {
  const SiluCase c = silu_case(3, 1032, 7);
  std::vector<Bf16> out(c.expected.size(), Bf16{0x7fff});
  launch({1, 1, 1}, kFusedThreads, 0, {}, [&] { silu_mul(c.gate_up.data(), out.data(), c.tokens, c.intermediate); });
  CHECK(relative_error(out, c.expected) < kFusedTolerance);
}

TEST_CASE("the most likely token is the first of the greatest") {
  const ArgmaxCase c = argmax_case(3, 8200, 8);  // far more values than bf16 tells apart: there are equals
  std::vector<std::int32_t> token(c.expected.size(), -1);
  launch({3, 1, 1}, kFusedThreads, 64, {}, [&] { argmax(c.logits.data(), token.data(), c.vocabulary); });
  CHECK(token == c.expected);
}

TEST_CASE("every word of every segment arrives, whatever the segment and the number of blocks") {
  CHECK(wrong_words(16, 40, 1) == 0);
  CHECK(wrong_words(4096, 7, 2) == 0);
  CHECK(wrong_words(2048 + 48, 33, 3) == 0);
  CHECK(wrong_words((40 << 10) + 16, 5, 2) == 0);  // in slices, the last of them short
  seeded_bug = Bug::last_segment_words_dropped;
  CHECK(wrong_words(4096, 7, 2) == 7 * 2);
  seeded_bug = Bug::none;
}
