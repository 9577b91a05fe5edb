#include "validate/server_fit.hpp"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.hpp"

namespace kvplan {
namespace {

constexpr int kConstants = 4;
using Constants = Eigen::Matrix<double, kConstants, 1>;

// Every constant in a unit in which it is about one.
constexpr double kUnits[kConstants] = {1, 1e-3, 1e-5, 1e-2};
// What a good prediction misses by: TTFT hangs on how a benchmark is described, TPOT does not.
constexpr double kTtftScale = 0.08, kTpotScale = 0.02;
constexpr double kHuber = 1.345;  // 95 % as efficient as least squares where errors are normal

// With a place kept free only where that leaves at most this share of the loss: it is no constant to polish with.
constexpr double kConvincing = 0.8;

Overheads overheads_of(const Constants& x, int kept_free) {
  return {x[0] * kUnits[0], x[1] * kUnits[1], x[2] * kUnits[2], x[3] * kUnits[3], kept_free};
}

// What is fitted to, and how.
struct Problem {
  const std::vector<ServerPoint>& points;
  const Benchmark& benchmark;
  unsigned threads;
  int kept_free;
};

Eigen::VectorXd residuals(const Problem& p, const Constants& x) {
  const std::vector<ServerPoint>& points = p.points;
  const std::vector<ServerFigures> f = predict(points, p.benchmark, overheads_of(x, p.kept_free), p.threads);
  Eigen::VectorXd r(2 * static_cast<Eigen::Index>(points.size()));
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto at = 2 * static_cast<Eigen::Index>(i);
    r[at] = std::log(f[i].ttft_s / points[i].row.ttft_s) / kTtftScale;
    r[at + 1] = std::log(f[i].tpot_s / points[i].row.tpot_s) / kTpotScale;
  }
  return r;
}

double loss(const Eigen::VectorXd& r) {
  double sum = 0;
  for (const double x : r) sum += std::abs(x) <= kHuber ? x * x / 2 : kHuber * (std::abs(x) - kHuber / 2);
  return sum;
}

Eigen::VectorXd huber_weights(const Eigen::VectorXd& r) {
  return r.unaryExpr([](double x) { return std::abs(x) <= kHuber ? 1.0 : kHuber / std::abs(x); });
}

Eigen::MatrixXd jacobian(const Problem& p, const Constants& x, const Eigen::VectorXd& r) {
  constexpr double kStep = 0.1;  // wide: requests that fall into step make TTFT jump in small steps
  Eigen::MatrixXd j(r.size(), kConstants);
  for (int k = 0; k < kConstants; ++k) {
    Constants moved = x;
    moved[k] += kStep;
    j.col(k) = (residuals(p, moved) - r) / kStep;
  }
  return j;
}

struct Solution {
  int kept_free = 0;
  Constants x;
  Eigen::VectorXd r;
  Eigen::MatrixXd j;
};

Solution solve(const Problem& p, Constants x) {
  constexpr int kMostSteps = 12;
  Eigen::VectorXd r = residuals(p, x);
  Eigen::MatrixXd j;
  double damping = 1e-2;
  for (int step = 0; step < kMostSteps; ++step) {
    j = jacobian(p, x, r);
    const Eigen::VectorXd w = huber_weights(r);
    const Eigen::MatrixXd normal = j.transpose() * w.asDiagonal() * j;
    const Eigen::VectorXd gradient = j.transpose() * (w.asDiagonal() * r);
    bool better = false;
    double gain = 0;
    for (int attempt = 0; attempt < 6 && !better; ++attempt) {
      Eigen::MatrixXd damped = normal;
      damped.diagonal() *= 1 + damping;
      damped.diagonal().array() += 1e-9;
      const Constants next = (x - Constants(damped.ldlt().solve(gradient))).cwiseMax(0);  // no overhead is negative
      const Eigen::VectorXd next_r = residuals(p, next);
      better = loss(next_r) < loss(r);
      if (better) {
        gain = (loss(r) - loss(next_r)) / loss(r);
        x = next;
        r = next_r;
      }
      damping = better ? damping / 4 : damping * 8;
    }
    if (!better || gain < 1e-3) break;
  }
  return {p.kept_free, x, r, j};
}

// The loss has several valleys along the front end's cost, which decides how requests fall into step.
Solution solve_from_several(const Problem& p) {
  Solution best;
  for (const double request : {0.0, 1.0, 2.0, 3.0, 4.0}) {
    Solution s = solve(p, Constants(1, 1, 1, request));
    if (best.r.size() == 0 || loss(s.r) < loss(best.r)) best = std::move(s);
  }
  return best;
}

Solution best_solution(const std::vector<ServerPoint>& points, const Benchmark& b, unsigned threads) {
  Solution all = solve_from_several({points, b, threads, 0});
  if (b.sequences_beyond_clients.count(points.front().row.backend) > 0) return all;  // said by the description
  Solution one_less = solve_from_several({points, b, threads, 1});
  return loss(one_less.r) < kConvincing * loss(all.r) ? one_less : all;
}

// The factors between which 90 % of the measurements lie around predictions of one more row.
std::pair<double, double> spread(std::vector<double> factors) {
  std::sort(factors.begin(), factors.end());
  const auto n = static_cast<double>(factors.size());
  const double rank = std::floor(0.05 * (n + 1));
  const auto cut = static_cast<std::size_t>(std::max(1.0, rank)) - 1;
  return {factors[cut], factors[factors.size() - 1 - cut]};
}

void set_spreads(OverheadFit& fit, const std::vector<ServerPoint>& points, const std::vector<ServerFigures>& f) {
  std::vector<double> ttft, tpot, e2e;
  for (std::size_t i = 0; i < points.size(); ++i) {
    ttft.push_back(points[i].row.ttft_s / f[i].ttft_s);
    tpot.push_back(points[i].row.tpot_s / f[i].tpot_s);
    e2e.push_back(points[i].row.e2e_s() / f[i].e2e_s);
  }
  std::tie(fit.ttft_low, fit.ttft_high) = spread(ttft);
  std::tie(fit.tpot_low, fit.tpot_high) = spread(tpot);
  std::tie(fit.e2e_low, fit.e2e_high) = spread(e2e);
}

// 90 % of a normal distribution, from the curvature at the solution and the residuals' own scale.
void set_intervals(OverheadFit& fit, const Solution& s) {
  const Eigen::VectorXd w = huber_weights(s.r);
  const double variance =
      s.r.dot(w.asDiagonal() * s.r) / std::max<double>(1, static_cast<double>(s.r.size()) - kConstants);
  Eigen::MatrixXd normal = s.j.transpose() * w.asDiagonal() * s.j;
  normal.diagonal().array() += 1e-9;
  const Eigen::MatrixXd covariance = normal.inverse() * variance;
  Constants low = s.x, high = s.x;
  for (int k = 0; k < kConstants; ++k) {
    const double half = 1.645 * std::sqrt(std::max(0.0, covariance(k, k)));
    low[k] = std::max(0.0, s.x[k] - half);
    high[k] = s.x[k] + half;
  }
  fit.low = overheads_of(low, s.kept_free);
  fit.high = overheads_of(high, s.kept_free);
}

constexpr const char* kNames[kConstants] = {"activations", "step_s", "sequence_s", "request_s"};

// A constant that moves nothing, and two that move everything alike.
std::vector<std::string> undetermined(const Solution& s) {
  constexpr double kNothing = 1e-3, kAlike = 0.9999;
  std::vector<std::string> names;
  for (int k = 0; k < kConstants; ++k) {
    if (s.j.col(k).norm() < kNothing * std::sqrt(static_cast<double>(s.r.size()))) names.emplace_back(kNames[k]);
    for (int other = 0; other < k; ++other) {
      const double norms = s.j.col(k).norm() * s.j.col(other).norm();
      if (norms > 0 && std::abs(s.j.col(k).dot(s.j.col(other))) > kAlike * norms) {
        names.push_back(fmt::format("{} against {}", kNames[other], kNames[k]));
      }
    }
  }
  return names;
}

}  // namespace

