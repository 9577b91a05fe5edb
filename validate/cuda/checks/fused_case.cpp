#include "validate/cuda/checks/fused_case.hpp"

#include <cmath>
#include <limits>
#include <random>

namespace kvplan::gpu {
namespace {

std::vector<Bf16> random_values(std::mt19937_64& random, std::size_t count) {
  std::vector<Bf16> values(count);
  for (Bf16& v : values) v = to_bf16(static_cast<float>(static_cast<double>(random() >> 11) * 0x1p-52 * 2 - 2));
  return values;
}

double value(Bf16 v) { return double{to_float(v)}; }

std::size_t size(int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); }

}  // namespace

NormCase norm_case(int tokens, int hidden, bool with_residual, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  NormCase c{tokens, hidden, random_values(random, size(tokens, hidden)), {}, random_values(random, size(1, hidden)),
             {},     {}};
  if (with_residual) c.residual = random_values(random, c.x.size());
  for (std::size_t at = 0; at < c.x.size(); at += static_cast<std::size_t>(hidden)) {
    std::vector<double> row;
    double squares = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(hidden); ++i) {
      double x = value(c.x[at + i]);
      if (with_residual) x = value(to_bf16(static_cast<float>(x + value(c.residual[at + i]))));
      row.push_back(x);
      squares += x * x;
    }
    const double inverse = 1 / std::sqrt(squares / hidden + 1e-5);
    for (std::size_t i = 0; i < row.size(); ++i) {
      c.expected.push_back(row[i] * inverse * value(c.weight[i]));
      c.expected_residual.push_back(row[i]);
    }
  }
  return c;
}

SiluCase silu_case(int tokens, int intermediate, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  SiluCase c{tokens, intermediate, random_values(random, size(tokens, 2 * intermediate)), {}};
  for (int t = 0; t < tokens; ++t) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(intermediate); ++i) {
      const std::size_t at = size(t, 2 * intermediate) + i;
      const double gate = value(c.gate_up[at]), up = value(c.gate_up[at + static_cast<std::size_t>(intermediate)]);
      c.expected.push_back(gate / (1 + std::exp(-gate)) * up);
    }
  }
  return c;
}

RopeCase rope_case(bool page_first, bool heads_first, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  RopeCase c;
  c.layout = {3, 8, 16, 2, page_first, heads_first};
  c.table_stride = 4;
  c.table = {5, 0, 7, 2, 3, 6, 1, 4};
  c.sequence = {0, 0, 1, 1, 1};
  c.position = {15, 16, 0, 33, 63};
  const int heads = c.query_heads + 2 * c.layout.kv_heads, tokens = static_cast<int>(c.sequence.size());
  c.qkv = random_values(random, size(tokens, heads * kHeadDim));
  c.pool.assign(static_cast<std::size_t>(c.layout.pool_elements()), Bf16{0x7fff});
  c.expected_pool.assign(c.pool.size(), std::numeric_limits<double>::quiet_NaN());
  for (int p = 0; p <= 64; ++p) {  // one past the last position, so that a wrong position is wrong and not wild
    for (int i = 0; i < kHeadDim / 2; ++i) {
      const double angle = p * std::pow(500000.0, -2.0 * i / kHeadDim);
      c.rotation.push_back(static_cast<float>(std::cos(angle)));
      c.rotation.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  for (int t = 0; t < tokens; ++t) {
    const std::size_t token = static_cast<std::size_t>(t);
    for (int h = 0; h < heads; ++h) {
      const Bf16* from = c.qkv.data() + size(t * heads + h, kHeadDim);
      std::vector<double> to(kHeadDim);
      for (int d = 0; d < kHeadDim; ++d) {
        const double angle = c.position[token] * std::pow(500000.0, -2.0 * (d % 64) / kHeadDim);
        const double partner = d < 64 ? -value(from[d + 64]) : value(from[d - 64]);
        const bool turned = h < c.query_heads + c.layout.kv_heads;
        to[static_cast<std::size_t>(d)] =
            turned ? value(from[d]) * std::cos(angle) + partner * std::sin(angle) : value(from[d]);
      }
      if (h < c.query_heads) {
        c.expected_q.insert(c.expected_q.end(), to.begin(), to.end());
        continue;
      }
      const int kv_head = (h - c.query_heads) % c.layout.kv_heads;
      const bool is_value = h >= c.query_heads + c.layout.kv_heads;
      const int page = c.table[static_cast<std::size_t>(c.sequence[token] * c.table_stride + c.position[token] / 16)];
      const std::int64_t at = c.layer * c.layout.layer_stride() + page * c.layout.page_stride() +
                              (is_value ? c.layout.value_offset() : 0) +
                              c.position[token] % 16 * c.layout.slot_stride() + kv_head * c.layout.head_stride();
      for (std::size_t d = 0; d < kHeadDim; ++d) c.expected_pool[static_cast<std::size_t>(at) + d] = to[d];
    }
  }
  return c;
}

bool pool_agrees(const RopeCase& c, const std::vector<Bf16>& pool, double& error) {
  double difference = 0, total = 0;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    const bool untouched = std::isnan(c.expected_pool[i]);
    if (untouched != std::isnan(to_float(pool[i]))) return false;
    if (untouched) continue;
    difference += (value(pool[i]) - c.expected_pool[i]) * (value(pool[i]) - c.expected_pool[i]);
    total += c.expected_pool[i] * c.expected_pool[i];
  }
  error = std::sqrt(difference / total);
  return error < kFusedTolerance;
}

ArgmaxCase argmax_case(int rows, int vocabulary, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  ArgmaxCase c{rows, vocabulary, random_values(random, size(rows, vocabulary)), {}};
  for (int r = 0; r < rows; ++r) {
    int best = 0;
    for (int i = 1; i < vocabulary; ++i) {
      if (value(c.logits[size(r, vocabulary) + static_cast<std::size_t>(i)]) >
          value(c.logits[size(r, vocabulary) + static_cast<std::size_t>(best)])) {
        best = i;
      }
    }
    c.expected.push_back(best);
  }
  return c;
}

}  // namespace kvplan::gpu
