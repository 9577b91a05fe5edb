// kvplan validate server FILE.csv: measured servers beside what kvplan predicts.
#include "cli/validate_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/arguments.hpp"
#include "cli/deployment_facts.hpp"
#include "cli/text_grid.hpp"
#include "validate/server_judgement.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

constexpr const char* kHelp =
    "usage: kvplan validate server FILE.csv [options]\n\n"
    "Simulates each row of a file of whole-server measurements as its benchmark was run (a closed loop of clients at\n"
    "fixed lengths), and prints predicted and measured TTFT, TPOT and E2E. Overheads of the serving framework are\n"
    "fitted to every second (isl, osl) combination and judged on the others, or taken from those that ship.\n"
    "Exit code 5 when a target of the file's description is missed.\n\n";

std::string percent(double x) { return fmt::format("{:.1f} %", 100 * x); }
std::string signed_percent(double x) { return fmt::format("{:+.1f} %", 100 * x); }
std::string ms(double s) { return fmt::format("{:.1f}", 1e3 * s); }

Json overheads_json(const Overheads& o) {
  return {{"activations", o.activations}, {"step_s", o.step_s}, {"sequence_s", o.sequence_s}, {"request_s", o.request_s}, {"kept_free", o.kept_free}};
}

Json summary_json(const ErrorSummary& s) {
  return {{"rows", s.rows},
          {"median_absolute_error", s.median_absolute},
          {"p90_absolute_error", s.p90_absolute},
          {"bias", s.bias},
          {"coverage_of_90_percent_interval", s.coverage}};
}

Json row_json(const ServerComparison& c, const Benchmark& b) {
  const ServerRow& r = c.point.row;
  return {{"line", r.line},
          {"server", r.server()},
          {"isl", r.isl},
          {"osl", r.osl},
          {"concurrency", r.concurrency},
          {"tp", r.tp},
          {"fitted", c.fitted},
          {"frontend_bound", c.frontend_bound},
          {"measured", {{"ttft_s", r.ttft_s}, {"tpot_s", r.tpot_s}, {"e2e_s", r.e2e_s()}}},
          {"predicted", {{"ttft_s", c.figures.ttft_s}, {"tpot_s", c.figures.tpot_s}, {"e2e_s", c.figures.e2e_s}}},
          {"error", {{"ttft", c.ttft_error}, {"tpot", c.tpot_error}, {"e2e", c.e2e_error}}},
          {"remark", explain(c, b)}};
}

Json fit_json(const OverheadFit& f) {
  return {{"rows", f.rows},
          {"value", overheads_json(f.value)},
          {"low", overheads_json(f.low)},
          {"high", overheads_json(f.high)},
          {"measured_over_predicted",
           {{"ttft_low", f.ttft_low},
            {"ttft_high", f.ttft_high},
            {"tpot_low", f.tpot_low},
            {"tpot_high", f.tpot_high},
            {"e2e_low", f.e2e_low},
            {"e2e_high", f.e2e_high}}}};
}

std::string fits_text(const ServerStudy& study) {
  Rows rows = {{"overheads", "rows", "activations", "step, ms", "sequence, us", "request, ms", "places kept free"}};
  const auto figure = [](double v, double low, double high, double unit) {
    return fmt::format("{:.3g} [{:.3g}, {:.3g}]", v / unit, low / unit, high / unit);
  };
  for (const auto& [server, f] : study.fits) {
    const auto stand_in = study.assumed.find(server);
    const std::string name = stand_in == study.assumed.end() ? server : server + " (assumed: those of " + stand_in->second + ")";
    rows.push_back({name, std::to_string(f.rows), figure(f.value.activations, f.low.activations, f.high.activations, 1),
                    figure(f.value.step_s, f.low.step_s, f.high.step_s, 1e-3),
                    figure(f.value.sequence_s, f.low.sequence_s, f.high.sequence_s, 1e-6),
                    figure(f.value.request_s, f.low.request_s, f.high.request_s, 1e-3),
                    std::to_string(f.value.kept_free)});
  }
  return text_grid(rows);
}

