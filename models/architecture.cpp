#include "models/architecture.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace kvplan {
namespace {

std::int64_t q_columns(const Architecture& a) { return std::int64_t{a.heads} * a.head_dim; }
std::int64_t kv_columns(const Architecture& a) { return std::int64_t{a.kv_heads} * a.head_dim; }
std::int64_t ffn_matrices(const Architecture& a) { return a.gated_ffn ? 3 : 2; }

// The down-projections that every GPU of a TP group keeps whole.
std::int64_t latent_down_parameters(const Architecture& a) {
  return std::int64_t{a.hidden} * (a.mla.q_rank + a.mla.kv_rank + a.mla.rope_dim);
}

std::int64_t attention_matrices(const Architecture& a) {
  const std::int64_t h = a.hidden;
  if (!a.latent()) return h * (q_columns(a) + 2 * kv_columns(a)) + q_columns(a) * h;
  const LatentAttention& m = a.mla;
  const std::int64_t query_rows = m.q_rank > 0 ? m.q_rank : h;
  return latent_down_parameters(a) + a.heads * (query_rows * (m.nope_dim + m.rope_dim) +
                                                std::int64_t{m.kv_rank} * (m.nope_dim + m.value_dim) + m.value_dim * h);
}

// Norms, biases and sinks of one layer's attention, and its two norms.
std::int64_t attention_small_parameters(const Architecture& a) {
  const std::int64_t h = a.hidden;
  std::int64_t n = 2 * h * (a.biases ? 2 : 1);
  if (a.biases || a.qkv_biases) n += q_columns(a) + 2 * kv_columns(a);
  if (a.biases || a.attention_output_bias) n += h;
  if (a.attention_sinks) n += a.heads;
  if (a.qk_norm) n += 2 * std::int64_t{a.head_dim};
  if (a.latent()) n += a.mla.q_rank + a.mla.kv_rank;
  return n;
}

std::int64_t dense_ffn_biases(const Architecture& a) {
  return a.biases ? std::int64_t{a.ffn} * (a.gated_ffn ? 2 : 1) + a.hidden : 0;
}

std::int64_t expert_matrices(const Architecture& a) { return ffn_matrices(a) * a.hidden * a.moe.ffn; }

std::int64_t expert_biases(const Architecture& a) {
  return a.moe.biases ? std::int64_t{a.moe.ffn} * (a.gated_ffn ? 2 : 1) + a.hidden : 0;
}

std::int64_t router_parameters(const Architecture& a) { return std::int64_t{a.hidden} * a.moe.experts; }

Bytes rounded(double bytes) { return Bytes(std::llround(bytes)); }

}  // namespace

std::int64_t Architecture::expert_parameters() const {
  return std::int64_t{moe.layers} * moe.experts * expert_matrices(*this);
}

std::int64_t Architecture::dense_matrix_parameters() const {
  const std::int64_t columns = std::int64_t{dense_layers()} * ffn + std::int64_t{moe.layers} * moe.shared_ffn;
  return layers * attention_matrices(*this) + ffn_matrices(*this) * hidden * columns +
         moe.layers * router_parameters(*this);
}

std::int64_t Architecture::matmul_parameters() const {
  return dense_matrix_parameters() + std::int64_t{moe.layers} * moe.experts_per_token * expert_matrices(*this);
}

std::int64_t Architecture::parameters() const {
  std::int64_t n = dense_matrix_parameters() + expert_parameters() + vision_parameters;
  n += layers * attention_small_parameters(*this) + dense_layers() * dense_ffn_biases(*this);
  const std::int64_t router_biases = moe.biases || moe.router_bias ? moe.experts : 0;
  n += moe.layers * (moe.experts * expert_biases(*this) + router_biases);
  n += std::int64_t{vocab} * hidden * (tied_embeddings ? 1 : 2);
  n += std::int64_t{hidden} * (biases ? 2 : 1);                                 // final norm
  if (learned_positions) n += (std::int64_t{max_context_tokens} + 2) * hidden;  // OPT keeps two rows spare
  return n;
}

std::int64_t Architecture::active_parameters() const {
  const std::int64_t idle = std::int64_t{moe.layers} * (moe.experts - moe.experts_per_token);
  return parameters() - vision_parameters - idle * (expert_matrices(*this) + expert_biases(*this));
}

Dtype Architecture::dense_dtype(Dtype weights) const { return quantised_experts_alone ? unquantised(weights) : weights; }

