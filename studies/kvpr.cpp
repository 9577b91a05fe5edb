#include "studies/kvpr.hpp"

#include <coin/Clp_C_Interface.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "base/error.hpp"
#include "models/roofline.hpp"

namespace kvplan::kvpr {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::max();  // what COIN-OR takes for infinity

double kv_columns(const Architecture& a) { return 2.0 * a.kv_heads * a.head_dim; }

double activation_bytes(const Architecture& a, Dtype weights) {
  return a.hidden * bytes_per_element(unquantised(weights));
}

double kv_bytes(const Architecture& a, Dtype kv) { return kv_columns(a) * bytes_per_element(kv); }

Split at(const std::vector<Line>& lines, std::int64_t l) {
  Split s{l, -1, ""};
  for (const Line& line : lines) {
    const double t = line(static_cast<double>(l));
    if (t > s.layer_s) s.layer_s = t, s.bound = line.name;
  }
  return s;
}

}  // namespace

LayerProfile profile(const Architecture& a, const Gpu& gpu, Dtype weights, Dtype kv, const Setting& s,
                     std::int64_t context) {
  if (a.latent()) {
    throw InfeasibleError("error: " + a.name +
                          " keeps latent vectors: there are no keys and values to compute from activations\n"
                          "  help: choose a model with multi-head attention, such as opt-6.7b");
  }
  KVPLAN_ASSERT(s.batch > 0 && s.batches > 0 && s.link_bytes_per_s > 0 && s.recompute_flops > 0);
  LayerProfile p;
  p.activation_s_per_token = s.batch * activation_bytes(a, weights) / s.link_bytes_per_s;
  p.kv_s_per_token = s.batch * kv_bytes(a, kv) / s.link_bytes_per_s;
  p.recompute_s_per_token = s.batch * 2.0 * a.hidden * kv_columns(a) / s.recompute_flops;
  const StepTime step = roofline_step_time(a, gpu, 1, weights, kv);
  p.own_s = seconds(Time(step({s.batch, s.batch, s.batch * context, 0}))) / a.layers;
  if (s.weights_on_host) {
    p.weights_s = static_cast<double>(a.weight_bytes(weights).count) / a.layers / s.link_bytes_per_s;
  }
  return p;
}

std::vector<Line> lines(const LayerProfile& p, const Setting& s, std::int64_t context) {
  const double tokens = static_cast<double>(context), n = s.schedule == Schedule::row_by_row ? 1 : s.batches;
  const double activations = s.link == LinkModel::shared ? p.activation_s_per_token : 0;
  std::vector<Line> all = {
      {"link", p.weights_s + n * p.kv_s_per_token * tokens, n * (activations - p.kv_s_per_token)},
      {"GPU", n * p.own_s, n * p.recompute_s_per_token},
  };
  if (s.schedule == Schedule::row_by_row) {
    const double weights = s.link == LinkModel::shared ? p.weights_s : 0;
    all.push_back({"activations, then recompute", weights, p.activation_s_per_token + p.recompute_s_per_token});
  }
  return all;
}

double layer_s(const std::vector<Line>& lines, double l) {
  double t = 0;
  for (const Line& line : lines) t = std::max(t, line(l));
  return t;
}

// minimise t over 0 <= x <= 1, t >= line_i(x s): in units of the time without a split, so that the solver's tolerances
// are relative to it.
Split best_split(const std::vector<Line>& lines, std::int64_t context) {
  KVPLAN_ASSERT(!lines.empty() && context >= 1);
  const double tokens = static_cast<double>(context), unit = layer_s(lines, 0);
  if (unit <= 0) return at(lines, 0);
  const int rows = static_cast<int>(lines.size());
  std::vector<int> index;
  std::vector<double> value, low, high(lines.size(), kUnbounded);
  for (const double column : {0.0, 1.0}) {
    for (int i = 0; i < rows; ++i) {
      const Line& line = lines[static_cast<std::size_t>(i)];
      index.push_back(i);
      value.push_back(column == 0 ? -line.per_token * tokens / unit : 1);  // t - slope x >= constant
      if (column == 0) low.push_back(line.at_zero / unit);
    }
  }
  const std::array<CoinBigIndex, 3> start = {0, rows, 2 * rows};
  const std::array<double, 2> least = {0, 0}, most = {1, kUnbounded}, cost = {0, 1};
  const std::unique_ptr<Clp_Simplex, void (*)(Clp_Simplex*)> model(Clp_newModel(), Clp_deleteModel);
  Clp_setLogLevel(model.get(), 0);
  Clp_loadProblem(model.get(), 2, rows, start.data(), index.data(), value.data(), least.data(), most.data(),
                  cost.data(), low.data(), high.data());
  Clp_primal(model.get(), 0);
  KVPLAN_ASSERT(Clp_status(model.get()) == 0);
  const double x = std::clamp(Clp_primalColumnSolution(model.get())[0], 0.0, 1.0) * tokens;
  // The solver's x is good to about 1e-7 of the context: the integers around it, and one more each way.
  Split best = at(lines, 0);
  for (std::int64_t l = static_cast<std::int64_t>(x) - 1; l <= static_cast<std::int64_t>(x) + 2; ++l) {
    if (l < 0 || l > context) continue;
    const Split s = at(lines, l);
    if (s.layer_s < best.layer_s) best = s;
  }
  return best;
}

Split best_split_by_trying(const std::vector<Line>& lines, std::int64_t context) {
  Split best = at(lines, 0);
  for (std::int64_t l = 1; l <= context; ++l) {
    const Split s = at(lines, l);
    if (s.layer_s < best.layer_s) best = s;
  }
  return best;
}

Generation generate(const Architecture& a, const Gpu& gpu, Dtype weights, Dtype kv, const Setting& s,
                    std::int64_t prompt, std::int64_t output) {
  Generation g;
  const double n = s.schedule == Schedule::row_by_row ? 1 : s.batches;
  for (std::int64_t context = prompt; context < prompt + output; ++context) {
    const std::vector<Line> all = lines(profile(a, gpu, weights, kv, s, context), s, context);
    const Split split = best_split(all, context);
    g.streamed_s += a.layers * layer_s(all, 0);
    g.kvpr_s += a.layers * split.layer_s;
    g.recomputed_share += static_cast<double>(split.recomputed_tokens) / static_cast<double>(context);
    g.tokens += n * s.batch;
  }
  g.recomputed_share /= static_cast<double>(output);
  return g;
}

double activation_ratio(const Architecture& a, Dtype weights, Dtype kv) {
  return activation_bytes(a, weights) / kv_bytes(a, kv);
}

}  // namespace kvplan::kvpr
