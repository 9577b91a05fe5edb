#include "reports/kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "reports/summary.hpp"
#include "reports/totals.hpp"
#include "reports/verdict.hpp"
#include "sim/layout.hpp"
#include "sim/pools.hpp"

namespace kvplan {
namespace {

// Busy time is divided as in the verdict: what computing the prompts takes at full batches, and the rest. Power of a
// regime that was not measured is the busy power.
Energy energy_of(const Gpu& gpu, double prefill_gpu_s, double busy_gpu_s, double idle_gpu_s) {
  const auto watts = [&](const Sourced& regime) { return regime.value > 0 ? regime.value : gpu.busy_watts.value; };
  const double prompts_s = std::min(busy_gpu_s, prefill_gpu_s);
  return {prompts_s * watts(gpu.prefill_watts), (busy_gpu_s - prompts_s) * watts(gpu.decode_watts),
          idle_gpu_s * gpu.idle_watts.value};
}

KindShare share_of(const Hardware& hardware, double gpus, TimeSum busy, TimeSum prefill, double span_s) {
  KindShare k{&hardware, gpus, gpus * hardware.usd_per_gpu_hour.value, gpus * span_s, seconds(busy), {}};
  const double busy_gpu_s = std::min(k.busy_gpu_s, k.gpu_s);
  k.energy = energy_of(hardware.gpu, seconds(prefill), busy_gpu_s, k.gpu_s - busy_gpu_s);
  return k;
}

// What the requests of one kind saw.
struct Served {
  std::int64_t requests = 0, prompt_tokens = 0, hit_tokens = 0;
  std::vector<double> ttft_s, tpot_s;
};

std::vector<Served> served_by_kind(const RunFacts& run) {
  const Layout layout(run.config);
  std::vector<Served> all(layout.kinds());
  for (const RequestRecord& r : run.result.requests) {
    if (r.outcome != Outcome::completed) continue;
    const Turn& turn = run.workload.turns[r.turn];
    Served& s = all[layout.kind_of(r.replica)];
    ++s.requests;
    s.prompt_tokens += turn.prompt_tokens;
    s.hit_tokens += r.hit_g1_tokens + r.hit_g2_tokens + r.hit_beyond_tokens[0] + r.hit_beyond_tokens[1];
    s.ttft_s.push_back(seconds(r.first_token - r.arrival));
    if (turn.output_tokens >= 2) s.tpot_s.push_back(tpot_seconds(r, turn));
  }
  return all;
}

}  // namespace

std::vector<KindShare> kind_shares(const RunFacts& run, double span_s) {
  const std::vector<TimeSum> prefill = prefill_times(run.workload, run.config, run.result);
  const std::vector<double> gpus = mean_gpus_of_kind(run.config, run.result);
  if (run.config.others.empty()) return {share_of(run.hardware, gpus[0], run.result.gpu_busy, prefill[0], span_s)};
  std::vector<KindShare> shares;
  for (std::size_t k = 0; k < gpus.size(); ++k) {
    const Hardware& hardware = k == 0 ? run.hardware : *run.others[k - 1];
    shares.push_back(share_of(hardware, gpus[k], run.result.gpu_busy_of_kind[k], prefill[k], span_s));
  }
  return shares;
}

Json kinds_block(const RunFacts& run, const std::vector<KindShare>& shares) {
  Json kinds = Json::array();
  std::vector<Served> served = served_by_kind(run);
  std::vector<const SimulationConfig*> configs = kinds_of(run.config);
  for (std::size_t k = 0; k < shares.size(); ++k) {
    const SimulationConfig& c = *configs[k];
    Served& s = served[k];
    kinds.push_back({{"hardware", shares[k].hardware->name},
                     {"replicas", c.replicas},
                     {"nodes", ceil_div(c.replicas, c.replicas_per_node)},
                     {"mean_gpus", shares[k].gpus},
                     {"usd_per_hour", shares[k].usd_per_hour},
                     {"joules", shares[k].energy.total()},
                     {"busy_fraction", shares[k].busy_fraction()},
                     {"requests", s.requests},
                     {"prompt_tokens", s.prompt_tokens},
                     {"hit_tokens", s.hit_tokens},
                     {"ttft_s", summary(std::move(s.ttft_s))},
                     {"tpot_s", summary(std::move(s.tpot_s))}});
  }
  return kinds;
}

std::vector<std::string> kind_notes(const RunFacts& run, const std::vector<KindShare>& shares) {
  std::vector<std::string> notes;
  const Json block = kinds_block(run, shares);
  const double completed =
      static_cast<double>(std::count_if(run.result.requests.begin(), run.result.requests.end(),
                                        [](const auto& r) { return r.outcome == Outcome::completed; }));
  std::set<std::string> names;  // kinds of one hardware are told apart by their place in the fleet
  for (const Json& k : block) names.insert(k["hardware"].get<std::string>());
  for (const Json& k : block) {
    const std::string number = names.size() < block.size() ? fmt::format(" {}", notes.size() + 1) : "";
    std::string latency;
    if (!k["ttft_s"]["p95"].is_null()) {
      latency = fmt::format(", TTFT mean {:.3g} s and p95 {:.3g} s", k["ttft_s"]["mean"].get<double>(),
                            k["ttft_s"]["p95"].get<double>());
    }
    notes.push_back(fmt::format("KIND{}: {} x {}: {:.0f} % of the requests{}; GPUs {:.0f} % busy", number,
                                k["replicas"].get<std::int64_t>(), k["hardware"].get<std::string>(),
                                100 * k["requests"].get<double>() / std::max(1.0, completed), latency,
                                100 * k["busy_fraction"].get<double>()));
  }
  return notes;
}

}  // namespace kvplan