Bytes Architecture::weight_bytes(Dtype weights) const {
  const std::int64_t experts = expert_parameters();
  // A router stays as precise as the norms: it is small, and decides.
  const std::int64_t dense = dense_matrix_parameters() - moe.layers * router_parameters(*this);
  const auto other = static_cast<double>(parameters() - experts - dense);
  return rounded(static_cast<double>(experts) * bytes_per_element(weights) +
                 static_cast<double>(dense) * bytes_per_element(dense_dtype(weights)) +
                 other * bytes_per_element(unquantised(weights)));
}

Bytes Architecture::weight_bytes_per_gpu(Dtype weights, std::int32_t tp) const {
  const double dense = bytes_per_element(dense_dtype(weights)), other = bytes_per_element(unquantised(weights));
  // What every GPU keeps whole, counted once in weight_bytes.
  double copied = static_cast<double>(moe.layers * router_parameters(*this)) * other;
  double added = 0;
  if (latent()) {
    copied += static_cast<double>(layers * latent_down_parameters(*this)) * dense;
  } else {
    const std::int64_t more = ceil_div(kv_heads, tp) * tp - kv_heads;
    added = 2.0 * static_cast<double>(more * layers * hidden) * head_dim * dense;
  }
  const double all = static_cast<double>(weight_bytes(weights).count) + added + copied * (tp - 1);
  return Bytes(ceil_div(std::llround(all), tp));
}

Bytes Architecture::kv_bytes_per_token(Dtype kv) const { return kv_bytes_per_token_per_gpu(kv, 1); }

Bytes Architecture::kv_bytes_per_token_per_gpu(Dtype kv, std::int32_t tp) const {
  const std::int64_t a_layer =
      latent() ? std::int64_t{mla.kv_rank} + mla.rope_dim : 2 * ceil_div(kv_heads, tp) * head_dim;
  return rounded(static_cast<double>(layers * a_layer) * bytes_per_element(kv));
}

Bytes Architecture::kv_bytes_per_token_beyond_window(Dtype kv) const {
  return Bytes(kv_bytes_per_token(kv).count / layers * (layers - window.layers));
}

Bytes Architecture::kv_bytes(Dtype kv, Tokens context) const {
  const std::int64_t a_layer = kv_bytes_per_token(kv).count / layers;
  // A chunk is dropped as a whole when the next begins.
  const std::int64_t last = window.chunked && context.count > 0 && window.tokens > 0
                                ? (context.count - 1) % window.tokens + 1
                                : std::min<std::int64_t>(context.count, window.tokens);
  return Bytes(a_layer * ((layers - window.layers) * context.count + window.layers * last));
}

double Architecture::prefill_pair_flops() const {
  return heads * (latent() ? 2.0 * (mla.nope_dim + mla.rope_dim + mla.value_dim) : 4.0 * head_dim);
}

double Architecture::decode_pair_flops() const {
  return heads * (latent() ? 2.0 * (2.0 * mla.kv_rank + mla.rope_dim) : 4.0 * head_dim);
}

double windowed_pairs(const Window& w, std::int64_t tokens, std::int64_t cached) {
  // Pairs of the first n tokens of a context.
  const auto first = [&](std::int64_t n) {
    const auto x = static_cast<double>(n), t = static_cast<double>(w.tokens);
    if (n <= w.tokens) return x * (x + 1) / 2;
    if (!w.chunked) return t * (t + 1) / 2 + (x - t) * t;
    const auto rest = static_cast<double>(n % w.tokens);
    return static_cast<double>(n / w.tokens) * t * (t + 1) / 2 + rest * (rest + 1) / 2;
  };
  return first(cached + tokens) - first(cached);
}

double Architecture::prefill_flops(std::int64_t tokens, std::int64_t cached) const {
  const auto p = static_cast<double>(tokens), c = static_cast<double>(cached);
  double pairs = (layers - window.layers) * (p * c + p * (p + 1) / 2);
  if (window.layers > 0) pairs += window.layers * windowed_pairs(window, tokens, cached);
  return 2.0 * static_cast<double>(matmul_parameters()) * p + prefill_pair_flops() * pairs;
}

double Architecture::decode_flops(std::int64_t context) const {
  double pairs = static_cast<double>(layers - window.layers) * static_cast<double>(context);
  if (window.layers > 0) pairs += window.layers * windowed_pairs(window, 1, context - 1);
  return 2.0 * static_cast<double>(matmul_parameters()) + decode_pair_flops() * pairs + 2.0 * vocab * hidden;
}

}  // namespace kvplan
