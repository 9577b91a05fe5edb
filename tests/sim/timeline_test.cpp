// Small scenarios whose every instant can be worked out by hand.
//
// The machine: a step takes 1 ms + 10 us a new token + 1 ns a token of decode
// context + 100 ps a (query, key) pair; pages of 4 tokens, blocks of 16.
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

std::int64_t prefill_ps(std::int64_t n, std::int64_t cached) {
  return kPsPerMs + 10 * kPsPerUs * n + 100 * (n * cached + n * (n + 1) / 2);
}
std::int64_t decode_ps(std::int64_t context) { return kPsPerMs + 10 * kPsPerUs + kPsPerNs * context; }

}  // namespace

TEST_CASE("one request: prefill emits the first token, each decode step one more") {
  Load load(16);
  load.turn(ms(5), "ab", 3, 4);
  const SimulationConfig machine = small_machine(100);
  const SimulationResult r = simulate(load.build(), machine);
  const RequestRecord& q = r.requests[0];
  const std::int64_t first = ms(5).count + prefill_ps(35, 0);
  CHECK(q.outcome == Outcome::completed);
  CHECK(q.first_token.count == first);
  CHECK(q.prefill.count == prefill_ps(35, 0));
  CHECK(q.queue.count == 0);
  // The first token's KV is computed in the first decode step: its context is the prompt and itself.
  CHECK(q.finish.count == first + decode_ps(36) + decode_ps(37) + decode_ps(38));
  CHECK(q.computed_tokens == 35);
  CHECK(r.steps == 4);
}

TEST_CASE("a long prompt is computed in chunks, and a request behind it waits for the budget") {
  Load load(16);
  load.turn(ms(0), "abcdefghi", 6, 1);  // 150 tokens: 64 + 64 + 22
  load.turn(ms(0), "x", 0, 1);          // 16 tokens fit beside the last chunk
  const SimulationResult r = simulate(load.build(), small_machine(100));
  const std::int64_t t1 = prefill_ps(64, 0), t2 = t1 + prefill_ps(64, 64);
  const std::int64_t both = kPsPerMs + 10 * kPsPerUs * 38 + 100 * (22 * 128 + 22 * 23 / 2 + 16 * 17 / 2);
  CHECK(r.requests[0].first_token.count == t2 + both);
  CHECK(r.requests[1].first_token.count == t2 + both);
  CHECK(r.requests[1].queue.count == t2);
  CHECK(r.requests[1].prefill.count == both);
}

TEST_CASE("the front end delays every request, by its prompt") {
  Load load(16);
  load.turn(ms(1), "a", 4, 1);
  SimulationConfig machine = small_machine(100);
  machine.engine.frontend_fixed = ms(2);
  machine.engine.frontend_ps_per_token = 1000;
  const RequestRecord q = simulate(load.build(), machine).requests[0];
  CHECK(q.frontend.count == ms(2).count + 20 * 1000);
  CHECK(q.first_token.count == ms(3).count + 20000 + prefill_ps(20, 0));
}

TEST_CASE("a shared prefix is computed once, and the last page of a full hit again") {
  Load load(16);
  load.turn(ms(0), "ab", 0, 1);
  load.turn(ms(50), "abc", 0, 1);
  load.turn(ms(100), "ab", 0, 1);
  const SimulationResult r = simulate(load.build(), small_machine(100));
  CHECK(r.requests[1].hit_g1_tokens == 32);
  CHECK(r.requests[1].prefill.count == prefill_ps(16, 32));
  CHECK(r.requests[2].hit_g1_tokens == 28);
  CHECK(r.requests[2].prefill.count == prefill_ps(4, 28));
}

TEST_CASE("a turn's answer is a hit for the turn that continues it, as far as it covers whole blocks") {
  Load load(16);
  const TurnId first = load.turn(ms(0), "ab", 5, 30);  // 37 + 30 = 67 tokens: blocks c and d are covered
  load.turn(ms(500), "abcde", 2, 1, first);
  const SimulationResult r = simulate(load.build(), small_machine(100));
  CHECK(r.requests[1].hit_g1_tokens == 64);
  CHECK(r.requests[1].computed_tokens == 82 - 64);
}

