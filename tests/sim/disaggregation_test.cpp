// Prompts and answers on replicas of their own, on timelines short enough to work out by hand; and the properties that
// hold whatever happens.
#include <rapidcheck.h>

#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// As many replicas of each kind as asked for, alike; `bytes_per_s` out of each of the first and into each of the
// others.
SimulationConfig two_pools(int prefill, int decode, std::int64_t pages, std::int64_t bytes_per_s) {
  SimulationConfig c = small_machine(pages);
  c.replicas = prefill;
  SimulationConfig own = c;
  own.replicas = decode;
  for (int p = 0; p < prefill; ++p) c.handoff.limits.push_back({"out", bytes_per_s});
  for (int d = 0; d < decode; ++d) c.handoff.limits.push_back({"in", bytes_per_s});
  for (int p = 0; p < prefill; ++p) {
    for (int d = 0; d < decode; ++d) {
      c.handoff.routes.push_back(
          {{{static_cast<std::uint32_t>(p), 1}, {static_cast<std::uint32_t>(prefill + d), 1}}, 0});
    }
  }
  c.decode_pool = {own};
  return c;
}

std::int64_t prefill_ps(std::int64_t n) { return kPsPerMs + n * 10 * kPsPerUs + 100 * n * (n + 1) / 2; }
std::int64_t decode_ps(std::int64_t context) { return kPsPerMs + 10 * kPsPerUs + context * kPsPerNs; }

Workload one_prompt(int answer) {
  Load load(16);
  load.turn(ms(0), "abcd", 0, answer);
  return load.build();
}

}  // namespace

