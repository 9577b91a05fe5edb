#include "models/fitting/fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/random.hpp"
#include "models/fitting/held_out.hpp"
#include "models/fitting/least_squares.hpp"

namespace kvplan {
namespace {

constexpr std::size_t kLeastGroups = 10;
constexpr std::size_t kLeastCoreGroups = 4;  // for the roofline alone, each held out in turn
constexpr double kFasterThanSheet = 0.9;  // of the data sheet's roofline: clocks and caches explain that much
constexpr double kOutlier = 2;            // times or parts of what the fit without it predicts
constexpr std::size_t kNamed = 5;

std::string in_words(const Form& form, const Shape& s) {
  std::string text;
  for (std::size_t i = 0; i < form.axes.size(); ++i) text += fmt::format("{}{} {:g}", i ? ", " : "", form.axes[i], s[i]);
  return text;
}

std::string label(const MeasuredSet& m) {
  return fmt::format("{} {} ({})", form_of(m.op).name, name_of(m.dtype), m.kernel);
}

Diagnostic at(const MeasuredSet& m, const Measured& row, std::string message, std::string help) {
  return {m.files[row.file], row.line, 0, std::move(message), std::move(help)};
}

// What the data sheet allows at best: the larger of memory and compute, without caches.
double sheet_ns(const Form& form, const Peaks& peaks, const Shape& s) {
  if (form.op == Operator::gemm) {
    return std::max(2 * s[0] * s[1] * s[2] / peaks.flops, peaks.element_bytes * s[1] * s[2] / peaks.bytes_per_s) * 1e9;
  }
  if (form.op == Operator::prefill_attention)
    return 4 * s[0] * s[2] * s[4] * s[1] * (s[5] + (s[1] + 1) / 2) / peaks.flops * 1e9;
  if (form.op == Operator::decode_attention)
    return 2 * s[0] * s[1] * s[3] * s[4] * peaks.element_bytes / peaks.bytes_per_s * 1e9;
  return s[0] / peaks.peer_bytes_per_s * 1e9;
}

// A working set of less than this may come from the L2 cache faster than from HBM.
constexpr double kCachedNs = 40'000;

void refuse_impossible(const MeasuredSet& m, const Peaks& peaks) {
  const Form& form = form_of(m.op);
  std::vector<Diagnostic> findings;
  for (const Measured& r : m.rows) {
    const double least = sheet_ns(form, peaks, r.shape);
    if (least < kCachedNs || r.ns >= kFasterThanSheet * least) continue;
    if (findings.size() < kNamed) {
      findings.push_back(at(m, r, fmt::format("{} in {:.1f} us, which the data sheet's peaks do in {:.1f} us at best",
                                              in_words(form, r.shape), r.ns / 1e3, least / 1e3),
                            "is this the unit of this row, and the hardware the one measured?"));
    }
  }
  if (!findings.empty()) throw InputError(std::move(findings));
}

bool meant_for(const Form& form, const Shape& s) {
  for (std::size_t i = 0; i < form.axes.size(); ++i) {
    if (s[i] < form.low[i] || s[i] > form.high[i]) return false;
  }
  return true;
}

std::string limits(const Form& form) {
  std::string text;
  for (std::size_t i = 0; i < form.axes.size(); ++i) {
    text += fmt::format("{}{} {:g} to {:g}", i ? ", " : "", form.axes[i], form.low[i], form.high[i]);
  }
  return text;
}

struct Prepared {
  std::vector<FitRow> rows;
  std::vector<std::size_t> origin;  // index into MeasuredSet::rows
  std::size_t groups = 0;
  bool core = false;       // too few groups for the features
  std::int32_t folds = 0;  // each group its own where they are few
};

std::size_t number_groups(const std::vector<std::size_t>& axes, std::vector<FitRow>& rows) {
  std::map<std::vector<double>, std::size_t> groups;
  for (FitRow& r : rows) {
    std::vector<double> key;
    for (const std::size_t axis : axes) key.push_back(r.shape[axis]);
    r.group = groups.emplace(key, groups.size()).first->second;
  }
  return groups.size();
}

// Decides what is held out together, and whether the shapes suffice for features. Findings where they suffice for nothing.
void group(const MeasuredSet& m, const FitOptions& o, Prepared& p, std::vector<std::string>& warnings) {
  const Form& form = form_of(m.op);
  p.groups = number_groups(form.group_axes, p.rows);
  p.folds = o.folds;
  if (p.groups >= kLeastGroups) return;
  const std::size_t configurations = p.groups;
  p.core = true;
  if (p.groups < kLeastCoreGroups && !form.size_axes.empty()) p.groups = number_groups(form.size_axes, p.rows);
  if (p.groups < kLeastCoreGroups) {
    throw InputError(Diagnostic{
        m.files.empty() ? "" : m.files.front(), 0, 0,
        fmt::format("{}: {} rows of {} different shapes ({}); a fit that can be judged needs {}, and {} for more than its "
                    "roofline",
                    label(m), p.rows.size(), p.groups, form.axes[form.group_axes.front()] + " and so on",
                    kLeastCoreGroups, kLeastGroups),
        "measure more shapes, or name the operators to fit with --only"});
  }
  p.folds = static_cast<std::int32_t>(p.groups);
  const bool sizes = p.groups != configurations;
  warnings.push_back(fmt::format(
      "{}: {} shapes are too few for more than the roofline: its weights alone are fitted, and judged by leaving out one "
      "{} in turn{}", label(m), p.rows.size(), sizes ? "size" : "shape",
      sizes ? fmt::format("; all are of {} configuration{} of heads, and others are not validated", configurations,
                          configurations > 1 ? "s" : "") : ""));
}

// Each shape once: of equal shapes the median, unless they contradict each other.
Prepared prepare(const MeasuredSet& m, const FitOptions& o, std::vector<std::string>& warnings) {
  const Form& form = form_of(m.op);
  std::map<Shape, std::vector<std::size_t>> by_shape;
  std::size_t beyond = 0;
  for (std::size_t i = 0; i < m.rows.size(); ++i) {
    if (meant_for(form, m.rows[i].shape)) {
      by_shape[m.rows[i].shape].push_back(i);
    } else {
      ++beyond;
    }
  }
  if (beyond > 0) warnings.push_back(fmt::format("{}: {} rows lie outside {}, and are left out", label(m), beyond, limits(form)));
  std::vector<Diagnostic> findings;
  std::size_t repeated = 0;
  Prepared p;
  for (auto& [shape, same] : by_shape) {
    std::sort(same.begin(), same.end(), [&](auto a, auto b) { return m.rows[a].ns < m.rows[b].ns; });
    const Measured& first = m.rows[same.front()];
    const Measured& last = m.rows[same.back()];
    repeated += same.size() - 1;
    if (last.ns > kContradiction * first.ns && findings.size() < kNamed) {
      findings.push_back(at(m, last, fmt::format("{} takes {:.1f} us here and {:.1f} us in line {}",
                                                 in_words(form, shape), last.ns / 1e3, first.ns / 1e3, first.line),
                            "keep one of the measurements"));
    }
    const std::size_t middle = same[same.size() / 2];
    p.rows.push_back({shape, m.rows[middle].ns, 0});
    p.origin.push_back(middle);
  }
  if (!findings.empty()) throw InputError(std::move(findings));
  if (repeated > 0) warnings.push_back(fmt::format("{}: {} rows repeat a shape; the median counts", label(m), repeated));
  group(m, o, p, warnings);
  return p;
}

std::vector<std::size_t> shuffled_folds(std::size_t groups, std::int32_t folds, std::uint64_t seed) {
  std::vector<std::size_t> order(groups), fold(groups);
  std::iota(order.begin(), order.end(), 0);
  RandomStream random(seed, "folds");
  for (std::size_t i = groups; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  for (std::size_t i = 0; i < groups; ++i) fold[order[i]] = i % static_cast<std::size_t>(folds);
  return fold;
}

std::vector<Residual> hold_out(const Form& form, const Peaks& peaks, const Prepared& p, const FitOptions& o,
                               FitResult& result) {
  const std::vector<std::size_t> fold_of = shuffled_folds(p.groups, p.folds, o.seed);
  std::vector<Residual> residuals;
  for (std::size_t fold = 0; fold < static_cast<std::size_t>(p.folds); ++fold) {
    std::vector<double> weights(p.groups, 1);
    for (std::size_t g = 0; g < p.groups; ++g) weights[g] = fold_of[g] == fold ? 0 : 1;
    const Solved s = solve(form, peaks, p.rows, weights, p.core);
    for (std::size_t i = 0; i < p.rows.size(); ++i) {
      const FitRow& r = p.rows[i];
      if (fold_of[r.group] != fold) continue;
      const double predicted = predict_ns(form, s.peaks, s.weights, r.shape);
      residuals.push_back({std::log(r.ns / predicted), form.regime_of(r.shape), r.group, fold});
      result.held_out.push_back({p.origin[i], predicted});
    }
  }
  return residuals;
}

void name_outliers(const MeasuredSet& m, FitResult& result) {
  std::vector<const HeldOut*> out;
  const auto off = [&](const HeldOut& h) { return std::abs(std::log(m.rows[h.row].ns / h.predicted_ns)); };
  for (const HeldOut& h : result.held_out) {
    if (off(h) > std::log(kOutlier)) out.push_back(&h);
  }
  if (out.empty()) return;
  std::sort(out.begin(), out.end(), [&](auto a, auto b) { return off(*a) > off(*b); });
  std::string text = fmt::format("{}: {} outliers (more than {:g} x off what the other shapes say; they count little "
                                 "in the fit and fully in its errors)", label(m), out.size(), kOutlier);
  for (std::size_t i = 0; i < std::min(out.size(), kNamed); ++i) {
    const Measured& r = m.rows[out[i]->row];
    text += fmt::format("; {}: {:.1f} us, predicted {:.1f}", in_words(form_of(m.op), r.shape), r.ns / 1e3,
                        out[i]->predicted_ns / 1e3);
  }
  result.warnings.push_back(text);
}

// 5 % and 95 % of the values that resampled groups give, at the peaks that the values refer to.
void bootstrap(const Form& form, const Prepared& p, const FitOptions& o, OperatorFit& fit) {
  std::vector<std::vector<double>> terms(fit.terms.size()), coefficients(fit.coefficients.size());
  RandomStream random(o.seed, "bootstrap");
  for (std::int32_t b = 0; b < o.bootstraps; ++b) {
    std::vector<double> weights(p.groups, 0);
    for (std::size_t i = 0; i < p.groups; ++i) weights[random.below(p.groups)] += 1;
    const Solved s = p.core ? solve_core_at(form, fit.peaks, p.rows, weights) : solve(form, fit.peaks, p.rows, weights);
    for (std::size_t i = 0; i < terms.size(); ++i) terms[i].push_back(s.weights.terms[i]);
    for (std::size_t i = 0; i < coefficients.size(); ++i) coefficients[i].push_back(s.weights.coefficients[i]);
  }
  const auto set = [](Coefficient& c, std::vector<double>& x) {
    std::sort(x.begin(), x.end());
    const std::size_t tail = x.size() / 20;
    c.low = std::min(c.value, x[tail]);
    c.high = std::max(c.value, x[x.size() - 1 - tail]);
  };
  for (std::size_t i = 0; i < terms.size(); ++i) set(fit.terms[i], terms[i]);
  for (std::size_t i = 0; i < coefficients.size(); ++i) set(fit.coefficients[i], coefficients[i]);
}

OperatorFit described(const MeasuredSet& m, const Peaks& peaks, const Prepared& p) {
  OperatorFit fit;
  fit.op = m.op, fit.dtype = m.dtype, fit.kernel = m.kernel, fit.peaks = peaks;
  fit.rows = static_cast<std::int64_t>(p.rows.size());
  fit.shapes = static_cast<std::int64_t>(p.groups);
  fit.folds = p.folds;
  fit.low = fit.high = p.rows.front().shape;
  for (const FitRow& r : p.rows) {
    for (std::size_t i = 0; i < form_of(m.op).axes.size(); ++i) {
      fit.low[i] = std::min(fit.low[i], r.shape[i]);
      fit.high[i] = std::max(fit.high[i], r.shape[i]);
    }
  }
  return fit;
}

void take_coefficients(const MeasuredSet& m, const Solved& s, FitResult& result) {
  const Form& form = form_of(m.op);
  std::string undetermined;
  std::size_t count = 0;
  for (std::size_t i = 0; i < form.feature_names.size(); ++i) {
    result.fit.coefficients.push_back({form.feature_names[i], s.weights.coefficients[i]});
    if (s.determined[i]) continue;
    if (++count <= kNamed) undetermined += fmt::format("{}\"{}\"", count > 1 ? ", " : "", form.feature_names[i]);
  }
  if (count == 0) return;
  result.warnings.push_back(fmt::format("{}: no row determines {} of {} coefficients, which stay 0: {}{}", label(m), count,
                                        form.feature_names.size(), undetermined, count > kNamed ? ", ..." : ""));
}

}  // namespace

FitResult fit_operator(const MeasuredSet& m, const Peaks& peaks, const FitOptions& o) {
  const Form& form = form_of(m.op);
  refuse_impossible(m, peaks);
  FitResult result;
  const Prepared p = prepare(m, o, result.warnings);
  OperatorFit& fit = result.fit = described(m, peaks, p);
  const Solved s = solve(form, peaks, p.rows, {}, p.core);
  fit.peaks = s.peaks;
  for (std::size_t i = 0; i < form.term_names.size(); ++i) fit.terms.push_back({form.term_names[i], s.weights.terms[i]});
  if (!p.core) take_coefficients(m, s, result);
  const std::vector<Residual> residuals = hold_out(form, peaks, p, o, result);
  HeldOutErrors judged = judge(form, residuals, p.folds);
  fit.regimes = std::move(judged.regimes);
  fit.overall = judged.overall;
  name_outliers(m, result);
  bootstrap(form, p, o, fit);
  return result;
}

}  // namespace kvplan
