#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/data_folder.hpp"
#include "cli/accuracy.hpp"
#include "cli/comparison_text.hpp"
#include "hardware/hardware.hpp"
#include "models/fitting/calibrate.hpp"
#include "models/operators/operator_model.hpp"
#include "reports/markdown_text.hpp"
#include "validate/queueing.hpp"
#include "validate/server_judgement.hpp"

namespace kvplan {
namespace {

constexpr const char* kServers = "measurements/h100_serving_ttft_tpot.csv";
constexpr double kOperatorMedian = 0.05, kOperatorP90 = 0.15;  // chosen before the first fit

std::string percent(double x) { return fmt::format("{:.1f} %", 100 * x); }
std::string signed_percent(double x) { return fmt::format("{:+.1f} %", 100 * x); }

AccuracySection started(const std::string& name, const std::string& title, const std::string& data) {
  AccuracySection s;
  s.name = name, s.title = title, s.data = data;
  return s;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// Median and worst of the gated comparisons that are of one kind: relative where there are any.
void judge(const std::vector<Comparison>& comparisons, AccuracySection& s) {
  std::vector<const Comparison*> gated;
  for (const Comparison& c : comparisons) {
    if (!c.gated()) continue;
    ++s.gates;
    if (!c.met()) s.missed.push_back(fmt::format("{} {}", markdown_cell(c.quantity), error_text(c)));
    gated.push_back(&c);
  }
  if (gated.empty()) return;
  const bool absolute = std::all_of(gated.begin(), gated.end(), [](const Comparison* c) { return c->absolute; });
  std::erase_if(gated, [&](const Comparison* c) { return c->absolute != absolute; });
  std::vector<double> errors;
  for (const Comparison* c : gated) errors.push_back(std::abs(c->error()));
  const Comparison& worst =
      *gated[static_cast<std::size_t>(std::max_element(errors.begin(), errors.end()) - errors.begin())];
  s.error = absolute ? fmt::format("{:.4f}", median(errors)) : percent(median(errors));
  s.worst = fmt::format("{} ({})", error_text(worst), markdown_cell(worst.quantity));
}

// What has no gate, and the farthest off of it.
std::string shown_only(const std::vector<Comparison>& comparisons) {
  std::size_t shown = 0;
  const Comparison* worst = nullptr;
  for (const Comparison& c : comparisons) {
    if (c.gated()) continue;
    ++shown;
    if (worst == nullptr || (c.absolute == worst->absolute && std::abs(c.error()) > std::abs(worst->error())))
      worst = &c;
  }
  if (worst == nullptr) return "";
  return fmt::format("{} shown, not gated: up to {} ({})", shown, error_text(*worst), markdown_cell(worst->quantity));
}

AccuracySection experiment_section(const Experiment& e, const char* data, const char* against) {
  AccuracySection s = started(e.name, e.title, data);
  s.absent = e.skipped;
  if (!s.absent.empty()) return s;
  judge(e.comparisons, s);
  s.left_out = shown_only(e.comparisons);
  s.body = fmt::format("Source: {}.\n\n", e.source);
  for (const auto& [label, text] : e.inputs) s.body += fmt::format("- {}: {}\n", label, text);
  s.body += fmt::format("\n| | predicted | {} | error | gate | | |\n|---|---|---|---|---|---|---|\n", against);
  for (const Comparison& c : e.comparisons) {
    s.body += fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", markdown_cell(c.quantity),
                          figure_text(c.predicted, c.unit), figure_text(c.published, c.unit), error_text(c),
                          gate_text(c), verdict_text(c), markdown_cell(c.remark));
  }
  for (const std::string& remark : e.remarks) s.body += fmt::format("\nNote: {}.\n", remark);
  return s;
}

std::string worst_row_text(const ServerComparison& c) {
  const ServerRow& r = c.point.row;
  return fmt::format("line {}: {} TP{}, {}/{}, {} clients", r.line, r.backend, r.tp, r.isl, r.osl, r.concurrency);
}

std::string server_tables(const ServerStudy& study) {
  std::string text =
      "| rows | n | TTFT median, bias, p90 | TPOT | E2E | inside the 90 % interval: TTFT, TPOT, E2E |\n"
      "|---|---|---|---|---|---|\n";
  for (const ServerGroup& g : server_groups(study)) {
    std::string figures, inside;
    std::size_t rows = 0;
    for (const auto& [quantity, name] : kLatencies) {
      const ErrorSummary e = summarise(study, quantity, g.of);
      rows = e.rows;
      figures +=
          fmt::format("{}, {}, {} | ", percent(e.median_absolute), signed_percent(e.bias), percent(e.p90_absolute));
      inside += (inside.empty() ? "" : ", ") + percent(e.coverage);
    }
    if (rows > 0) text += fmt::format("| {} | {} | {}{} |\n", g.name, rows, figures, inside);
  }
  text +=
      "\nFarthest off among the judged (`kvplan validate server FILE --rows` has all):\n\n"
      "| row | TTFT | TPOT | E2E | |\n|---|---|---|---|---|\n";
  for (const ServerComparison& c : worst_judged(study, 10)) {
    text += fmt::format("| {} | {} | {} | {} | {} |\n", worst_row_text(c), signed_percent(c.ttft_error),
                        signed_percent(c.tpot_error), signed_percent(c.e2e_error), explain(c, study.file.benchmark));
  }
  return text;
}

AccuracySection servers_section(bool quick, unsigned threads) {
  const std::string path = data_path(kServers);
  AccuracySection s =
      started("servers", "whole servers in a closed loop", std::filesystem::path(kServers).filename().string());
  if (!std::filesystem::exists(path)) {
    s.absent = path + " is not there (KVPLAN_DATA names the folder that holds measurements/)";
  } else if (quick) {
    s.absent = "left out as too slow, by --quick";
  }
  if (!s.absent.empty()) return s;
  const ServerStudy study = study_servers(path, benchmark_of(path), Dtype::bf16, threads);
  std::size_t fitted = 0, bound = 0;
  for (const ServerComparison& c : study.rows) bound += c.frontend_bound, fitted += c.fitted && !c.frontend_bound;
  s.left_out = fmt::format("{} of {} rows: {} fitted, {} beyond what the host front end can do", fitted + bound,
                           study.rows.size(), fitted, bound);
  s.body = fmt::format("{}. Source: {}.\n\nStep time: {}.\n\n{}", study.file.benchmark.title,
                       study.file.benchmark.source, study.rows.front().point.provenance, server_tables(study));
  s.body += "\n| median error | reached | at most | |\n|---|---|---|---|\n";
  for (const ServerTarget& t : server_targets(study)) {
    ++s.gates;
    if (!t.met())
      s.missed.push_back(
          fmt::format("{} {} {} (at most {})", t.server, t.quantity, percent(t.reached), percent(t.limit)));
    s.body += fmt::format("| {}, {} | {} | {} | {} |\n", t.server, t.quantity, percent(t.reached), percent(t.limit),
                          t.met() ? "met" : "MISSED");
  }
  for (const auto& [quantity, name] : kLatencies) {
    s.error += fmt::format("{}{} {}", s.error.empty() ? "" : ", ", name,
                           percent(summarise(study, quantity, judged).median_absolute));
  }
  const ServerComparison worst = worst_judged(study, 1).front();
  s.worst = fmt::format("ttft {}, tpot {} ({})", signed_percent(worst.ttft_error), signed_percent(worst.tpot_error),
                        worst_row_text(worst));
  return s;
}

// Fits the tables that a calibration names once more: what does not come out as it says. "": all does.
std::string refit_difference(const Calibration& c, const std::vector<std::string>& paths, unsigned threads) {
  CalibrateOptions options;
  options.fit.bootstraps = 20;  // intervals of coefficients depend on them, errors do not
  options.fit.folds = static_cast<std::int32_t>(c.fits.front().folds);
  options.threads = threads;
  const Calibration again = calibrate(read_operator_tables(paths), load_hardware(c.hardware), options);
  for (const OperatorFit& f : c.fits) {
    const OperatorFit* g = again.find(f.op, f.dtype);
    if (g == nullptr || std::abs(g->overall.median_error - f.overall.median_error) > 5e-4 ||
        std::abs(g->overall.p90_error - f.overall.p90_error) > 5e-4) {
      return fmt::format("{} {} no longer comes out of its tables as the calibration says", form_of(f.op).name,
                         name_of(f.dtype));
    }
  }
  return "";
}

// The band of the regime axis with the largest error at the 90th percentile, and its name.
std::pair<const Regime*, std::string> worst_band(const OperatorFit& f) {
  const Form& form = form_of(f.op);
  std::pair<const Regime*, std::string> worst = {&f.overall, "all"};
  for (const Regime& r : f.regimes) {
    if (r.rows == 0 || r.p90_error <= worst.first->p90_error) continue;
    worst = {&r, fmt::format("{} from {:g}", form.axes[form.regime_axis], r.from)};
  }
  return worst;
}

void gate(AccuracySection& s, const std::string& what, double reached, double limit) {
  ++s.gates;
  if (reached > limit) s.missed.push_back(fmt::format("{} {} (at most {})", what, percent(reached), percent(limit)));
}

// A row for each operator. Attention over prompts with fp8 KV is shown and has no gate: nothing was promised of it.
void add_operators(const Calibration& c, AccuracySection& s) {
  std::vector<double> medians;
  double worst = 0;
  for (const OperatorFit& f : c.fits) {
    const std::string name = fmt::format("{} {}", form_of(f.op).name, name_of(f.dtype));
    const auto [band, from] = worst_band(f);
    const bool gated = f.op != Operator::prefill_attention || f.dtype == Dtype::bf16;
    s.body +=
        fmt::format("| {} | {} | {} | {} | {} | {} | {} | {}: p90 {} | {} |\n", name, f.overall.rows, f.overall.shapes,
                    percent(f.overall.median_error), percent(f.overall.p90_error), signed_percent(f.overall.bias),
                    percent(f.overall.coverage), from, percent(band->p90_error), gated ? "5 %, 15 %" : "-");
    medians.push_back(f.overall.median_error);
    if (gated) {
      gate(s, name + ": median", f.overall.median_error, kOperatorMedian);
      gate(s, name + ": p90", f.overall.p90_error, kOperatorP90);
    }
    if (band->p90_error <= worst) continue;
    worst = band->p90_error;
    s.worst = fmt::format("p90 {} ({}, {})", percent(worst), name, from);
  }
  s.error = percent(median(medians));
}

AccuracySection operators_section(const std::string& calibration, bool quick, unsigned threads) {
  const OperatorModel model = load_calibration(calibration);
  const Calibration& c = model.calibration();
  AccuracySection s = started("operators-" + c.hardware, c.title, "operators measured one by one");
  s.body = fmt::format(
      "Calibration {}: {}. Errors of shapes that no fit has seen, {} folds over whole shapes. Where the tables are at\n"
      "hand they are fitted again, and a gate is missed when other errors come out.\n\n"
      "| operator | rows | shapes | median | p90 | bias | inside the 90 % interval | worst band | gates |\n"
      "|---|---|---|---|---|---|---|---|---|\n",
      c.name, c.date, c.fits.front().folds);
  add_operators(c, s);
  std::vector<std::string> paths;
  for (const std::string& source : c.sources) {
    paths.push_back(data_path("measurements/" + source.substr(0, source.find(" ("))));
  }
  ++s.gates;
  if (!quick && std::all_of(paths.begin(), paths.end(), [](const auto& p) { return std::filesystem::exists(p); })) {
    const std::string difference = refit_difference(c, paths, threads);
    if (!difference.empty()) s.missed.push_back(difference);
  }
  std::size_t kinds = 0;
  s.body += "\nLeft out, or far off:\n\n";
  for (const std::string& w : c.warnings) {
    if (w.find("left out") == std::string::npos && w.find("outliers") == std::string::npos) continue;
    s.body += "- " + w + "\n";
    kinds += w.find("left out") != std::string::npos;
  }
  s.left_out = fmt::format("{} kinds of rows, named below", kinds);
  return s;
}

}  // namespace

std::vector<AccuracySection> accuracy_sections(bool quick, unsigned threads) {
  std::vector<AccuracySection> sections;
  for (const std::string& name : published_experiments())
    sections.push_back(experiment_section(run_published(name), "published figures", "published"));
  sections.push_back(experiment_section(queueing(threads), "laws of queues", "theory"));
  sections.push_back(servers_section(quick, threads));
  for (const std::string& name : calibration_names()) sections.push_back(operators_section(name, quick, threads));
  return sections;
}

}  // namespace kvplan