std::string groups_text(const ServerStudy& study) {
  Rows rows = {{"", "rows", "", "median", "bias", "p90", "in 90 % interval"}};
  for (const ServerGroup& g : server_groups(study)) {
    bool first = true;
    for (const auto& [quantity, name] : kLatencies) {
      const ErrorSummary s = summarise(study, quantity, g.of);
      if (s.rows == 0) continue;
      rows.push_back({first ? g.name : "", first ? std::to_string(s.rows) : "", name, percent(s.median_absolute),
                      signed_percent(s.bias), percent(s.p90_absolute), percent(s.coverage)});
      first = false;
    }
  }
  return text_grid(rows);
}

std::string rows_text(const std::vector<ServerComparison>& shown, const Benchmark& b) {
  Rows rows = {{"line", "server", "tp", "isl", "osl", "clients", "ttft ms", "meas.", "", "tpot ms", "meas.", "", "e2e", "remark"}};
  for (const ServerComparison& c : shown) {
    const ServerRow& r = c.point.row;
    rows.push_back({std::to_string(r.line), r.backend, std::to_string(r.tp), std::to_string(r.isl), std::to_string(r.osl),
                    std::to_string(r.concurrency), ms(c.figures.ttft_s), ms(r.ttft_s), signed_percent(c.ttft_error),
                    ms(c.figures.tpot_s), ms(r.tpot_s), signed_percent(c.tpot_error), signed_percent(c.e2e_error),
                    explain(c, b)});
  }
  return text_grid(rows);
}

Json document(const ServerStudy& study, const std::vector<ServerTarget>& targets, const std::vector<Sensitivity>& changes) {
  Json j = {{"schema", "kvplan.validate-server/1"},
            {"benchmark", {{"title", study.file.benchmark.title}, {"source", study.file.benchmark.source}}},
            {"step_time", study.rows.front().point.provenance}};
  for (const auto& [server, fit] : study.fits) j["overheads"][server] = fit_json(fit);
  for (const ServerGroup& g : server_groups(study)) {
    Json row = {{"group", g.name}};
    for (const auto& [quantity, name] : kLatencies) row[name] = summary_json(summarise(study, quantity, g.of));
    j["groups"].push_back(std::move(row));
  }
  j["targets"] = Json::array();
  for (const ServerTarget& t : targets) {
    j["targets"].push_back({{"server", t.server}, {"quantity", t.quantity}, {"median_absolute_error", t.reached},
                            {"limit", t.limit}, {"met", t.met()}});
  }
  j["sensitivity"] = Json::array();
  for (const Sensitivity& s : changes) {
    j["sensitivity"].push_back({{"change", s.change}, {"ttft_median_absolute_error", s.ttft_median_absolute},
                                {"ttft_bias", s.ttft_bias}, {"tpot_median_absolute_error", s.tpot_median_absolute}});
  }
  for (const ServerComparison& c : study.rows) j["rows"].push_back(row_json(c, study.file.benchmark));
  return j;
}

std::string text_of(const ServerStudy& study, const std::vector<ServerTarget>& targets, const std::vector<Sensitivity>& changes,
                    bool all_rows) {
  const Benchmark& b = study.file.benchmark;
  std::string text = fmt::format(
      "{}\n  source     {}\n  benchmark  {} requests a client, clients {} ms apart, first burst {}, lengths vary by {} %, "
      "budget {}\n  step time  {}\n\n",
      b.title, b.source, b.requests_per_client, 1e3 * b.spacing_s, b.skip_first_burst ? "left out" : "counted",
      100 * b.length_jitter,
      b.batched_tokens > 0 ? fmt::format("{} tokens", b.batched_tokens)
                           : fmt::format("isl + {} + clients", b.prompt_headroom_tokens),
      study.rows.front().point.provenance);
  text += fits_text(study) + "\n" + groups_text(study) + "\n";
  text += all_rows ? "All rows\n" + rows_text(study.rows, b) : "Worst judged rows\n" + rows_text(worst_judged(study, 10), b);
  if (!changes.empty()) {
    Rows rows = {{"if the benchmark was", "TTFT median", "TTFT bias", "TPOT median"}};
    for (const Sensitivity& s : changes) {
      rows.push_back({s.change, percent(s.ttft_median_absolute), signed_percent(s.ttft_bias), percent(s.tpot_median_absolute)});
    }
    text += "\n" + text_grid(rows);
  }
  for (const ServerTarget& t : targets) {
    text += fmt::format("{}{}, {}: median error {}, at most {}: {}\n", &t == &targets.front() ? "\n" : "", t.server,
                        t.quantity, percent(t.reached), percent(t.limit), t.met() ? "met" : "MISSED");
  }
  return text;
}

