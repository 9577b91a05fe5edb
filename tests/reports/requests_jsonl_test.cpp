#include "reports/requests_jsonl.hpp"

#include <sstream>

#include "tests/catch.hpp"
#include "tests/reports/sample_run.hpp"

using namespace kvplan;

TEST_CASE("one line a request, whose TTFT parts add up to the picosecond") {
  SampleRun run;
  run.refuse(Refusal::exceeds_memory);
  run.result.requests[3].frontend += Time(7), run.result.requests[3].first_token += Time(7);
  std::istringstream lines(requests_jsonl(run.workload, run.result));
  std::string line;
  std::size_t count = 0;
  for (; std::getline(lines, line); ++count) {
    const auto r = nlohmann::json::parse(line);
    CHECK(r["turn"] == count);
    if (r["outcome"] == "refused") {
      CHECK(r["refusal"] == "exceeds_memory");
      continue;
    }
    const std::int64_t parts = r["frontend_ps"].get<std::int64_t>() + r["queue_ps"].get<std::int64_t>() +
                               r["load_ps"].get<std::int64_t>() + r["prefill_ps"].get<std::int64_t>();
    CHECK(r["first_token_ps"].get<std::int64_t>() - r["arrival_ps"].get<std::int64_t>() == parts);
    CHECK(r["tpot_s"].get<double>() == Approx(0.1));
    CHECK(r["continues"].is_null());
  }
  CHECK(count == 11);
}

TEST_CASE("a single output token has no TPOT") {
  SampleRun run(1);
  run.workload.turns[0].output_tokens = 1;
  CHECK(nlohmann::json::parse(requests_jsonl(run.workload, run.result))["tpot_s"].is_null());
}
