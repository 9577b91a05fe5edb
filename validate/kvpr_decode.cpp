// KVPR: what its trade saves of a decode step, by the physics alone, and a grid beside its published maxima.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "studies/kvpr.hpp"
#include "validate/experiment_head.hpp"

namespace kvplan {
namespace {

struct Grid {
  std::vector<std::string> models;
  std::vector<std::int64_t> prompts, batches;
  std::int64_t output_tokens = 0;
  kvpr::Setting setting;
  double latency = 0, throughput_first = 0, throughput_second = 0;
};

std::vector<std::int64_t> integers(JsonReader& in, const char* key) {
  std::vector<std::int64_t> all;
  for (const std::string& s : in.strings(key, true)) all.push_back(std::stoll(s));
  return all;
}

// How far the linear program's split is from the best of all, in seconds of a layer, over every setting seen.
struct Worst {
  double s = 0;
  std::int64_t settings = 0;
  void see(const std::vector<kvpr::Line>& lines, std::int64_t context) {
    const kvpr::Split lp = kvpr::best_split(lines, context), tried = kvpr::best_split_by_trying(lines, context);
    s = std::max(s, std::abs(lp.layer_s - tried.layer_s) / tried.layer_s);
    ++settings;
  }
};

void add_grid(const Grid& grid, const Hardware& h, Dtype weights, Dtype kv, Worst& worst, Experiment& e) {
  for (const std::string& name : grid.models) {
    const Architecture model = load_architecture(name);
    for (const std::int64_t prompt : grid.prompts) {
      for (const std::int64_t batch : grid.batches) {
        kvpr::Setting s = grid.setting;
        s.batch = static_cast<std::int32_t>(batch);
        s.recompute_flops = h.gpu.bf16_flops.value * h.gpu.gemm_efficiency.value;
        const std::string at = fmt::format("{}, {} tokens, batch {}", name, prompt, batch);
        const auto row = [&] {
          worst.see(kvpr::lines(kvpr::profile(model, h.gpu, weights, kv, s, prompt), s, prompt), prompt);
          return kvpr::generate(model, h.gpu, weights, kv, s, prompt, grid.output_tokens);
        };
        s.schedule = kvpr::Schedule::row_by_row;
        const kvpr::Generation rows = row();
        e.comparisons.push_back(
            {at + ": latency", "%", 100 * (rows.kvpr_s / rows.streamed_s - 1), grid.latency, 0, true});
        s.schedule = kvpr::Schedule::column_by_column;
        s.weights_on_host = true;
        const kvpr::Generation columns = row();
        e.comparisons.push_back({at + ": throughput", "%", 100 * (columns.streamed_s / columns.kvpr_s - 1),
                                 grid.throughput_second, 0, true});
      }
    }
  }
}

}  // namespace

Experiment kvpr_decode(const JsonFile& file) {
  JsonFindings findings;
  JsonReader in(file, findings);
  auto [e, hardware, model, weights, kv] = read_head(in);
  kvpr::Setting s;
  s.batch = static_cast<std::int32_t>(in.integer("batch", 1, 1 << 20));
  s.link_bytes_per_s = in.number("link_bytes_per_s", 1e6, 1e15);
  const std::int64_t context = in.integer("context_tokens", 1, 1 << 20);
  const double tolerance = in.number("tolerance_points", 0, 100);
  Worst worst;
  for (JsonReader& point : in.objects("points", true)) {
    s.recompute_flops = point.number("recompute_flops", 1e12, 1e17);
    const auto lines = kvpr::lines(kvpr::profile(model, hardware.gpu, weights, kv, s, context), s, context);
    const kvpr::Split split = kvpr::best_split(lines, context);
    worst.see(lines, context);
    e.comparisons.push_back({fmt::format("time of a decode step at {:.0f} TFLOPS", s.recompute_flops / 1e12), "%",
                             100 * (split.layer_s / kvpr::layer_s(lines, 0) - 1),
                             point.number("change_percent", -100, 0), tolerance, true,
                             fmt::format("computes {} of {} tokens again", split.recomputed_tokens, context)});
    point.no_other_keys();
  }
  JsonReader g = in.object("grid", true);
  Grid grid;
  grid.models = g.strings("models", true);
  grid.prompts = integers(g, "prompt_tokens");
  grid.batches = integers(g, "batches");
  grid.output_tokens = g.integer("output_tokens", 1, 1 << 20);
  grid.setting.link_bytes_per_s = s.link_bytes_per_s;
  grid.setting.batches = static_cast<std::int32_t>(g.integer("batches_that_share_weights", 1, 1 << 16));
  grid.latency = g.number("published_latency_percent", -100, 100);
  grid.throughput_first = g.number("published_throughput_percent_first_version", -100, 1000);
  grid.throughput_second = g.number("published_throughput_percent", -100, 1000);
  g.no_other_keys();
  in.no_other_keys();
  findings.raise();
  add_grid(grid, hardware, weights, kv, worst, e);
  e.comparisons.insert(e.comparisons.begin() + 3,
                       {fmt::format("linear program against trying every split, {} settings", worst.settings), "",
                        worst.s, 0, 1e-9, true});
  e.remarks.push_back(
      fmt::format("the grid: prompts and batches fixed beforehand, not gated; published maxima beside every row, "
                  "+{:.0f} % the throughput of the paper's first version",
                  grid.throughput_first));
  const Architecture grouped = load_architecture("llama-3.1-8b"), widely = load_architecture("llama-3.1-70b");
  e.remarks.push_back(
      fmt::format("grouped-query attention reverses the trade: a token's activations are {:.1f} times its keys "
                  "and values in {}, {:.1f} times in {}, {:.1f} times in {}",
                  kvpr::activation_ratio(model, weights, kv), model.name, kvpr::activation_ratio(grouped, weights, kv),
                  grouped.name, kvpr::activation_ratio(widely, weights, kv), widely.name));
  return e;
}

}  // namespace kvplan
