#include "models/operators/attention_lines.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace kvplan {
namespace {

struct Point {
  std::array<double, 3> x;  // 1, count, product
  Estimate time;
};

constexpr double kMostContext = 1 << 20;  // tokens of KV that one GPU holds at most

std::vector<Point> decode_points(const OperatorModel& model, double heads, double kv_heads, double dim, Dtype kv) {
  std::vector<Point> points;
  for (double batch = 1; batch <= 512; batch *= 2) {
    for (double context = 256; context <= 131072 && batch * context <= kMostContext; context *= 2) {
      points.push_back({{1, batch, batch * context}, model.decode_attention({batch, context, heads, kv_heads, dim}, kv)});
    }
  }
  return points;
}

// On a cached prefix as well, where the calibration has measured that.
std::vector<Point> prefill_points(const OperatorModel& model, double heads, double kv_heads, double dim, Dtype kv) {
  std::vector<Point> points;
  std::vector<double> prefixes = {0};
  const double measured = model.longest_prefix(kv);
  for (double cached = 1024; cached <= measured; cached *= 4) prefixes.push_back(cached);
  for (double batch = 1; batch <= 8; batch *= 2) {
    for (double tokens = 128; tokens <= 16384 && batch * tokens <= 16384; tokens *= 2) {
      for (const double cached : prefixes) {
        points.push_back({{1, batch * tokens, batch * tokens * (cached + (tokens + 1) / 2)},
                          model.prefill_attention({batch, tokens, heads, kv_heads, dim, cached}, kv)});
      }
    }
  }
  return points;
}

// Relative least squares with weights that are not negative, by coordinate descent; the columns are scaled by their
// means so that it converges.
std::array<double, 3> line(const std::vector<Point>& points) {
  std::array<std::array<double, 3>, 3> normal{};
  std::array<double, 3> right{}, w{}, scale{};
  for (const Point& p : points) {
    for (std::size_t i = 0; i < 3; ++i) scale[i] += p.x[i] / p.time.ns / static_cast<double>(points.size());
  }
  for (const Point& p : points) {
    for (std::size_t i = 0; i < 3; ++i) {
      const double a = p.x[i] / p.time.ns / scale[i];
      right[i] += a;
      for (std::size_t j = 0; j < 3; ++j) normal[i][j] += a * p.x[j] / p.time.ns / scale[j];
    }
  }
  for (int round = 0; round < 2000; ++round) {
    for (std::size_t i = 0; i < 3; ++i) {
      double rest = right[i];
      for (std::size_t j = 0; j < 3; ++j) rest -= normal[i][j] * w[j];
      w[i] = std::max(0.0, w[i] + rest / normal[i][i]);
    }
  }
  for (std::size_t i = 0; i < 3; ++i) w[i] /= scale[i];
  return w;
}

double p90_error(const std::vector<Point>& points, const std::array<double, 3>& w) {
  std::vector<double> error;
  for (const Point& p : points) {
    error.push_back(std::abs((w[0] * p.x[0] + w[1] * p.x[1] + w[2] * p.x[2]) / p.time.ns - 1));
  }
  std::sort(error.begin(), error.end());
  return error[error.size() * 9 / 10];
}

// Of the operators at the points, in the mean.
void mean_factors(const std::vector<Point>& points, double& low, double& high) {
  low = high = 0;
  for (const Point& p : points) {
    low += p.time.low_ns / p.time.ns / static_cast<double>(points.size());
    high += p.time.high_ns / p.time.ns / static_cast<double>(points.size());
  }
}

}  // namespace

AttentionLines attention_lines(const OperatorModel& model, double heads, double kv_heads, double head_dim, Dtype kv) {
  const auto decode = decode_points(model, heads, kv_heads, head_dim, kv);
  const auto prefill = prefill_points(model, heads, kv_heads, head_dim, kv);
  const auto d = line(decode), p = line(prefill);
  AttentionLines lines;
  lines.floor_ns = std::max(d[0], p[0]);
  lines.token_ns = p[1];
  lines.pair_ns = p[2];
  lines.sequence_ns = std::max(0.0, d[1] - p[1]);  // a decoding sequence is a token of the base as well
  lines.context_ns = d[2];
  lines.decode_line_error = p90_error(decode, d);
  lines.prefill_line_error = p90_error(prefill, p);
  double low_d, high_d, low_p, high_p;
  mean_factors(decode, low_d, high_d), mean_factors(prefill, low_p, high_p);
  const double off = std::max(lines.decode_line_error, lines.prefill_line_error);
  lines.low_factor = std::max(0.1, 1 - std::hypot(1 - std::min(low_d, low_p), off));
  lines.high_factor = 1 + std::hypot(std::max(high_d, high_p) - 1, off);
  return lines;
}

}  // namespace kvplan
