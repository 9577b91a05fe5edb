#include "validate/replay/figures.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace kvplan {

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  return values[std::min(values.size() - 1, rank == 0 ? 0 : rank - 1)];
}

RunFigures figures_of(const Workload& load, const SimulationResult& result) {
  std::vector<double> ttft;
  RunFigures f;
  double prompt = 0, outputs = 0, tpot = 0, hbm = 0, dram = 0, ssd = 0;
  int decoded = 0;
  for (const RequestRecord& r : result.requests) {
    if (r.outcome != Outcome::completed) continue;
    const Turn& turn = load.turns[r.turn];
    ttft.push_back(seconds(r.first_token - r.arrival));
    f.e2e_mean_s += seconds(r.finish - r.arrival);
    if (turn.output_tokens > 1) {
      tpot += seconds(r.finish - r.first_token) / (turn.output_tokens - 1);
      ++decoded;
    }
    prompt += turn.prompt_tokens;
    outputs += turn.output_tokens;
    hbm += r.hit_g1_tokens;
    dram += r.hit_g2_tokens;
    ssd += r.hit_beyond_tokens[static_cast<int>(Storage::ssd)];
  }
  if (ttft.empty()) return f;
  const auto n = static_cast<double>(ttft.size());
  for (const double t : ttft) f.ttft_mean_s += t / n;
  f.ttft_p50_s = quantile(ttft, 0.5);
  f.ttft_p90_s = quantile(ttft, 0.9);
  f.ttft_p99_s = quantile(ttft, 0.99);
  f.e2e_mean_s /= n;
  f.tpot_mean_s = decoded == 0 ? 0 : tpot / decoded;
  f.output_tokens_per_s = outputs / seconds(result.end);
  f.hit_hbm = hbm / prompt;
  f.hit_dram = dram / prompt;
  f.hit_ssd = ssd / prompt;
  return f;
}

}  // namespace kvplan
