// A run put together by hand, whose figures can be told in the head: ten requests,
// one a second, each served in two seconds, and one that is refused.
#pragma once

#include "reports/result_document.hpp"

namespace kvplan {

struct SampleRun {
  Workload workload;
  SimulationConfig config;
  SimulationResult result;
  Hardware hardware;
  Targets targets;
  std::vector<std::string> notes;

  explicit SampleRun(int requests = 10) {
    for (int i = 0; i < requests; ++i) add(i);
    config.engine.max_context_tokens = 4096;
    config.engine.frontend_fixed = Time(kPsPerS / 10);
    hardware.name = "sample-gpu";
    hardware.usd_per_gpu_hour = {3.6, "", ""};
    hardware.gpu.busy_watts = {700, "", ""};
    hardware.gpu.idle_watts = {100, "", ""};
    result.end = Time((requests + 1) * kPsPerS);
    result.gpu_busy = Time(kPsPerS);
    result.in_system_at_decile.assign(11, 2);
    result.links = {{"node0 idle", 100, Bytes(0), Time(0)}, {"node0 gpu0 link", 100, Bytes(550), Time(2 * kPsPerS)}};
  }

  // Arrives at second i; first token a second later: 0.1 front end, 0.2 queue, 0.3 load, 0.4 prefill.
  void add(int i) {
    Turn t;
    t.arrival.time = Time(i * kPsPerS);
    t.prompt_tokens = 100;
    t.output_tokens = 11;
    workload.turns.push_back(t);
    RequestRecord r;
    r.turn = static_cast<TurnId>(i);
    r.replica = 0;
    r.outcome = Outcome::completed;
    r.arrival = t.arrival.time;
    r.first_token = r.arrival + Time(kPsPerS);
    r.finish = r.arrival + Time(2 * kPsPerS);
    r.frontend = Time(kPsPerS / 10), r.queue = Time(kPsPerS / 5);
    r.load = Time(3 * kPsPerS / 10), r.prefill = Time(4 * kPsPerS / 10);
    r.hit_g1_tokens = 48, r.hit_g2_tokens = 32, r.computed_tokens = 20;
    result.requests.push_back(r);
  }

  void refuse(Refusal why) {
    add(static_cast<int>(workload.turns.size()));
    result.requests.back().outcome = Outcome::refused;
    result.requests.back().refusal = why;
  }

  Json document() const {
    return result_document({workload, config, result, hardware, targets, 0.5, 0.05, notes, {{"summary", "a sample"}}});
  }
};

}  // namespace kvplan
