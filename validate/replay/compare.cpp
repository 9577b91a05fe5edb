#include "validate/replay/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>

namespace kvplan {
namespace {

ErrorClass error_class(const std::string& name, const std::vector<double>& errors) {
  std::vector<double> sizes;
  for (const double e : errors) sizes.push_back(std::abs(e));
  return {name, errors.size(), quantile(sizes, 0.5), quantile(sizes, 0.9), quantile(errors, 0.5)};
}

std::string class_of(const LoggedStep& s) {
  const std::string kind = s.batch.prefill_pairs == 0 ? "decodes alone" : "with prefill";
  if (s.copies == 0) return kind;
  return kind + (s.copies == 1 ? ", beside loads" : s.copies == 2 ? ", beside stores" : ", beside both");
}

// As a double: of a file's largest coefficients and batches it is beyond 64 bits.
double predicted_ps(const StepTime& t, const BatchFeatures& b) {
  const auto product = [](std::int64_t x, std::int64_t y) { return static_cast<double>(x) * static_cast<double>(y); };
  return static_cast<double>(t.base(b.new_tokens)) + static_cast<double>(t.head(b.samples)) +
         product(t.context_ps, b.decode_context) + product(t.pair_ps, b.prefill_pairs);
}

// Steps that wait for loads of their own are no measure of the step time: they are counted apart.
void compare_steps(const Predictions& p, const ReplayLog& log, ReplayComparison& out) {
  std::map<std::string, std::vector<double>> errors;
  std::vector<double> all;
  std::size_t waiting = 0;
  for (const ReplayRun& run : log.runs) {
    for (const LoggedStep& s : run.steps) {
      if (s.loads > 0) {
        ++waiting;
        continue;
      }
      const double error =
          predicted_ps(p.step_times[s.copies], s.batch) / static_cast<double>((s.end - s.start).count) - 1;
      errors[class_of(s)].push_back(error);
      all.push_back(error);
    }
  }
  for (const auto& [name, e] : errors) out.steps.push_back(error_class(name, e));
  const ErrorClass whole = error_class("all", all);
  out.steps.push_back(whole);
  out.step_median = whole.median;
  if (waiting > 0)
    out.doubts.push_back(
        fmt::format("{} steps waited for their own layer-wise loads: not among the step errors", waiting));
}

// Of a tier that the policy has; else null.
const Route* route_of(const NodeLinks& links, bool load, bool files) {
  if (links.load.empty() || (files && links.beyond.empty())) return nullptr;
  if (!files) return load ? &links.load.front() : &links.store.front();
  return load ? &links.beyond.front().load.front() : &links.beyond.front().write;
}

void compare_transfers(const Predictions& p, const ReplayLog& log, ReplayComparison& out) {
  std::map<std::string, std::vector<double>> errors;
  for (const ReplayRun& run : log.runs) {
    const auto policy = std::find_if(p.policies.begin(), p.policies.end(),
                                     [&](const PolicyPrediction& q) { return q.policy == run.policy; });
    if (policy == p.policies.end()) continue;
    for (const LoggedTransfer& t : run.transfers) {
      const bool load = t.purpose.kind == FlowNetwork::Purpose::load, files = t.purpose.tier > 0;
      const Route* route = route_of(policy->links, load, files);
      if (route == nullptr || t.segments < 1) continue;
      const double rate = static_cast<double>(rate_alone(policy->links, *route));
      const double predicted = static_cast<double>(setup_time(*route, t.bytes, t.segments).count) +
                               static_cast<double>(t.bytes.count) / rate * kPsPerS;
      const char* name = files ? (load ? "loads from files" : "writes to files") : (load ? "loads" : "stores");
      errors[name].push_back(predicted / static_cast<double>((t.end - t.start).count) - 1);
    }
  }
  for (const auto& [name, e] : errors) out.transfers.push_back(error_class(name, e));
}

void compare_figures(const ReplayPlan& plan, const Predictions& p, const ReplayLog& log, ReplayComparison& out) {
  std::map<std::string, RunFigures> first;
  std::vector<std::pair<double, std::string>> measured, predicted;
  for (const ReplayRun& run : log.runs) {
    if (!run.complete) {
      out.doubts.push_back("the run of " + run.policy + " is not complete: left out");
      continue;
    }
    for (const RequestRecord& r : run.result.requests) {
      if (r.turn < plan.load.turns.size()) continue;
      throw std::runtime_error(
          fmt::format("the run of {} has a turn {}, and the plan has {} turns: it ran another plan", run.policy, r.turn,
                      plan.load.turns.size()));
    }
    const RunFigures m = figures_of(plan.load, run.result);
    const auto [at, fresh] = first.emplace(run.policy, m);
    if (!fresh) {
      for (const FigureInfo& f : kFigures) {
        out.noise.push_back({run.policy, "first run", &f, at->second.*f.member, m.*f.member});
      }
      continue;
    }
    measured.emplace_back(m.ttft_mean_s, run.policy);
    for (const PolicyPrediction& q : p.policies) {
      if (q.policy != run.policy) continue;
      predicted.emplace_back(q.figures.at("calibrated").ttft_mean_s, q.policy);
      for (const auto& [variant, name] : kVariants) {
        const RunFigures& figures = q.figures.at(std::string(name));
        for (const FigureInfo& f : kFigures) {
          out.figures.push_back({run.policy, std::string(name), &f, figures.*f.member, m.*f.member});
        }
      }
    }
  }
  std::sort(measured.begin(), measured.end());
  std::sort(predicted.begin(), predicted.end());
  for (const auto& [ttft, name] : measured) out.ranking_measured.push_back(name);
  for (const auto& [ttft, name] : predicted) out.ranking_predicted.push_back(name);
}

void doubt(const Predictions& p, const std::string& predictions_sha256, const ReplayLog& log, ReplayComparison& out) {
  const auto add = [&](const std::string& why) { out.doubts.push_back(why); };
  if (log.synthetic)
    add("SYNTHETIC: the replay ran on a formula, not on a GPU; it shows that the protocol works, and nothing else");
  if (log.plan_sha256 != p.plan_sha256) add("the replay ran another plan than was predicted");
  if (log.predictions_sha256 != predictions_sha256) {
    add("NOT PRE-REGISTERED: the replay was not told the hash of these predictions before it ran");
  }
  const std::string uuid = text(log.gpu, "uuid");
  if (!p.gpu_uuid.empty() && uuid != p.gpu_uuid) {
    add(fmt::format("another card: calibrated on {}, replayed on {} (compare the canaries)", p.gpu_uuid, uuid));
  }
  for (const RunFinding& f : log.findings) add(fmt::format("{}: {}", f.code, f.message));
  for (const ReplayRun& run : log.runs) {
    if (run.blocks_wrong > 0)
      add(fmt::format("{}: {} of {} checked blocks came back wrong", run.policy, run.blocks_wrong, run.blocks_checked));
  }
}

// Beside nothing that was measured there is no error.
std::string percent(double x) { return std::isfinite(x) ? fmt::format("{:+.1f} %", 100 * x) : "-"; }

void print_classes(const char* title, const std::vector<ErrorClass>& classes, std::string& out) {
  out += fmt::format("\n{:<34}{:>8}{:>12}{:>12}{:>12}\n", title, "count", "median |e|", "p90 |e|", "bias");
  for (const ErrorClass& c : classes) {
    out += fmt::format("  {:<32}{:>8}{:>12}{:>12}{:>12}\n", c.name, c.count, fmt::format("{:.1f} %", 100 * c.median),
                       fmt::format("{:.1f} %", 100 * c.p90), percent(c.bias));
  }
}

std::string figure_text(const FigureError& e) {
  const std::string error = e.figure->absolute ? fmt::format("{:+.2f} points", 100 * e.error()) : percent(e.error());
  return fmt::format("  {:<12}{:<20}{:<22}{:>14.6g}{:>14.6g}{:>16}", e.policy, e.variant, e.figure->name, e.predicted,
                     e.measured, error);
}

}  // namespace

bool FigureError::met() const { return std::abs(error()) <= figure->tolerance || measured == predicted; }

bool ReplayComparison::met() const {
  return step_median <= kStepTolerance && ranking_predicted == ranking_measured &&
         std::all_of(figures.begin(), figures.end(), [](const FigureError& e) { return !e.gated() || e.met(); });
}

ReplayComparison compare(const ReplayPlan& plan, const Predictions& p, const std::string& predictions_sha256,
                         const ReplayLog& log) {
  ReplayComparison out;
  doubt(p, predictions_sha256, log, out);
  compare_steps(p, log, out);
  compare_transfers(p, log, out);
  compare_figures(plan, p, log, out);
  return out;
}

std::int64_t step_overhead_ps(const ReplayLog& log, const StepTimes& times) {
  std::vector<double> beyond;
  for (const ReplayRun& run : log.runs) {
    for (const LoggedStep& s : run.steps) {
      if (s.copies == 0 && s.loads == 0)
        beyond.push_back(static_cast<double>((s.end - s.start).count - times[0](s.batch)));
    }
  }
  return std::llround(quantile(beyond, 0.5));
}

StepTime with_overhead(const StepTime& t, std::int64_t ps) {
  std::vector<PiecewiseLinear::Piece> pieces = t.base.pieces();
  for (PiecewiseLinear::Piece& p : pieces) p.start_ps = std::max<std::int64_t>(0, p.start_ps + ps);
  StepTime out = t;
  out.base = PiecewiseLinear(std::move(pieces));
  return out;
}

std::string to_text(const ReplayComparison& c) {
  std::string out;
  for (const std::string& d : c.doubts) out += "note: " + d + "\n";
  print_classes("teacher-forced steps", c.steps, out);
  print_classes("transfers, as if alone", c.transfers, out);
  out += fmt::format("\n  {:<12}{:<20}{:<22}{:>14}{:>14}{:>16}\n", "policy", "model", "figure", "predicted", "measured",
                     "error");
  for (const FigureError& e : c.figures) {
    out += figure_text(e) +
           (!e.gated() ? ""
            : e.met()  ? "  met"
                       : fmt::format("  MISSED (within {:g} %)", 100 * e.figure->tolerance)) +
           "\n";
  }
  if (!c.noise.empty()) out += "\nnoise floor: a policy run twice\n";
  for (const FigureError& e : c.noise) out += figure_text(e) + "\n";
  out += fmt::format("\nranking by mean TTFT: predicted {}; measured {}\n", fmt::join(c.ranking_predicted, " < "),
                     fmt::join(c.ranking_measured, " < "));
  return out + (c.met() ? "every gate is met\n" : "a gate is MISSED\n");
}

double CanaryComparison::largest_change() const {
  double most = 0;
  for (const Row& r : rows) most = std::max(most, std::abs(r.change()));
  return most;
}

CanaryComparison compare_canaries(const GpuRun& first, const GpuRun& second) {
  CanaryComparison c{
      text(first.gpu, "uuid"), text(second.gpu, "uuid"), text(first.gpu, "name"), text(second.gpu, "name"), {}};
  const auto key = [](const RunPoint& p) {
    std::string name = p.experiment + fmt::format(" {}", p.bytes);
    for (const char* k : {"anchor", "when", "dir", "memory"}) {
      if (!text(p.params, k).empty()) name += " " + text(p.params, k);
    }
    return name;
  };
  std::map<std::string, double> before;
  for (const RunPoint& p : first.points) {
    if (p.status == PointStatus::ok) before[key(p)] = p.summary().median;
  }
  for (const RunPoint& p : second.points) {
    const bool large = p.experiment == "anchor" || p.bytes >= (std::int64_t{64} << 20);
    const auto at = before.find(key(p));
    if (p.status == PointStatus::ok && large && at != before.end())
      c.rows.push_back({key(p), at->second, p.summary().median});
  }
  return c;
}

std::string to_text(const CanaryComparison& c) {
  std::string out =
      fmt::format("first call:  {} {}\nsecond call: {} {}\n", c.first_name, c.first_uuid, c.second_name, c.second_uuid);
  if (c.first_uuid != c.second_uuid) out += "note: another card\n";
  for (const CanaryComparison::Row& r : c.rows) {
    out +=
        fmt::format("  {:<44}{:>14.0f} ns{:>14.0f} ns{:>10}\n", r.what, r.first_ns, r.second_ns, percent(r.change()));
  }
  return out + fmt::format("largest change {:.1f} %{}\n", 100 * c.largest_change(),
                           c.largest_change() > 0.03 ? ": the machine has drifted, or is another" : "");
}

}  // namespace kvplan
