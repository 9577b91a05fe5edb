#include "validate/server_study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/embedded.hpp"
#include "base/json_file.hpp"

namespace kvplan {
namespace {

constexpr const char* kStandIn = "vllm";  // for a backend of which no server was measured
constexpr const char* kShipped = "validate/servers/overheads.json";

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (at - static_cast<double>(low)) * (values[high] - values[low]);
}

ServerComparison compare(const ServerPoint& p, const ServerFigures& f, bool fitted, const Benchmark& b) {
  ServerComparison c{p, f, fitted, frontend_bound(f, b)};
  c.ttft_error = f.ttft_s / p.row.ttft_s - 1;
  c.tpot_error = f.tpot_s / p.row.tpot_s - 1;
  c.e2e_error = f.e2e_s / p.row.e2e_s() - 1;
  return c;
}

double error_of(const ServerComparison& c, ServerLatency q) {
  return q == ServerLatency::ttft ? c.ttft_error : q == ServerLatency::tpot ? c.tpot_error : c.e2e_error;
}

bool covered(const ServerComparison& c, ServerLatency q, const OverheadFit& fit) {
  const double factor = 1 / (1 + error_of(c, q));  // measured / predicted
  if (q == ServerLatency::ttft) return factor >= fit.ttft_low && factor <= fit.ttft_high;
  if (q == ServerLatency::tpot) return factor >= fit.tpot_low && factor <= fit.tpot_high;
  return factor >= fit.e2e_low && factor <= fit.e2e_high;
}

Overheads read_overheads(JsonReader r) {
  Overheads o;
  o.activations = r.number("activations", 0, 100);
  o.step_s = r.number("step_s", 0, 1);
  o.sequence_s = r.number("sequence_s", 0, 1);
  o.request_s = r.number("request_s", 0, 10);
  o.kept_free = static_cast<int>(r.integer("kept_free", 0, 1, 0));
  r.no_other_keys();
  return o;
}

std::pair<double, double> read_factors(JsonReader& r, const std::string& name) {
  return {r.number(name + "_low", 0.01, 1), r.number(name + "_high", 1, 100)};
}

}  // namespace

OverheadFit shipped_overheads(const std::string& backend, Kernels kernels) {
  const JsonFile file = JsonFile::parse(std::string(embedded_file(kShipped)), kShipped);
  JsonFindings findings;
  JsonReader root(file, findings);
  OverheadFit found;
  std::vector<std::string> names;
  for (JsonReader& r : root.objects("overheads", true)) {
    const std::string name = r.string("backend");
    names.push_back(name);
    r.string("source");
    const std::string with = r.one_of("kernels", {"roofline", "calibration"});
    OverheadFit fit;
    fit.rows = static_cast<std::size_t>(r.integer("rows", 0, 1'000'000));
    fit.value = read_overheads(r.object("value", true));
    fit.low = read_overheads(r.object("low", true));
    fit.high = read_overheads(r.object("high", true));
    JsonReader factors = r.object("measured_over_predicted", true);
    std::tie(fit.ttft_low, fit.ttft_high) = read_factors(factors, "ttft");
    std::tie(fit.tpot_low, fit.tpot_high) = read_factors(factors, "tpot");
    std::tie(fit.e2e_low, fit.e2e_high) = read_factors(factors, "e2e");
    factors.no_other_keys();
    r.no_other_keys();
    if (name == backend && (with == "calibration") == (kernels == Kernels::calibration)) found = fit;
  }
  root.no_other_keys();
  findings.raise();
  if (found.rows == 0) {
    throw InputError(Diagnostic{"", 0, 0, fmt::format("no overheads ship for the backend \"{}\"", backend),
                                suggestion(backend, names) + "; --fit every-second fits them to the file's own rows"});
  }
  return found;
}

bool ships_overheads(const std::string& backend) {
  const JsonFile file = JsonFile::parse(std::string(embedded_file(kShipped)), kShipped);
  const auto& all = file.root()["overheads"];
  return std::any_of(all.begin(), all.end(), [&](const auto& o) { return o["backend"] == backend; });
}

ServerStudy study_servers(const std::string& csv_path, const BenchmarkFile& file, Dtype kv, unsigned threads) {
  ServerStudy study;
  study.file = file;
  const Benchmark& b = file.benchmark;
  const std::vector<ServerRow> rows = read_server_rows(csv_path);
  const std::vector<ServerPoint> points = server_points(rows, csv_path, b, kv);
  std::vector<bool> fitted(rows.size(), false);
  if (file.fit == Fit::every_second) fitted = every_second_combination(rows);

  std::map<std::string, std::vector<std::size_t>> servers;
  for (std::size_t i = 0; i < rows.size(); ++i) servers[rows[i].server()].push_back(i);
  std::vector<ServerFigures> figures(rows.size());
  for (const auto& [name, members] : servers) {
    std::vector<ServerPoint> own, own_fitted;
    for (const std::size_t i : members) {
      own.push_back(points[i]);
      if (fitted[i]) own_fitted.push_back(points[i]);
    }
    const std::string& backend = rows[members.front()].backend;
    const bool known = ships_overheads(backend);
    if (file.fit != Fit::every_second && !known) study.assumed[name] = kStandIn;
    const OverheadFit fit = file.fit == Fit::every_second
                                ? fit_overheads(own_fitted, b, threads)
                                : shipped_overheads(known ? backend : kStandIn, own.front().kernels);
    study.fits[name] = fit;
    const std::vector<ServerFigures> f = predict(own, b, fit.value, threads);
    for (std::size_t k = 0; k < members.size(); ++k) figures[members[k]] = f[k];
  }
  for (std::size_t i = 0; i < rows.size(); ++i) study.rows.push_back(compare(points[i], figures[i], fitted[i], b));
  return study;
}

