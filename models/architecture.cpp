#include "models/architecture.hpp"

#include <cmath>

#include "base/error.hpp"

namespace kvplan {
namespace {

// Parameters of one layer's matrices: Q, K, V, O and the feed-forward part.
std::int64_t layer_matmul_parameters(const Architecture& a) {
  const std::int64_t h = a.hidden, q = std::int64_t{a.heads} * a.head_dim, kv = std::int64_t{a.kv_heads} * a.head_dim;
  return h * (q + 2 * kv) + q * h + (a.gated_ffn ? 3 : 2) * h * a.ffn;
}

// Norms and biases of one layer.
std::int64_t layer_small_parameters(const Architecture& a) {
  const std::int64_t h = a.hidden, q = std::int64_t{a.heads} * a.head_dim, kv = std::int64_t{a.kv_heads} * a.head_dim;
  std::int64_t n = 2 * h;  // two norms
  if (a.biases) n += 2 * h + (q + 2 * kv) + h + a.ffn + h + (a.gated_ffn ? a.ffn : 0);
  if (a.qkv_biases && !a.biases) n += q + 2 * kv;
  if (a.qk_norm) n += 2 * std::int64_t{a.head_dim};
  return n;
}

}  // namespace

std::int64_t Architecture::matmul_parameters() const { return layers * layer_matmul_parameters(*this); }

std::int64_t Architecture::parameters() const {
  std::int64_t n = matmul_parameters() + layers * layer_small_parameters(*this);
  n += std::int64_t{vocab} * hidden * (tied_embeddings ? 1 : 2);
  n += std::int64_t{hidden} * (biases ? 2 : 1);                                 // final norm
  if (learned_positions) n += (std::int64_t{max_context_tokens} + 2) * hidden;  // OPT keeps two rows spare
  return n;
}

Bytes Architecture::weight_bytes(Dtype weights) const {
  const auto matmul = static_cast<double>(matmul_parameters());
  const auto other = static_cast<double>(parameters() - matmul_parameters());
  return Bytes(std::llround(matmul * bytes_per_element(weights) + other * bytes_per_element(unquantised(weights))));
}

Bytes Architecture::kv_bytes_per_token(Dtype kv) const { return kv_bytes_per_token_per_gpu(kv, 1); }

Bytes Architecture::kv_bytes_per_token_per_gpu(Dtype kv, std::int32_t tp) const {
  const std::int64_t elements = 2 * std::int64_t{layers} * ceil_div(kv_heads, tp) * head_dim;
  return Bytes(std::llround(static_cast<double>(elements) * bytes_per_element(kv)));
}

double Architecture::prefill_flops(std::int64_t tokens, std::int64_t cached) const {
  const auto p = static_cast<double>(tokens), c = static_cast<double>(cached);
  const double pairs = p * c + p * (p + 1) / 2;
  return 2.0 * static_cast<double>(matmul_parameters()) * p +
         4.0 * layers * heads * static_cast<double>(head_dim) * pairs;
}

}  // namespace kvplan