BenchmarkFile described(const po::variables_map& given, const std::string& csv) {
  BenchmarkFile file = given.count("benchmark") ? load_benchmark(given["benchmark"].as<std::string>()) : benchmark_of(csv);
  if (given.count("step-time")) {
    const std::string source = given["step-time"].as<std::string>();
    if (source != "roofline" && source != "calibration") {
      throw UsageError(fmt::format("--step-time is \"{}\", expected roofline or calibration", source),
                       suggestion(source, {"roofline", "calibration"}));
    }
    file.benchmark.kernels = source == "roofline" ? Kernels::roofline : Kernels::calibration;
  }
  if (given.count("fit") == 0) return file;
  const std::string fit = given["fit"].as<std::string>();
  if (fit != "none" && fit != "every-second") {
    throw UsageError(fmt::format("--fit is \"{}\", expected none or every-second", fit),
                     suggestion(fit, {"none", "every-second"}));
  }
  file.fit = fit == "none" ? Fit::none : Fit::every_second;
  return file;
}

}  // namespace

ExitCode validate_server(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description shown("Options", 110, 70);
  const auto text = [](const char* unit) { return po::value<std::string>()->value_name(unit); };
  shown.add_options()("help,h", "print this")("format", text("F")->default_value("table"), "table or json")(
      "benchmark", text("FILE.json"), "how the rows were measured; else as the file of that name is known")(
      "fit", text("HOW"), "every-second or none; else as the description says")(
      "step-time", text("SOURCE"), "of kernels: roofline, or the calibration that the hardware names")(
      "kv-dtype", text("DTYPE")->default_value("bf16"), "of the servers' KV cache")("rows", "print every row")(
      "no-sensitivity", "leave out what other descriptions of the benchmark would change")(
      "threads", po::value<unsigned>()->value_name("N"), "to simulate with; else all");
  po::options_description all;
  all.add(shown).add_options()("file", po::value<std::string>(), "");
  const po::variables_map given = parse_arguments(all, {"file"}, arguments);
  if (given.count("help")) {
    streams.out << kHelp << shown;
    return ExitCode::done;
  }
  if (given.count("file") == 0) throw UsageError("validate server needs a file", "kvplan validate server FILE.csv");
  const bool as_json = wants_json(given);
  const std::string csv = given["file"].as<std::string>();
  const unsigned threads =
      std::max(1u, given.count("threads") ? given["threads"].as<unsigned>() : std::thread::hardware_concurrency());
  const ServerStudy study =
      study_servers(csv, described(given, csv), dtype_from_name(given["kv-dtype"].as<std::string>()), threads);
  const std::vector<ServerTarget> targets = server_targets(study);
  const std::vector<Sensitivity> changes =
      given.count("no-sensitivity") ? std::vector<Sensitivity>{} : sensitivities(study, threads);
  if (as_json) {
    streams.out << document(study, targets, changes).dump(2) << "\n";
  } else {
    streams.out << text_of(study, targets, changes, given.count("rows") > 0);
  }
  const bool met = std::all_of(targets.begin(), targets.end(), [](const ServerTarget& t) { return t.met(); });
  return met ? ExitCode::done : ExitCode::target_missed;
}

}  // namespace kvplan