ServerStudy compare_points(const std::vector<ServerPoint>& points, const Benchmark& b, const OverheadFit& fit,
                           unsigned threads) {
  ServerStudy study;
  study.file.benchmark = b;
  const std::vector<ServerFigures> figures = predict(points, b, fit.value, threads);
  for (std::size_t i = 0; i < points.size(); ++i) {
    study.fits[points[i].row.server()] = fit;
    study.rows.push_back(compare(points[i], figures[i], false, b));
  }
  return study;
}

std::vector<Sensitivity> sensitivities(const ServerStudy& study, unsigned threads) {
  const Benchmark& base = study.file.benchmark;
  std::vector<std::pair<std::string, Benchmark>> changes = {{"as described", base}};
  const auto change = [&](const char* text, auto edit) {
    changes.emplace_back(text, base);
    edit(changes.back().second);
  };
  change("first burst left out of the mean", [](Benchmark& b) { b.skip_first_burst = true; });
  change("5 requests a client", [](Benchmark& b) { b.requests_per_client = 5; });
  change("20 requests a client", [](Benchmark& b) { b.requests_per_client = 20; });
  change("all clients at one instant", [](Benchmark& b) { b.spacing_s = 0; });
  change("clients 5 ms apart", [](Benchmark& b) { b.spacing_s = 0.005; });
  change("lengths vary by 0.5 %", [](Benchmark& b) { b.length_jitter = 0.005; });
  change("lengths vary by 20 %", [](Benchmark& b) { b.length_jitter = 0.2; });
  change("a place for every client under TensorRT-LLM", [](Benchmark& b) { b.sequences_beyond_clients["trtllm"] = 0; });
  change("no prompt cut into chunks under TensorRT-LLM", [](Benchmark& b) { b.whole_prompts.insert("trtllm"); });
  change("host work behind the GPU under TensorRT-LLM", [](Benchmark& b) { b.overlapped.insert("trtllm"); });
  change("prompts before decodes everywhere", [](Benchmark& b) { b.prefill_first = {"vllm", "trtllm"}; });
  change("budget of 2,048 tokens a step", [](Benchmark& b) { b.batched_tokens = 2048; });
  change("budget of 8,192 tokens a step", [](Benchmark& b) { b.batched_tokens = 8192; });
  std::vector<Sensitivity> result;
  for (const auto& [text, benchmark] : changes) {
    ServerStudy changed;
    changed.file = study.file;
    changed.fits = study.fits;
    for (const auto& [server, fit] : study.fits) {
      std::vector<ServerPoint> points;
      for (const ServerComparison& c : study.rows) {
        if (!c.fitted && !c.frontend_bound && c.point.row.server() == server) points.push_back(c.point);
      }
      const std::vector<ServerFigures> f = predict(points, benchmark, fit.value, threads);
      for (std::size_t i = 0; i < points.size(); ++i) changed.rows.push_back(compare(points[i], f[i], false, base));
    }
    const auto all = [](const ServerComparison&) { return true; };
    const ErrorSummary ttft = summarise(changed, ServerLatency::ttft, all);
    result.push_back({text, ttft.median_absolute, ttft.bias, summarise(changed, ServerLatency::tpot, all).median_absolute});
  }
  return result;
}

ErrorSummary summarise(const ServerStudy& study, ServerLatency q, const std::function<bool(const ServerComparison&)>& of) {
  std::vector<double> absolute, all;
  std::size_t inside = 0;
  for (const ServerComparison& c : study.rows) {
    if (!of(c)) continue;
    all.push_back(error_of(c, q));
    absolute.push_back(std::abs(all.back()));
    inside += covered(c, q, study.fits.at(c.point.row.server()));
  }
  ErrorSummary s;
  s.rows = all.size();
  s.median_absolute = quantile(absolute, 0.5);
  s.p90_absolute = quantile(absolute, 0.9);
  s.bias = quantile(all, 0.5);
  s.coverage = all.empty() ? 0 : static_cast<double>(inside) / static_cast<double>(all.size());
  return s;
}

std::string explain(const ServerComparison& c, const Benchmark& b) {
  const ServerFigures& f = c.figures;
  if (c.frontend_bound) {
    return fmt::format(
        "{:.0f} requests/s and {:.0f} tokens/s are beyond what the host front end did elsewhere ({:.0f}, "
        "{:.0f})",
        f.requests_per_s, f.output_tokens_per_s, b.frontend_requests_per_s, b.frontend_tokens_per_s);
  }
  if (f.preemptions > 0) return fmt::format("{} preemptions: KV memory decides", f.preemptions);
  if (f.queue_share > 0.5) {
    return fmt::format("{:.0f} % of TTFT is queueing: how requests fall into step decides", 100 * f.queue_share);
  }
  return fmt::format("prefill and host work: {:.0f} % of TTFT is queueing", 100 * f.queue_share);
}

}  // namespace kvplan
