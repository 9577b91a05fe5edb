// Most output tokens per second with all requests at hand, of published benchmarks; per replica.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "validate/experiment_head.hpp"
#include "validate/server_study.hpp"

namespace kvplan {
namespace {

struct Point {
  std::string label;
  ServerPoint server;
  double published = 0;
  std::string explained;  // why the point is not gated
};

// As many sequences at once as surely fit to their ends: TensorRT-LLM's default evicts none.
std::int32_t that_fit(const SimulationConfig& c, const ServerRow& row, double jitter) {
  const double longest = (1 + jitter / 2) * (row.isl + row.osl) + c.engine.page_tokens;
  const auto room = static_cast<double>(c.engine.g1_pages.count * c.engine.page_tokens);
  return std::max(1, static_cast<std::int32_t>(room / longest));
}

Point read_point(JsonReader& r, const Benchmark& b, std::int32_t sequences, const std::string& backend, Dtype weights,
                 Dtype kv, std::optional<double> fp8_efficiency) {
  Point p;
  ServerRow row;
  row.backend = backend;
  row.weights = weights;
  row.concurrency = sequences;
  row.isl = static_cast<std::int32_t>(r.integer("prompt_tokens", 1, 1'000'000));
  row.osl = static_cast<std::int32_t>(r.integer("output_tokens", 1, 1'000'000));
  row.tp = static_cast<std::int32_t>(r.integer("tp", 1, 64));
  p.label = fmt::format("{}, {}/{}", r.string("label"), row.isl, row.osl);
  Hardware hardware = load_hardware(r.string("hardware"));
  if (fp8_efficiency) hardware.gpu.fp8_gemm_efficiency.value = *fp8_efficiency;
  p.server = server_point(row, hardware, nullptr, load_architecture(r.string("model")), b, kv);
  p.server.row.concurrency = std::min(sequences, that_fit(p.server.config, row, b.length_jitter));
  p.published = r.number("output_tokens_per_s", 1, 1e9);
  p.explained = r.string("explained", "");
  r.no_other_keys();
  return p;
}

void add_ratio(JsonReader r, const std::vector<Point>& points, const std::vector<ServerFigures>& f, Experiment& e) {
  const auto last = static_cast<std::int64_t>(points.size()) - 1;
  const auto of = static_cast<std::size_t>(r.integer("of", 0, last));
  const auto over = static_cast<std::size_t>(r.integer("over", 0, last));
  const auto per_gpu = [&](std::size_t i, double rate) { return rate / points[i].server.row.tp; };
  const double predicted = per_gpu(of, f[of].output_tokens_per_s) / per_gpu(over, f[over].output_tokens_per_s);
  const double published = per_gpu(of, points[of].published) / per_gpu(over, points[over].published);
  e.comparisons.push_back({r.string("label"), "x", predicted, published, r.number("tolerance", 0, 1)});
  r.no_other_keys();
}

}  // namespace

Experiment offline_throughput(const JsonFile& file) {
  JsonFindings findings;
  JsonReader in(file, findings);
  Experiment e;
  e.title = in.string("title");
  e.source = in.string("source");
  const std::string backend = in.string("backend");
  const Dtype weights = dtype_from_name(in.string("weights")), kv = dtype_from_name(in.string("kv_dtype"));
  const auto sequences = static_cast<std::int32_t>(in.integer("sequences", 1, 65536));
  const double tolerance = in.number("tolerance", 0, 1);
  Benchmark b;
  b.spacing_s = 0;
  b.requests_per_client = static_cast<std::int32_t>(in.integer("requests_per_client", 1, 1000));
  b.batched_tokens = static_cast<std::int32_t>(in.integer("batched_tokens", 1, 1 << 24));
  b.length_jitter = in.number("length_jitter", 0, 0.9);
  if (in.boolean("overlap", false)) b.overlapped.insert(backend);
  b.of_free_memory = in.boolean("utilization_of_free_memory", false);
  std::optional<double> fp8_efficiency;
  if (in.has("fp8_gemm_efficiency")) fp8_efficiency = in.number("fp8_gemm_efficiency", 0.01, 1);
  std::vector<Point> points;
  for (JsonReader& r : in.objects("points", true)) {
    points.push_back(read_point(r, b, sequences, backend, weights, kv, fp8_efficiency));
  }
  e.remarks = in.strings("assumptions");
  std::vector<ServerPoint> servers;
  for (const Point& p : points) servers.push_back(p.server);
  const OverheadFit overheads = shipped_overheads(backend, Kernels::roofline);
  const unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  const std::vector<ServerFigures> f = predict(servers, b, overheads.value, threads);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& p = points[i];
    std::string remark = fmt::format("{} sequences", p.server.row.concurrency);
    if (!p.explained.empty()) remark += "; " + p.explained;
    e.comparisons.push_back({p.label, "tokens/s", f[i].output_tokens_per_s, p.published,
                             p.explained.empty() ? tolerance : 0, false, remark});
  }
  if (in.has("ratio")) add_ratio(in.object("ratio"), points, f, e);
  in.no_other_keys();
  findings.raise();
  e.inputs = {{"dtypes", fmt::format("{} weights, {} KV", name_of(weights), name_of(kv))},
              {"load", fmt::format("at most {} sequences at once, none evicted, {} tokens a step", sequences,
                                   b.batched_tokens)},
              {"overheads", fmt::format("{}: step {:.2f} ms, sequence {:.1f} us (fitted on other servers)", backend,
                                        1e3 * overheads.value.step_s, 1e6 * overheads.value.sequence_s)},
              {"step time", points.front().server.provenance}};
  return e;
}

}  // namespace kvplan
