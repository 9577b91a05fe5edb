#include "validate/cuda/checks/reference_model.hpp"

#include <cmath>
#include <limits>

namespace kvplan::gpu {
namespace {

using Row = std::vector<double>;

std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

Row product(const ProductShape& s, const Row& x, const std::vector<Bf16>& w) {
  Row y(size(s.n), 0.0);
  for (std::size_t n = 0; n < y.size(); ++n) {
    for (std::size_t k = 0; k < size(s.k); ++k) y[n] += x[k] * double{to_float(w[n * size(s.k) + k])};
  }
  return y;
}

Row normed(const Row& x, const Bf16* weight) {
  double squares = 0;
  for (const double v : x) squares += v * v;
  const double inverse = 1 / std::sqrt(squares / static_cast<double>(x.size()) + 1e-5);
  Row y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] * inverse * double{to_float(weight[i])};
  return y;
}

void add(Row& x, const Row& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

void rotate(double* head, std::int64_t position) {
  constexpr int kHalf = kHeadDim / 2;
  for (int i = 0; i < kHalf; ++i) {
    const double angle = static_cast<double>(position) * std::pow(500000.0, -2.0 * i / kHeadDim);
    const double x = head[i], y = head[i + kHalf];
    head[i] = x * std::cos(angle) - y * std::sin(angle);
    head[i + kHalf] = y * std::cos(angle) + x * std::sin(angle);
  }
}

// Of one query head over the first `visible` tokens; rows of qkv are rotated already.
void attend(const ModelShape& m, const std::vector<Row>& qkv, std::size_t token, int head, double* out) {
  const std::size_t key = size(m.heads + head / m.group()) * kHeadDim, value = key + size(m.kv_heads) * kHeadDim;
  const double* q = qkv[token].data() + size(head) * kHeadDim;
  Row score(token + 1);
  double most = -std::numeric_limits<double>::infinity(), sum = 0;
  for (std::size_t t = 0; t <= token; ++t) {
    for (std::size_t d = 0; d < kHeadDim; ++d) score[t] += q[d] * qkv[t][key + d];
    score[t] /= std::sqrt(double{kHeadDim});
    most = std::max(most, score[t]);
  }
  for (double& s : score) sum += s = std::exp(s - most);
  for (std::size_t t = 0; t <= token; ++t) {
    for (std::size_t d = 0; d < kHeadDim; ++d) out[d] += score[t] / sum * qkv[t][value + d];
  }
}

}  // namespace

std::vector<double> reference_logits(const ModelShape& m, const ReferenceWeights& w,
                                     const std::vector<std::int32_t>& tokens) {
  std::vector<Row> x;
  for (const std::int32_t token : tokens) {
    Row& row = x.emplace_back();
    for (int i = 0; i < m.hidden; ++i) {
      row.push_back(double{to_float(w.embedding[size(std::int64_t{token} * m.hidden + i)])});
    }
  }
  for (const ReferenceWeights::Layer& layer : w.layers) {
    std::vector<Row> qkv;
    for (std::size_t t = 0; t < x.size(); ++t) {
      qkv.push_back(product(m.qkv(), normed(x[t], layer.norm.data()), layer.qkv));
      for (int h = 0; h < m.heads + m.kv_heads; ++h) {
        rotate(qkv.back().data() + size(h) * kHeadDim, static_cast<std::int64_t>(t));
      }
    }
    for (std::size_t t = 0; t < x.size(); ++t) {
      Row attended(size(m.heads) * kHeadDim, 0.0);
      for (int h = 0; h < m.heads; ++h) attend(m, qkv, t, h, attended.data() + size(h) * kHeadDim);
      add(x[t], product(m.attention_output(), attended, layer.output));
      const Row gate_up = product(m.gate_up(), normed(x[t], layer.norm.data() + m.hidden), layer.gate_up);
      Row activated(size(m.intermediate));
      for (std::size_t i = 0; i < activated.size(); ++i) {
        activated[i] = gate_up[i] / (1 + std::exp(-gate_up[i])) * gate_up[i + activated.size()];
      }
      add(x[t], product(m.down(), activated, layer.down));
    }
  }
  return product({m.vocabulary, m.hidden}, normed(x.back(), w.final_norm.data()), w.head);
}

double relative_difference(const std::vector<double>& value, const std::vector<double>& right) {
  double difference = 0, whole = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    difference += (value[i] - right[i]) * (value[i] - right[i]);
    whole += right[i] * right[i];
  }
  const double relative = std::sqrt(difference / whole);
  return std::isfinite(relative) ? relative : std::numeric_limits<double>::infinity();
}

}  // namespace kvplan::gpu
