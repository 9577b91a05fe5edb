// The sizes of a dense transformer that decide its products and its KV.
#pragma once

#include <cstdint>
#include <string_view>

#include "validate/cuda/kernels/paged_kv.hpp"

namespace kvplan::gpu {

// y[m][n] = x[m][k] w[n][k]
struct ProductShape {
  std::int64_t n, k;
  std::int64_t elements() const { return n * k; }
};

struct ModelShape {
  std::string_view name;
  int layers, hidden, heads, kv_heads, intermediate, vocabulary;

  int group() const { return heads / kv_heads; }
  ProductShape qkv() const { return {(heads + 2 * kv_heads) * kHeadDim, hidden}; }
  ProductShape attention_output() const { return {hidden, heads * kHeadDim}; }
  ProductShape gate_up() const { return {2 * intermediate, hidden}; }
  ProductShape down() const { return {hidden, intermediate}; }
  std::int64_t layer_elements() const {
    return qkv().elements() + attention_output().elements() + gate_up().elements() + down().elements() + 2 * hidden;
  }
  double layer_flops_per_token() const { return 2.0 * static_cast<double>(layer_elements() - 2 * hidden); }
};

// Meta's model cards (config.json of Llama-3.1-8B and -70B).
constexpr ModelShape kLlama8B{"llama-3.1-8b", 32, 4096, 32, 8, 14336, 128256};
constexpr ModelShape kLlama70B{"llama-3.1-70b", 80, 8192, 64, 8, 28672, 128256};

}  // namespace kvplan::gpu