TEST_CASE("what G1 has evicted comes back from G2 over the link, or is computed again without it") {
  const auto turns = [] {
    Load load(16);
    load.turn(ms(0), "abcd", 0, 1);
    load.turn(ms(200), "wxyz", 0, 1);
    load.turn(ms(400), "abcd", 1, 1);
    return load.build();
  };
  // 17 pages hold one of the two prompts of 16 pages.
  const SimulationResult none = simulate(turns(), small_machine(17));
  CHECK(none.requests[2].hit_g1_tokens == 0);
  CHECK(none.requests[2].recomputed_tokens == 64);
  CHECK(none.requests[2].prefill.count == prefill_ps(64, 0) + prefill_ps(1, 64));

  // 64 tokens of 1,000 bytes at 1 MB/s take 64 ms.
  const SimulationResult dram = simulate(turns(), small_machine(17, 1'000'000, 1000));
  const RequestRecord& q = dram.requests[2];
  CHECK(q.hit_g2_tokens == 64);
  CHECK(q.load == ms(64));
  CHECK(q.prefill.count == prefill_ps(1, 64));
  CHECK(q.first_token.count == ms(464).count + prefill_ps(1, 64));
  CHECK(q.recomputed_tokens == 0);
  CHECK(dram.loaded == Bytes(64'000));
  CHECK(dram.gpu_waiting_for_load == ms(64));
  CHECK(dram.stored == Bytes(128'000));

  SimulationConfig wide = small_machine(17, 1'000'000, 1000);
  wide.gpus_per_replica = 4;
  const SimulationResult four = simulate(turns(), wide);
  CHECK(four.gpu_waiting_for_load == ms(4 * 64));
  CHECK(four.gpu_busy == dram.gpu_busy * 4);
}

TEST_CASE("a block is no hit in G2 before its store has ended") {
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  load.turn(ms(10), "wxyz", 0, 1);
  load.turn(ms(20), "abcd", 1, 1);
  // Storing 64 tokens takes 640 ms, and pins them in G1 as long.
  const SimulationResult r = simulate(load.build(), small_machine(34, 100'000, 1000));
  CHECK(r.requests[2].hit_g2_tokens == 0);
  CHECK(r.requests[2].hit_g1_tokens == 64);
}

TEST_CASE("per-segment cost and bytes add up") {
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  load.turn(ms(900), "wxyz", 0, 1);
  load.turn(ms(1800), "abcd", 1, 1);
  SimulationConfig machine = small_machine(17, 1'000'000, 1000);
  machine.links.load[0].segment_ps = 3 * kPsPerMs;  // 16 segments of 4,000 bytes
  CHECK(simulate(load.build(), machine).requests[2].load == ms(64 + 48));
}

TEST_CASE("a layer-wise load hides behind compute, but for its first layer") {
  const auto turns = [] {
    Load load(16);
    load.turn(ms(0), "abcd", 0, 1);
    load.turn(ms(900), "tuvwxyz", 0, 1);
    load.turn(ms(1800), "abcdef", 8, 1);
    return load.build();
  };
  const std::int64_t compute = prefill_ps(40, 64);
  for (const std::int64_t rate : {1'000'000, 100'000'000}) {
    SimulationConfig machine = small_machine(29, rate, 1000);
    machine.offload.load = LoadPolicy::layerwise;
    const RequestRecord q = simulate(turns(), machine).requests[2];
    const std::int64_t load = 64'000 * (kPsPerS / rate);
    // Four layers: max(first layer's load + all compute, all load + last layer's compute).
    const std::int64_t pipeline = std::max(load / 4 + compute, load + ceil_div(compute, 4));
    CHECK(q.hit_g2_tokens == 64);
    CHECK((q.first_token - ms(1800)).count == pipeline);
    CHECK(q.load.count == pipeline - compute);
    CHECK(q.prefill.count == compute);
  }
}

TEST_CASE("an in-step load comes before all compute, and holds up whoever decodes") {
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  load.turn(ms(900), "tuvwxyz", 0, 1);
  load.turn(ms(1800), "n", 0, 3);
  load.turn(ms(1800), "abcd", 8, 1);
  SimulationConfig machine = small_machine(29, 1'000'000, 1000);
  machine.offload.load = LoadPolicy::in_step;
  const SimulationResult r = simulate(load.build(), machine);
  const RequestRecord& q = r.requests[3];
  CHECK(q.hit_g2_tokens == 64);
  CHECK(q.load == ms(64));  // 64,000 bytes at 1 MB/s
  // Both arrive at once and share their first step.
  CHECK(q.first_token - ms(1800) == ms(64) + q.prefill);
  CHECK(r.requests[2].first_token == q.first_token);
  CHECK(r.gpu_waiting_for_load == ms(64));
}

TEST_CASE("when pages run out the newest running sequence is preempted and recomputed") {
  Load load(16);
  load.turn(ms(0), "a", 0, 30);
  load.turn(ms(0), "b", 0, 30);
  // 16 + 30 tokens need 12 pages each; 20 pages are not enough for both.
  const SimulationResult r = simulate(load.build(), small_machine(20));
  CHECK(r.preemptions >= 1);
  CHECK(r.requests[0].preemptions == 0);
  CHECK(r.requests[1].preemptions >= 1);
  CHECK(r.requests[0].finish < r.requests[1].finish);
  CHECK(r.requests[1].outcome == Outcome::completed);
  CHECK(r.requests[1].recomputed_tokens > 0);
}

TEST_CASE("what can never fit is refused with its reason") {
  Load load(16);
  load.turn(ms(0), "abcdefgh", 0, 10);
  load.turn(ms(0), "a", 0, 10);
  SimulationConfig machine = small_machine(30);
  CHECK(simulate(load.build(), machine).requests[0].refusal == Refusal::exceeds_memory);
  Load again(16);
  again.turn(ms(0), "abcdefgh", 0, 10);
  machine.engine.g1_pages = Pages(100);
  machine.engine.max_context_tokens = 100;
  CHECK(simulate(again.build(), machine).requests[0].refusal == Refusal::exceeds_context);
}

TEST_CASE("a closed loop starts the next turn a think time after the last answer") {
  Load load(16);
  const TurnId first = load.turn(ms(0), "a", 0, 5);
  load.turn(ms(30), "ab", 0, 1, first, first);
  const SimulationResult r = simulate(load.build(), small_machine(100));
  CHECK(r.requests[1].arrival == r.requests[0].finish + ms(30));
}
