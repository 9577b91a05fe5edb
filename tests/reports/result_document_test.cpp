#include <fstream>

#include "tests/catch.hpp"
#include "tests/reports/sample_run.hpp"

using namespace kvplan;

namespace {

Json at(const Json& d, const char* pointer) { return d.at(Json::json_pointer(pointer)); }

}  // namespace

TEST_CASE("the keys that scripts rely on are there") {
  const Json d = SampleRun().document();
  CHECK(d["schema"] == "kvplan.result/1");
  for (const char* key : {"submitted", "completed", "refused", "unfinished"}) CHECK(d["requests"].contains(key));
  for (const char* metric : {"ttft_s", "tpot_s", "e2e_s", "queue_s", "load_s"}) {
    for (const char* q : {"mean", "p50", "p90", "p95", "p99", "max"}) CHECK(d["latency"][metric].contains(q));
  }
  for (const char* key : {"output_tokens_per_s", "prompt_tokens_per_s", "requests_per_s", "goodput_requests_per_s"}) {
    CHECK(d["throughput"].contains(key));
  }
  for (const char* key :
       {"prompt_tokens", "hit_tokens", "computed_tokens", "recomputed_tokens", "evicted_blocks", "preemptions"}) {
    CHECK(d["kv"].contains(key));
  }
  for (const char* tier : {"hbm", "dram", "ssd", "remote"}) CHECK(d["kv"]["hit_tokens"].contains(tier));
  for (const char* key : {"name", "bytes", "busy_fraction", "mean_bytes_per_s"}) CHECK(d["links"][0].contains(key));
  for (const char* key : {"busy_fraction", "waiting_for_load_fraction"}) CHECK(d["gpu"].contains(key));
  for (const char* key : {"usd_per_hour", "usd_per_million_output_tokens", "joules_per_output_token"})
    CHECK(d["cost"].contains(key));
  for (const char* key : {"simulated_s", "wall_s", "events", "requests_per_wall_s"})
    CHECK(d["simulation"].contains(key));
  CHECK(d["verdict"].contains("state"));
  CHECK(d["verdict"].contains("bottleneck"));
  CHECK(d.contains("provenance"));
}

TEST_CASE("figures of a run that fits in the head") {
  SampleRun run;
  run.refuse(Refusal::exceeds_context);
  const Json d = run.document();
  CHECK(at(d, "/requests/submitted") == 11);
  CHECK(at(d, "/requests/completed") == 10);
  CHECK(at(d, "/requests/refused_reasons/exceeds_context") == 1);
  CHECK(at(d, "/latency/ttft_s/p99") == 1.0);
  CHECK(at(d, "/latency/tpot_s/mean").get<double>() == Approx(0.1));  // a second over ten tokens after the first
  CHECK(at(d, "/latency/e2e_s/max") == 2.0);
  // From the first arrival at 0 s to the last finish at 11 s; the refused request does not stretch it.
  CHECK(at(d, "/throughput/requests_per_s").get<double>() == Approx(10.0 / 11));
  CHECK(at(d, "/throughput/output_tokens_per_s").get<double>() == Approx(110.0 / 11));
  CHECK(at(d, "/kv/hit_tokens/dram") == 320);
  CHECK(at(d, "/links/1/mean_bytes_per_s").get<double>() == Approx(50));
  CHECK(at(d, "/links/1/busy_fraction").get<double>() == Approx(2.0 / 11));
  CHECK(at(d, "/gpu/busy_fraction").get<double>() == Approx(1.0 / 11));
  CHECK(at(d, "/cost/usd_per_million_output_tokens").get<double>() == Approx(3.6 * 11 / 3600 * 1e6 / 110));
  CHECK(at(d, "/cost/joules_per_output_token").get<double>() == Approx((700 + 10 * 100) / 110.0));
}

TEST_CASE("refusals are told in a note with their reason") {
  SampleRun run;
  run.refuse(Refusal::exceeds_context);
  const std::string note = run.document()["notes"][0];
  CHECK(note == "REFUSED: 1 of 11 requests (prompt + output exceed the window of 4096 tokens)");
}

TEST_CASE("without samples there are nulls") {
  SampleRun run(0);
  run.refuse(Refusal::empty_prompt);
  const Json d = run.document();
  CHECK(at(d, "/latency/ttft_s/mean").is_null());
  CHECK(at(d, "/throughput/requests_per_s").is_null());
  CHECK(at(d, "/gpu/busy_fraction").is_null());
  CHECK(at(d, "/cost/joules_per_output_token").is_null());
  CHECK(at(d, "/verdict/reason") == "all requests were refused");
}

TEST_CASE("goodput counts requests that meet every target") {
  SampleRun run;
  CHECK(at(run.document(), "/throughput/goodput_requests_per_s").is_null());
  run.targets.ttft_s = 1.0;
  CHECK(at(run.document(), "/throughput/goodput_requests_per_s").get<double>() == Approx(10.0 / 11));
  run.targets.tpot_s = 0.05;
  CHECK(at(run.document(), "/throughput/goodput_requests_per_s") == 0.0);
}

TEST_CASE("a target is met at its quantile") {
  SampleRun run;
  run.result.requests[4].first_token += Time(kPsPerS / 2);
  run.targets.ttft_s = 1.2;
  run.targets.quantile = 0.9;
  CHECK(targets_met(run.document()));
  run.targets.quantile = 0.95;
  const Json d = run.document();
  CHECK_FALSE(targets_met(d));
  CHECK(at(d, "/targets/ttft_s/value_s") == 1.5);
}

TEST_CASE("a refused request misses every target, and a link that moves on after the last answer is not busier than time") {
  SampleRun run;
  run.targets.ttft_s = run.targets.tpot_s = 1.2;
  run.targets.quantile = 0.9;
  CHECK(targets_met(run.document()));
  run.refuse(Refusal::exceeds_context);
  CHECK(targets_met(run.document()));  // the tenth of eleven
  run.refuse(Refusal::exceeds_context);
  const Json d = run.document();
  CHECK_FALSE(targets_met(d));
  CHECK(at(d, "/targets/ttft_s/value_s").is_null());
  CHECK_FALSE(at(d, "/targets/tpot_s/met").get<bool>());

  run.result.links[1].busy = run.result.links[1].last_moved = Time(22 * kPsPerS);  // twice as long as answers take
  CHECK(at(run.document(), "/links/1/busy_fraction") == 1.0);
}
