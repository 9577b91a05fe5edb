#include "reports/result_document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "reports/cells.hpp"
#include "reports/endurance.hpp"
#include "reports/kinds.hpp"
#include "reports/summary.hpp"
#include "reports/totals.hpp"
#include "reports/verdict.hpp"
#include "sim/pools.hpp"

namespace kvplan {
namespace {

Json ratio(double a, double b) { return b > 0 ? Json(a / b) : Json(nullptr); }

Json requests_block(const Totals& sum) {
  Json reasons = Json::object();
  for (std::size_t i = 1; i < kRefusals; ++i) {
    if (static_cast<Refusal>(i) == Refusal::unavailable && sum.refused_by[i] == 0) continue;
    reasons[name_of(static_cast<Refusal>(i))] = sum.refused_by[i];
  }
  return {{"submitted", sum.submitted},
          {"completed", sum.completed},
          {"refused", sum.refused},
          {"unfinished", sum.unfinished},
          {"refused_reasons", reasons}};
}

Json latency_block(const Totals& sum) {
  const double n = static_cast<double>(sum.completed);
  Json block = {{"ttft_s", summary(sum.ttft_s)},
                {"tpot_s", summary(sum.tpot_s)},
                {"e2e_s", summary(sum.e2e_s)},
                {"queue_s", summary(sum.queue_s)},
                {"load_s", summary(sum.load_s)}};
  block["ttft_parts_mean_s"] = {{"frontend", ratio(sum.frontend_sum_s, n)},
                                {"queue", ratio(sum.queue_sum_s, n)},
                                {"load", ratio(sum.load_sum_s, n)},
                                {"prefill", ratio(sum.prefill_sum_s, n)},
                                {"recompute_in_prefill", ratio(sum.recompute_sum_s, n)}};
  return block;
}

bool within(const Targets& targets, const RequestRecord& r, const Turn& t) {
  if (targets.ttft_s && seconds(r.first_token - r.arrival) > *targets.ttft_s) return false;
  return !targets.tpot_s || t.output_tokens < 2 || tpot_seconds(r, t) <= *targets.tpot_s;
}

Json throughput_block(const RunFacts& run, const Totals& sum) {
  const double span_s = seconds(sum.makespan());
  Json goodput = nullptr;
  if (run.targets.ttft_s || run.targets.tpot_s) {
    std::int64_t good = 0;
    for (std::size_t i = 0; i < run.result.requests.size(); ++i) {
      const RequestRecord& r = run.result.requests[i];
      good += r.outcome == Outcome::completed && within(run.targets, r, run.workload.turns[i]);
    }
    goodput = ratio(static_cast<double>(good), span_s);
  }
  return {{"output_tokens_per_s", ratio(static_cast<double>(sum.output_tokens), span_s)},
          {"prompt_tokens_per_s", ratio(static_cast<double>(sum.prompt_tokens), span_s)},
          {"requests_per_s", ratio(static_cast<double>(sum.completed), span_s)},
          {"goodput_requests_per_s", goodput}};
}

Json by_tier(const Bytes (&bytes)[3]) {
  return {{"dram", bytes[0].count}, {"ssd", bytes[1].count}, {"remote", bytes[2].count}};
}

// At the run's mean rate: what drives are rated in.
Json per_day(const Bytes (&bytes)[3], double span_s) {
  const auto rate = [&](int i) { return ratio(static_cast<double>(bytes[i].count) * 86400, span_s); };
  return {{"dram", rate(0)}, {"ssd", rate(1)}, {"remote", rate(2)}};
}

Json load_choice_block(const LoadChoices& c) {
  return {{"loaded_requests", c.loaded},
          {"recomputed_requests", c.recomputed},
          {"partial_requests", c.partial},
          {"recomputed_tokens", c.recomputed_tokens},
          {"estimated_s_saved_against_loading", seconds(c.saved_against_loading)},
          {"estimated_s_saved_against_recomputing", seconds(c.saved_against_recomputing)}};
}

Json kv_block(const RunFacts& run, const Totals& sum) {
  const SimulationResult& result = run.result;
  const Json a_day = per_day(result.written, seconds(sum.makespan()));
  return {{"prompt_tokens", sum.prompt_tokens},
          {"hit_tokens",
           {{"hbm", sum.hit_g1_tokens},
            {"dram", sum.hit_g2_tokens},
            {"ssd", sum.hit_ssd_tokens},
            {"remote", sum.hit_remote_tokens}}},
          {"computed_tokens", sum.computed_tokens},
          {"recomputed_tokens", sum.recomputed_tokens},
          {"evicted_blocks",
           {{"hbm", result.evicted_g1_blocks},
            {"dram", result.evicted_g2_blocks},
            {"ssd", result.evicted_beyond_blocks[static_cast<int>(Storage::ssd)]},
            {"remote", result.evicted_beyond_blocks[static_cast<int>(Storage::remote)]}}},
          {"preemptions", result.preemptions},
          {"loaded_bytes", result.loaded.count},
          {"stored_bytes", result.stored.count},
          {"written_beyond_bytes", result.written_beyond.count},
          {"written_bytes", by_tier(result.written)},
          {"written_bytes_per_day", a_day},
          {"ssd_endurance", ssd_endurance(run, a_day["ssd"].is_null() ? 0 : a_day["ssd"].get<double>())},
          {"read_bytes", by_tier(result.read)},
          {"prefetched_bytes", result.prefetched.count},
          {"skipped_store_blocks", result.skipped_stores},
          {"load_choice", load_choice_block(result.load_choices)}};
}

Json links_block(const SimulationResult& result, const Totals& sum) {
  const double span_s = seconds(sum.moving_span());
  Json links = Json::array();
  for (const LinkUsage& l : result.links) {
    links.push_back({{"name", l.name},
                     {"bytes", l.bytes.count},
                     {"busy_fraction", ratio(seconds(l.busy), span_s)},
                     {"mean_bytes_per_s", ratio(static_cast<double>(l.bytes.count), span_s)},
                     {"capacity_bytes_per_s", l.bytes_per_s}});
  }
  return links;
}

Json gpu_block(const RunFacts& run, const Totals& sum) {
  const double fleet_s = seconds(sum.makespan()) * mean_gpus(run.config, run.result);
  return {{"busy_fraction", ratio(seconds(run.result.gpu_busy), fleet_s)},
          {"waiting_for_load_fraction", ratio(seconds(run.result.gpu_waiting_for_load), fleet_s)}};
}

// Null where every replica computes prompts and answers.
Json disaggregation_block(const RunFacts& run) {
  if (run.config.decode_pool.empty()) return nullptr;
  std::vector<double> handover_s;
  for (const RequestRecord& r : run.result.requests) {
    if (r.outcome == Outcome::completed && r.decode_replica != kNone) handover_s.push_back(seconds(r.handover));
  }
  return {{"prefill_replicas", run.config.replicas},
          {"decode_replicas", decode_replicas(run.config)},
          {"handed_over_bytes", run.result.handed_over.count},
          {"handover_s", summary(std::move(handover_s))}};
}

Json cost_block(const std::vector<KindShare>& kinds, const Totals& sum) {
  const double span_s = seconds(sum.makespan());
  const double output = static_cast<double>(sum.output_tokens);
  double usd_per_hour = 0;
  Energy energy;
  for (const KindShare& k : kinds) {
    usd_per_hour += k.usd_per_hour;
    energy.prefill += k.energy.prefill, energy.decode += k.energy.decode, energy.idle += k.energy.idle;
  }
  return {{"usd_per_hour", usd_per_hour},
          {"usd_per_million_output_tokens", ratio(usd_per_hour * span_s / 3600 * 1e6, output)},
          {"joules_per_output_token", ratio(energy.total(), output)},
          {"joules_per_output_token_by_regime",
           {{"prefill", ratio(energy.prefill, output)},
            {"decode", ratio(energy.decode, output)},
            {"idle", ratio(energy.idle, output)}}}};
}

bool fleet_changes(const RunFacts& run) {
  return !run.config.outages.empty() || run.config.scaling.min_replicas > 0;
}

Json fleet_block(const RunFacts& run, const Totals& sum) {
  const FleetHistory& f = run.result.fleet;
  return {{"mean_replicas", f.mean_replicas},
          {"replica_hours", f.mean_replicas * seconds(sum.makespan()) / 3600},
          {"node_failures", f.failures},
          {"node_drains", f.drains},
          {"started_replicas", f.started},
          {"stopped_replicas", f.stopped},
          {"requeued_requests", f.requeued},
          {"lost_kv_tokens", f.lost_tokens},
          {"held_requests", f.held}};
}

std::string fleet_note(const RunFacts& run) {
  const FleetHistory& f = run.result.fleet;
  return fmt::format(
      "FLEET: {:.2f} replicas on average; {}, {}, {} replicas started and {} stopped by scaling; {} "
      "times a request lost its replica, with {} tokens of KV in all, and was routed again; {} times one found none "
      "and waited",
      f.mean_replicas, counted(static_cast<double>(f.failures), "node failure"),
      counted(static_cast<double>(f.drains), "drain"),
      f.started, f.stopped, f.requeued, f.lost_tokens, f.held);
}

Json verdict_block(const RunFacts& run, const Totals& sum) {
  const Verdict v = judge(run.workload, run.config, run.result, sum);
  return {{"state", name_of(v.state)},
          {"bottleneck", v.bottleneck},
          {"reason", v.reason},
          {"bottleneck_reason", v.bottleneck_reason},
          {"in_system_at_tenths", run.result.in_system_at_decile}};
}

// A request that was refused counts as one that took for ever: the value of a quantile that is one of these is null.
Json target_block(std::vector<double> sample, std::int64_t refused, double target, double quantile) {
  sample.insert(sample.end(), static_cast<std::size_t>(refused), std::numeric_limits<double>::infinity());
  Json block = {{"target_s", target}, {"quantile", quantile}, {"value_s", nullptr}, {"met", false}};
  if (sample.empty()) return block;
  const double value = nearest_rank(sample, quantile);
  if (std::isfinite(value)) block["value_s"] = value;
  block["met"] = value <= target;
  return block;
}

Json targets_block(const Targets& t, const Totals& sum) {
  Json block = Json::object();
  if (t.ttft_s) block["ttft_s"] = target_block(sum.ttft_s, sum.refused, *t.ttft_s, t.quantile);
  if (t.tpot_s) block["tpot_s"] = target_block(sum.tpot_s, sum.refused_answers, *t.tpot_s, t.quantile);
  return block;
}

Json simulation_block(const RunFacts& run) {
  return {{"simulated_s", seconds(run.result.end)},
          {"wall_s", run.wall_s},
          {"start_cpu_s", run.start_cpu_s},
          {"events", run.result.events},
          {"steps", run.result.steps},
          {"requests_per_wall_s", ratio(static_cast<double>(run.result.requests.size()), run.wall_s)}};
}

std::int64_t roomiest_g1_tokens(const SimulationConfig& config) {
  std::int64_t most = 0;
  for (const SimulationConfig* kind : kinds_of(config)) {
    most = std::max(most, kind->engine.g1_pages.count * kind->engine.page_tokens);
  }
  return most;
}

// Refused requests are no footnote: whoever reads the latencies must know what they leave out.
std::vector<std::string> notes_of(const RunFacts& run, const Totals& sum, const std::vector<KindShare>& kinds) {
  std::vector<std::string> notes = run.notes;
  const auto refused = [&](Refusal why) { return sum.refused_by[static_cast<std::size_t>(why)]; };
  const std::int64_t context = refused(Refusal::exceeds_context), memory = refused(Refusal::exceeds_memory);
  if (context > 0) {
    notes.push_back(fmt::format("REFUSED: {} of {} requests (prompt + output exceed the window of {} tokens)", context,
                                sum.submitted, run.config.engine.max_context_tokens));
  }
  if (memory > 0) {
    std::string room = fmt::format("a replica's {} tokens", roomiest_g1_tokens(run.config));
    if (!run.config.decode_pool.empty()) {
      room = fmt::format("the {} tokens of a replica for prompts, or the {} of one for answers",
                         roomiest_g1_tokens(run.config), roomiest_g1_tokens(run.config.decode_pool.front()));
    }
    notes.push_back(
        fmt::format("REFUSED: {} of {} requests (they need more KV memory than {})", memory, sum.submitted, room));
  }
  if (refused(Refusal::empty_prompt) > 0) {
    notes.push_back(
        fmt::format("REFUSED: {} of {} requests (empty prompt)", refused(Refusal::empty_prompt), sum.submitted));
  }
  if (refused(Refusal::unavailable) > 0) {
    notes.push_back(fmt::format("REFUSED: {} of {} requests (no replica was left to take them)",
                                refused(Refusal::unavailable), sum.submitted));
  }
  if (!run.config.others.empty()) {
    const std::vector<std::string> more = kind_notes(run, kinds);
    notes.insert(notes.end(), more.begin(), more.end());
  }
  if (fleet_changes(run)) notes.push_back(fleet_note(run));
  return notes;
}

}  // namespace

Json result_document(const RunFacts& run) {
  const Totals sum = total(run.workload, run.result);
  const std::vector<KindShare> kinds = kind_shares(run, seconds(sum.makespan()));
  Json document;
  document["schema"] = kResultSchema;
  document["verdict"] = verdict_block(run, sum);
  document["notes"] = notes_of(run, sum, kinds);
  document["requests"] = requests_block(sum);
  document["latency"] = latency_block(sum);
  document["throughput"] = throughput_block(run, sum);
  document["targets"] = targets_block(run.targets, sum);
  document["kv"] = kv_block(run, sum);
  document["links"] = links_block(run.result, sum);
  document["gpu"] = gpu_block(run, sum);
  if (fleet_changes(run)) document["fleet"] = fleet_block(run, sum);
  if (!run.config.others.empty()) document["kinds"] = kinds_block(run, kinds);
  document["cost"] = cost_block(kinds, sum);
  document["disaggregation"] = disaggregation_block(run);
  document["provenance"] = run.provenance;
  document["simulation"] = simulation_block(run);
  return document;
}

bool targets_met(const Json& document) {
  const Json& targets = document.at("targets");
  return std::all_of(targets.begin(), targets.end(), [](const Json& t) { return t.at("met").get<bool>(); });
}

}  // namespace kvplan