TEST_CASE("the first token comes with the prompt, and the hand-over counts towards the second") {
  // 64 tokens of 1,000 bytes at 10 MB/s.
  const SimulationResult r = simulate(one_prompt(3), two_pools(1, 1, 40, 10'000'000));
  const RequestRecord& q = r.requests[0];
  CHECK(q.first_token.count == prefill_ps(64));
  CHECK(q.handover == ms(6.4));
  CHECK(q.finish.count == prefill_ps(64) + ms(6.4).count + decode_ps(65) + decode_ps(66));
  CHECK(q.replica == 0);
  CHECK(q.decode_replica == 1);
  CHECK(r.handed_over == Bytes(64'000));
  CHECK(r.gpu_busy == Time(prefill_ps(64) + decode_ps(65) + decode_ps(66)));
}

TEST_CASE("each pool's time counts for all GPUs of its replicas") {
  SimulationConfig c = two_pools(1, 1, 40, 10'000'000);
  c.gpus_per_replica = 2;
  c.decode_pool.front().gpus_per_replica = 3;
  const SimulationResult r = simulate(one_prompt(3), c);
  const std::int64_t decode = decode_ps(65) + decode_ps(66);
  CHECK(r.gpu_busy == Time(2 * prefill_ps(64) + 3 * decode));
  CHECK(r.gpu_busy_of_decode == Time(3 * decode));
  CHECK(r.gpu_busy_of_kind == std::vector<TimeSum>{Time(2 * prefill_ps(64))});
}

TEST_CASE("an answer of one token stays where its prompt was computed") {
  const SimulationResult r = simulate(one_prompt(1), two_pools(1, 1, 40, 10'000'000));
  CHECK(r.requests[0].finish.count == prefill_ps(64));
  CHECK(r.requests[0].decode_replica == kNone);
  CHECK(r.handed_over == Bytes(0));
}

TEST_CASE("layer by layer: all but the last layer moves beside the prompt's last step") {
  for (const std::int64_t rate : {10'000'000, 100'000'000}) {
    SimulationConfig c = two_pools(1, 1, 40, rate);
    c.handoff.layerwise = true;
    const RequestRecord q = simulate(one_prompt(3), c).requests[0];
    const std::int64_t layer = 16'000 * (kPsPerS / rate);  // one of four
    CHECK(q.first_token.count == prefill_ps(64));
    CHECK(q.handover.count == std::max(prefill_ps(64), 3 * layer) + layer - prefill_ps(64));
  }
}

TEST_CASE("a prompt holds its pages until it is handed over") {
  Load load(16);
  load.turn(ms(0), "abcd", 0, 2);
  load.turn(ms(0), "wxyz", 0, 2);
  const Workload turns = load.build();
  // The prefill replica has room for one prompt at a time, or for both; the decode replica has room enough.
  SimulationConfig c = two_pools(1, 1, 40, 10'000'000);
  CHECK(simulate(turns, c).requests[1].first_token.count == 2 * prefill_ps(64));
  c.engine.g1_pages = Pages(17);
  const SimulationResult tight = simulate(turns, c);
  CHECK(tight.requests[1].first_token.count == prefill_ps(64) + ms(6.4).count + prefill_ps(64));
  CHECK(tight.requests[1].queue.count == prefill_ps(64) + ms(6.4).count);
}

TEST_CASE("a prompt is not on its way before there is room for it") {
  Load load(16);
  load.turn(ms(0), "abcd", 0, 5);
  load.turn(ms(0), "wxyz", 0, 5);
  SimulationConfig c = two_pools(1, 1, 40, 10'000'000);
  c.decode_pool[0].engine.g1_pages = Pages(18);  // 68 tokens take 17
  const SimulationResult r = simulate(load.build(), c);
  const RequestRecord &first = r.requests[0], &second = r.requests[1];
  CHECK(second.first_token < first.finish);
  CHECK(second.first_token + second.handover == first.finish + ms(6.4));
  CHECK(r.preemptions == 0);
}

TEST_CASE("two prompts into one decode replica share what it can take in") {
  Load load(16);
  load.turn(ms(0), "abcd", 0, 2);
  load.turn(ms(0), "wxyz", 0, 2);
  const SimulationResult r = simulate(load.build(), two_pools(2, 1, 40, 10'000'000));
  CHECK(r.requests[0].replica != r.requests[1].replica);
  CHECK(r.requests[0].handover == ms(12.8));
  CHECK(r.requests[1].handover == ms(12.8));
}

TEST_CASE("of a session, the decode replica lacks what is new") {
  Load load(16);
  const TurnId first = load.turn(ms(0), "abcd", 0, 17);
  load.turn(ms(100), "abcdefg", 0, 2, first);
  const SimulationResult r = simulate(load.build(), two_pools(1, 1, 80, 10'000'000));
  // The answer's first block was decoded there, too; the prefill replica has only the prompt.
  CHECK(r.handed_over == Bytes(64'000 + 2 * 16'000));
  CHECK(r.requests[1].hit_g1_tokens == 64);
  CHECK(r.requests[1].computed_tokens == 48);
}

TEST_CASE("what fits one side alone is refused") {
  SimulationConfig c = two_pools(1, 1, 40, 10'000'000);
  c.engine.g1_pages = Pages(15);
  CHECK(simulate(one_prompt(3), c).requests[0].refusal == Refusal::exceeds_memory);
  c.engine.g1_pages = Pages(16);  // the prompt, and no more
  CHECK(simulate(one_prompt(3), c).requests[0].outcome == Outcome::completed);
  c.decode_pool[0].engine.g1_pages = Pages(16);
  CHECK(simulate(one_prompt(3), c).requests[0].refusal == Refusal::exceeds_memory);
}

TEST_CASE("disaggregated, fast-forward equals stepping one by one") {
  const auto pick = [](int low, int high) { return *rc::gen::inRange(low, high + 1); };
  CHECK(rc::check("same results", [&] {
    Load load(16);
    std::vector<std::string> prompts;
    Time at{0};
    for (int i = 0, turns = pick(1, 20); i < turns; ++i) {
      at += Time(pick(0, 40) * kPsPerMs / 4);
      std::string prompt =
          prompts.empty() || pick(0, 2) == 0 ? "" : prompts[pick(0, static_cast<int>(prompts.size()) - 1)];
      for (int n = pick(prompt.empty() ? 1 : 0, 5); n > 0; --n) prompt += static_cast<char>('a' + pick(0, 2));
      const TurnId after = i > 0 && pick(0, 3) == 0 ? pick(0, i - 1) : kNone;
      load.turn(after == kNone ? at : Time(pick(0, 3) * kPsPerMs), prompt, pick(0, 15), pick(0, 40), kNone, after);
      prompts.push_back(prompt);
    }
    const Workload turns = load.build();
    SimulationConfig c = two_pools(pick(1, 3), pick(1, 3), pick(12, 90), pick(1, 300) * 100'000);
    c.handoff.layerwise = pick(0, 1);
    for (Route& r : c.handoff.routes) r.segment_ps = pick(0, 1) * 50 * kPsPerUs;
    for (SimulationConfig* own : {&c, &c.decode_pool[0]}) {
      own->engine.max_num_seqs = pick(1, 6);
      own->engine.max_num_batched_tokens = pick(own->engine.max_num_seqs, 80);
      own->engine.order = static_cast<StepOrder>(pick(0, 1));
      own->engine.whole_prompts = pick(0, 1);
      own->engine.g1_pages = Pages(pick(12, 90));
      own->router.policy = static_cast<RouterPolicy>(pick(0, 1));
    }
    if (pick(0, 1)) {
      const SimulationConfig tier = small_machine(1, pick(1, 200) * 100'000, pick(16, 1000));
      c.offload = tier.offload;
      c.links = tier.links;
      c.offload.load = static_cast<LoadPolicy>(pick(0, 2));
    }
    const SimulationResult jumped = simulate(turns, c);
    c.step_by_step = c.decode_pool[0].step_by_step = true;
    const SimulationResult stepped = simulate(turns, c);
    Bytes lacked{0};
    for (std::size_t i = 0; i < jumped.requests.size(); ++i) {
      const RequestRecord &x = jumped.requests[i], &y = stepped.requests[i];
      RC_ASSERT(x.replica == y.replica && x.decode_replica == y.decode_replica && x.outcome == y.outcome);
      RC_ASSERT(x.first_token == y.first_token && x.finish == y.finish && x.handover == y.handover);
      RC_ASSERT(x.queue == y.queue && x.load == y.load && x.prefill == y.prefill);
      RC_ASSERT(x.computed_tokens == y.computed_tokens && x.preemptions == y.preemptions);
      RC_ASSERT(x.hit_g1_tokens == y.hit_g1_tokens && x.hit_g2_tokens == y.hit_g2_tokens);
      const bool decoded = x.outcome == Outcome::completed && turns.turns[i].output_tokens > 1;
      RC_ASSERT((x.decode_replica != kNone) == decoded);
      if (decoded) lacked += turns.turns[i].prompt_tokens * c.decode_pool[0].kv_bytes_per_token;
    }
    RC_ASSERT(jumped.handed_over == stepped.handed_over && jumped.handed_over <= lacked);
    RC_ASSERT(jumped.gpu_busy == stepped.gpu_busy);
    RC_ASSERT(jumped.steps == stepped.steps && jumped.preemptions == stepped.preemptions);
    RC_ASSERT(jumped.evicted_g1_blocks == stepped.evicted_g1_blocks && jumped.end == stepped.end);
  }));
}
