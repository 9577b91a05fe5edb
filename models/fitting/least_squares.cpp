#include "models/fitting/least_squares.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace kvplan {
namespace {

constexpr double kHuber = 1.5;
constexpr int kRobustRounds = 5;
constexpr double kDraw = 0.01;  // as if each coefficient had been seen to be 0 once, with a hundredth of a row's weight

double weight_of(GroupWeights w, std::size_t group) { return w.empty() ? 1 : w[group]; }

bool is_core(const Form& form, std::size_t term) {
  return std::find(form.core_terms.begin(), form.core_terms.end(), term) != form.core_terms.end();
}

// min |A x - 1| with x >= 0, where A is terms / measured: coordinate descent on the normal equations, whose minimum
// is unique up to terms that are proportional.
Terms non_negative(const Form& form, const Peaks& peaks, std::span<const FitRow> rows, GroupWeights weights,
                   bool core) {
  const auto n = static_cast<Eigen::Index>(form.term_names.size());
  Eigen::MatrixXd normal = Eigen::MatrixXd::Zero(n, n);
  Eigen::VectorXd right = Eigen::VectorXd::Zero(n), a(n);
  for (const FitRow& r : rows) {
    const double w = weight_of(weights, r.group);
    if (w == 0) continue;
    Terms t{};
    form.terms(r.shape, peaks, t);
    for (Eigen::Index i = 0; i < n; ++i) a[i] = t[static_cast<std::size_t>(i)] / r.ns;
    normal.noalias() += w * a * a.transpose();
    right += w * a;
  }
  Eigen::VectorXd x = Eigen::VectorXd::Zero(n);
  for (int round = 0; round < 3000; ++round) {
    for (Eigen::Index i = 0; i < n; ++i) {
      if (normal(i, i) <= 0 || (core && !is_core(form, static_cast<std::size_t>(i)))) continue;
      x[i] = std::max(0.0, x[i] + (right[i] - normal.row(i).dot(x)) / normal(i, i));
    }
  }
  Terms out{};
  for (Eigen::Index i = 0; i < n; ++i) out[static_cast<std::size_t>(i)] = x[i];
  // Features are placed by time over launch, so that a launch of nothing must not be.
  out[0] = std::max(out[0], 0.1);
  return out;
}

double relative_loss(const Form& form, const Peaks& peaks, const Terms& weights, std::span<const FitRow> rows,
                     GroupWeights groups) {
  double sum = 0;
  for (const FitRow& r : rows) {
    const double error = roofline_of(form, peaks, weights, r.shape).ns / r.ns - 1;
    sum += weight_of(groups, r.group) * error * error;
  }
  return sum;
}

}  // namespace

Solved solve_core_at(const Form& form, const Peaks& peaks, std::span<const FitRow> rows, GroupWeights groups) {
  Solved s;
  s.peaks = peaks;
  s.weights.terms = non_negative(form, peaks, rows, groups, true);
  return s;
}

namespace {

// The share of peak FLOPs, in steps of 3 %, with which the core terms fit best.
Solved solve_core(const Form& form, const Peaks& peaks, std::span<const FitRow> rows, GroupWeights groups) {
  Solved best;
  double least = -1;
  for (double share = 1; share > 0.1; share *= 0.97) {
    Peaks reached = peaks;
    reached.flops *= share;
    Solved s = solve_core_at(form, reached, rows, groups);
    const double loss = relative_loss(form, s.peaks, s.weights.terms, rows, groups);
    if (least >= 0 && loss >= 0.999 * least) continue;
    least = loss;
    best = std::move(s);
  }
  return best;
}

struct Design {
  std::vector<FeatureRow> features;
  std::vector<double> target;  // log(ns / roofline)
};

Design design_of(const Form& form, const Peaks& peaks, const Terms& terms, std::span<const FitRow> rows) {
  Design d;
  d.features.resize(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Roofline roof = roofline_of(form, peaks, terms, rows[i].shape);
    form.features(rows[i].shape, peaks, roof.ns, roof.floor_ns, d.features[i]);
    d.target.push_back(std::log(rows[i].ns / roof.ns));
  }
  return d;
}

struct Normal {
  Eigen::MatrixXd matrix;
  Eigen::VectorXd right;
};

Normal normal_of(const Design& d, std::span<const double> row_weights, std::size_t features) {
  const auto n = static_cast<Eigen::Index>(features);
  Normal out{Eigen::MatrixXd::Zero(n, n), Eigen::VectorXd::Zero(n)};
  for (std::size_t r = 0; r < d.features.size(); ++r) {
    if (row_weights[r] == 0) continue;
    const FeatureRow& f = d.features[r];
    for (std::size_t i = 0; i < f.size; ++i) {
      const double wx = row_weights[r] * f.value[i];
      if (wx == 0) continue;
      out.right[f.index[i]] += wx * d.target[r];
      for (std::size_t j = 0; j < f.size; ++j) out.matrix(f.index[i], f.index[j]) += wx * f.value[j];
    }
  }
  return out;
}

double dot(const FeatureRow& f, const Eigen::VectorXd& c) {
  double sum = 0;
  for (std::size_t i = 0; i < f.size; ++i) sum += c[f.index[i]] * f.value[i];
  return sum;
}

double median(std::vector<double> x) {
  const auto middle = x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2);
  std::nth_element(x.begin(), middle, x.end());
  return *middle;
}

// Huber's weights from the residuals of rows that count.
void reweigh(const Design& d, std::span<const FitRow> rows, GroupWeights groups, const Eigen::VectorXd& c,
             std::vector<double>& row_weights) {
  std::vector<double> off(rows.size()), counted;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    off[r] = std::abs(d.target[r] - dot(d.features[r], c));
    if (weight_of(groups, rows[r].group) > 0) counted.push_back(off[r]);
  }
  const double sigma = 1.4826 * median(std::move(counted)) + 1e-9;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    row_weights[r] = weight_of(groups, rows[r].group) * std::min(1.0, kHuber * sigma / std::max(off[r], 1e-12));
  }
}

}  // namespace

Solved solve(const Form& form, const Peaks& peaks, std::span<const FitRow> rows, GroupWeights groups, bool core) {
  if (core) return solve_core(form, peaks, rows, groups);
  Solved s;
  s.peaks = peaks;
  s.weights.terms = non_negative(form, peaks, rows, groups, false);
  const Design d = design_of(form, peaks, s.weights.terms, rows);
  std::vector<double> row_weights;
  for (const FitRow& r : rows) row_weights.push_back(weight_of(groups, r.group));
  const std::size_t features = form.feature_names.size();
  Eigen::VectorXd c;
  Eigen::MatrixXd plain;
  for (int round = 0; round < kRobustRounds; ++round) {
    Normal normal = normal_of(d, row_weights, features);
    if (round == 0) plain = normal.matrix;
    normal.matrix.diagonal().array() += kDraw;
    c = normal.matrix.ldlt().solve(normal.right);
    reweigh(d, rows, groups, c, row_weights);
  }
  s.weights.coefficients.assign(c.begin(), c.end());
  for (Eigen::Index i = 0; i < plain.rows(); ++i) s.determined.push_back(plain(i, i) > 0);
  return s;
}

}  // namespace kvplan
