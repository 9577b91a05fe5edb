// Each state and bottleneck is reached by moving one figure of the sample run.
#include "reports/verdict.hpp"

#include "tests/catch.hpp"
#include "tests/reports/sample_run.hpp"

using namespace kvplan;

namespace {

Verdict verdict_of(const SampleRun& run) {
  return judge(run.workload, run.config, run.result, total(run.workload, run.result));
}

void grow_backlog(SampleRun& run) { run.result.in_system_at_decile = {0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40}; }

// Request i waits i seconds longer in the queue than it did.
void grow_queue(SampleRun& run) {
  for (std::size_t i = 0; i < run.result.requests.size(); ++i) {
    RequestRecord& r = run.result.requests[i];
    const Time wait(static_cast<std::int64_t>(i) * kPsPerS);
    r.queue += wait, r.first_token += wait, r.finish += wait;
  }
}

}  // namespace

TEST_CASE("a backlog that stays where it is, is stable") {
  const Verdict v = verdict_of(SampleRun());
  CHECK(v.state == State::stable);
  CHECK(v.bottleneck == "none");
}

TEST_CASE("a backlog that grows while requests queue and completions fall behind, is overloaded") {
  SampleRun run;
  grow_backlog(run);
  grow_queue(run);
  run.result.gpu_busy = Time(15 * kPsPerS);
  CHECK(verdict_of(run).state == State::overloaded);
}

TEST_CASE("a growing number of requests alone, without queueing, is no saturation") {
  SampleRun run;
  grow_backlog(run);
  for (RequestRecord& r : run.result.requests) r.queue = Time(0);
  CHECK(verdict_of(run).state == State::stable);
}

TEST_CASE("who queues for a decode replica or for the front end waits, too") {
  for (const bool for_front_end : {false, true}) {
    SampleRun run;
    grow_backlog(run);
    for (std::size_t i = 0; i < run.result.requests.size(); ++i) {
      RequestRecord& r = run.result.requests[i];
      const Time wait(static_cast<std::int64_t>(i) * kPsPerS);
      if (for_front_end) r.frontend += wait, r.first_token += wait;
      if (!for_front_end) r.handover += wait;
      r.finish += wait;
    }
    const Verdict v = verdict_of(run);
    CHECK(v.state == State::overloaded);
    CHECK((v.bottleneck == "front end") == for_front_end);
  }
}

TEST_CASE("of prefill and decode replicas the busier ones tell how busy the GPUs are") {
  SampleRun run;
  run.config.decode_pool = {run.config};
  run.config.decode_pool.front().gpus_per_replica = 4;
  run.result.gpu_busy_of_decode = TimeSum(Time(10 * kPsPerS)) * 4;  // of 11 s
  run.result.gpu_busy = run.result.gpu_busy_of_decode + TimeSum(Time(kPsPerS));
  CHECK(verdict_of(run).bottleneck == "decode bandwidth");
  CHECK(verdict_of(run).bottleneck_reason == "the GPUs of decode replicas are 91 % busy");
  std::swap(run.result.gpu_busy_of_decode, run.result.gpu_busy);
  run.result.gpu_busy = run.result.gpu_busy_of_decode + TimeSum(Time(9 * kPsPerS));
  run.config.decode_pool.front().gpus_per_replica = 40;
  CHECK(verdict_of(run).bottleneck == "prefill compute");
}

TEST_CASE("busy GPUs and a queue are saturated although the backlog stays") {
  SampleRun run;
  run.result.gpu_busy = Time(11 * kPsPerS);
  CHECK(verdict_of(run).state == State::stable);  // 0.2 of 2 s is a tenth, not more
  for (RequestRecord& r : run.result.requests)
    r.queue += Time(kPsPerS), r.first_token += Time(kPsPerS), r.finish += Time(kPsPerS);
  run.result.gpu_busy = Time(12 * kPsPerS);
  CHECK(verdict_of(run).state == State::saturated);
}

TEST_CASE("the bottleneck is named after what is short") {
  SampleRun run;
  run.result.gpu_busy = Time(9 * kPsPerS);
  SECTION("decode bandwidth when prompts take little of the busy time") {
    CHECK(verdict_of(run).bottleneck == "decode bandwidth");
  }
  SECTION("prefill compute when they take most") {
    run.config.step_times[0].base = PiecewiseLinear({{0, 0, kPsPerS / 25}});  // 40 ms a token, 20 tokens a request
    CHECK(verdict_of(run).bottleneck == "prefill compute");
  }
  SECTION("HBM capacity when what is computed had been there before") {
    for (RequestRecord& r : run.result.requests) r.recomputed_tokens = 10;
    CHECK(verdict_of(run).bottleneck == "hbm capacity");
  }
  SECTION("a link that never rests while users wait for loads") {
    run.result.links[1].busy = Time(11 * kPsPerS);
    for (RequestRecord& r : run.result.requests) std::swap(r.load, r.prefill);
    CHECK(verdict_of(run).bottleneck == "link: node0 gpu0 link");
  }
}
