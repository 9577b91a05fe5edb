#include "models/break_even.hpp"

#include "hardware/topology.hpp"
#include "models/roofline.hpp"
#include "tests/catch.hpp"

namespace kvplan {
namespace {

// What a load costs: fixed + segments x segment_ps + bytes / bytes_per_s, for one GPU's stream.
struct LoadCost {
  Time fixed{0};
  std::int64_t segment_ps = 0;
  Bytes segment{1};  // contiguous bytes of one copy
  std::int64_t bytes_per_s = 1;
  Bytes kv_bytes_per_token{0};  // on one GPU

  Time operator()(Tokens tokens) const {
    if (tokens.count == 0) return Time(0);
    const std::int64_t bytes = tokens.count * kv_bytes_per_token.count;
    const double wire_s = static_cast<double>(bytes) / static_cast<double>(bytes_per_s);
    return fixed + Time(ceil_div(bytes, segment.count) * segment_ps) + time_from_seconds(wire_s);
  }
};

// A step of 10 ms a chunk, and 20 us a token.
StepTime plain_step() {
  StepTime t;
  t.base = PiecewiseLinear({{0, 10 * kPsPerMs, 20 * kPsPerUs}});
  return t;
}

TEST_CASE("prefill in chunks: each pays its step, pairs add up to the causal triangle") {
  StepTime t = plain_step();
  t.pair_ps = 3;
  t.head = PiecewiseLinear({{0, 0, 7}});
  const Time whole = prefill_time(t, Tokens(1000), Tokens(500), Tokens(300));
  CHECK(whole.count == 4 * 10 * kPsPerMs + 1000 * 20 * kPsPerUs + 7 + 3 * (1000 * 500 + 1000 * 1001 / 2));
}

TEST_CASE("a load costs its segments and its bytes") {
  LoadCost load{time_from_seconds(0.001), 2 * kPsPerUs, Bytes(4096), 1'000'000'000, Bytes(1000)};
  CHECK(load(Tokens(0)).count == 0);
  CHECK(load(Tokens(10)).count == kPsPerMs + 3 * 2 * kPsPerUs + 10 * kPsPerUs);
}

TEST_CASE("break-even on a line is where the lines cross") {
  // Saved: 20 us a token while prefix and new tokens share a chunk. Load: 5 ms + 10 us a token.
  const LoadCost load{time_from_seconds(0.005), 0, Bytes(1), 100'000'000, Bytes(1000)};
  const BreakEven b = break_even(plain_step(), load, {Tokens(128), Tokens(8192)}, Tokens(4000));
  CHECK(b.kind == BreakEven::Kind::above);
  CHECK(b.tokens.count == 501);

  LoadCost slow = load;
  slow.bytes_per_s = 10'000'000;  // 100 us a token
  CHECK(break_even(plain_step(), slow, {}, Tokens(100'000)).kind == BreakEven::Kind::never);
  LoadCost free = load;
  free.fixed = Time(0);
  CHECK(break_even(plain_step(), free, {}, Tokens(100'000)).kind == BreakEven::Kind::always);
}

TEST_CASE("on real parts loading loses below the length told and wins above it") {
  const Hardware h = load_hardware("x86-h100-sxm");
  const StepTime t = roofline_step_time(load_architecture("llama-3.1-8b"), h.gpu, 1, Dtype::bf16, Dtype::bf16);
  const LoadCost load{Time(0), 3'400'000, Bytes(32'768), 51'200'000'000, Bytes(131'072)};
  const PromptShape shape;
  const BreakEven b = break_even(t, load, shape, Tokens(131'072));
  REQUIRE(b.kind == BreakEven::Kind::above);
  for (std::int64_t n = 1; n < b.tokens.count; ++n) REQUIRE(load(Tokens(n)) >= recompute_time(t, Tokens(n), shape));
  for (std::int64_t n = b.tokens.count; n < 100'000; n += 97)
    REQUIRE(load(Tokens(n)) < recompute_time(t, Tokens(n), shape));
}

}  // namespace
}  // namespace kvplan
