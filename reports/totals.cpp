#include "reports/totals.hpp"

#include <algorithm>
#include <numeric>

#include "base/error.hpp"

namespace kvplan {

const char* name_of(Refusal r) {
  switch (r) {
    case Refusal::none:
      return "none";
    case Refusal::exceeds_context:
      return "exceeds_context";
    case Refusal::exceeds_memory:
      return "exceeds_memory";
    case Refusal::empty_prompt:
      return "empty_prompt";
    case Refusal::unavailable:
      return "unavailable";
  }
  KVPLAN_ASSERT(!"a known refusal");
}

const char* name_of(Outcome o) {
  switch (o) {
    case Outcome::unfinished:
      return "unfinished";
    case Outcome::completed:
      return "completed";
    case Outcome::refused:
      return "refused";
  }
  KVPLAN_ASSERT(!"a known outcome");
}

double tpot_seconds(const RequestRecord& r, const Turn& t) {
  KVPLAN_ASSERT(t.output_tokens >= 2);
  return seconds(r.finish - r.first_token) / (t.output_tokens - 1);
}

std::vector<double> mean_gpus_of_kind(const SimulationConfig& config, const SimulationResult& result) {
  const std::vector<double>& means = result.fleet.mean_replicas_of_kind;
  std::vector<double> gpus;
  for (const SimulationConfig* kind : kinds_of(config)) {
    const double replicas = means.empty() ? kind->replicas : means[gpus.size()];
    gpus.push_back(replicas * kind->gpus_per_replica);
  }
  for (const SimulationConfig& own : config.decode_pool) {
    gpus.front() += double{1} * own.replicas * own.gpus_per_replica;
  }
  return gpus;
}

double mean_gpus(const SimulationConfig& config, const SimulationResult& result) {
  const std::vector<double> gpus = mean_gpus_of_kind(config, result);
  return std::accumulate(gpus.begin(), gpus.end(), 0.0);
}

namespace {

void add_completed(Totals& sum, const RequestRecord& r, const Turn& t) {
  sum.first_arrival = sum.completed == 0 ? r.arrival : std::min(sum.first_arrival, r.arrival);
  sum.last_arrival = std::max(sum.last_arrival, r.arrival);
  sum.last_finish = std::max(sum.last_finish, r.finish);
  ++sum.completed;
  sum.prompt_tokens += t.prompt_tokens;
  sum.output_tokens += t.output_tokens;
  sum.hit_g1_tokens += r.hit_g1_tokens;
  sum.hit_g2_tokens += r.hit_g2_tokens;
  sum.hit_ssd_tokens += r.hit_beyond_tokens[static_cast<int>(Storage::ssd)];
  sum.hit_remote_tokens += r.hit_beyond_tokens[static_cast<int>(Storage::remote)];
  sum.computed_tokens += r.computed_tokens;
  sum.recomputed_tokens += r.recomputed_tokens;
  sum.ttft_s.push_back(seconds(r.first_token - r.arrival));
  sum.e2e_s.push_back(seconds(r.finish - r.arrival));
  sum.queue_s.push_back(seconds(r.queue));
  sum.load_s.push_back(seconds(r.load));
  if (t.output_tokens >= 2) sum.tpot_s.push_back(tpot_seconds(r, t));
  sum.frontend_sum_s += seconds(r.frontend);
  sum.queue_sum_s += seconds(r.queue);
  sum.load_sum_s += seconds(r.load);
  sum.prefill_sum_s += seconds(r.prefill);
  sum.recompute_sum_s += seconds(r.recompute);
}

}  // namespace

Totals total(const Workload& workload, const SimulationResult& result) {
  KVPLAN_ASSERT(result.requests.size() == workload.turns.size());
  Totals sum;
  for (std::size_t i = 0; i < result.requests.size(); ++i) {
    const RequestRecord& r = result.requests[i];
    ++sum.submitted;
    if (r.outcome == Outcome::completed) add_completed(sum, r, workload.turns[i]);
    if (r.outcome == Outcome::unfinished) ++sum.unfinished;
    if (r.outcome == Outcome::refused) {
      ++sum.refused;
      ++sum.refused_by[static_cast<std::size_t>(r.refusal)];
      sum.refused_answers += workload.turns[i].output_tokens >= 2;
    }
  }
  if (sum.completed > 0) {
    sum.first_arrival = std::min(sum.first_arrival, result.first_step);
    sum.last_finish = std::max(sum.last_finish, result.last_step);
  }
  for (const LinkUsage& l : result.links) sum.last_moved = std::max(sum.last_moved, l.last_moved);
  KVPLAN_ASSERT(sum.submitted == sum.completed + sum.refused + sum.unfinished);
  return sum;
}

}  // namespace kvplan