bool frontend_bound(const ServerFigures& f, const Benchmark& b) {
  return (b.frontend_requests_per_s > 0 && f.requests_per_s > b.frontend_requests_per_s) ||
         (b.frontend_tokens_per_s > 0 && f.output_tokens_per_s > b.frontend_tokens_per_s);
}

std::vector<bool> every_second_combination(const std::vector<ServerRow>& rows) {
  std::vector<bool> fitted;
  for (const ServerRow& row : rows) {
    std::set<std::pair<std::int32_t, std::int32_t>> combinations;
    for (const ServerRow& other : rows) {
      if (other.server() == row.server()) combinations.emplace(other.isl, other.osl);
    }
    const auto at = combinations.find({row.isl, row.osl});
    fitted.push_back(std::distance(combinations.begin(), at) % 2 == 0);
  }
  return fitted;
}

OverheadFit fit_overheads(const std::vector<ServerPoint>& fitted, const Benchmark& b, unsigned threads) {
  constexpr std::size_t kFewest = 8;
  std::vector<ServerPoint> points = fitted;
  Solution s;
  for (int pass = 0; pass < 2; ++pass) {  // who is bound by the front end shows once the constants are about right
    if (points.size() < kFewest) {
      throw InputError(Diagnostic{"", 0, 0,
                                  fmt::format("{} rows are too few to fit {} constants to, expected at least {}",
                                              points.size(), kConstants, kFewest),
                                  "--fit none takes the constants that ship with kvplan"});
    }
    s = best_solution(points, b, threads);
    const std::vector<ServerFigures> f = predict(fitted, b, overheads_of(s.x, s.kept_free), threads);
    points.clear();
    for (std::size_t i = 0; i < fitted.size(); ++i) {
      if (!frontend_bound(f[i], b)) points.push_back(fitted[i]);
    }
  }
  s = best_solution(points, b, threads);
  OverheadFit fit;
  fit.value = overheads_of(s.x, s.kept_free);
  fit.rows = points.size();
  set_intervals(fit, s);
  fit.undetermined = undetermined(s);
  set_spreads(fit, points, predict(points, b, fit.value, threads));
  return fit;
}

}  // namespace kvplan
