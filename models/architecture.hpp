// What a transformer is, as far as memory and time depend on it.
// Shapes are per model, before tensor parallelism. Sources stand in the JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.hpp"

namespace kvplan {

enum class Dtype { fp32, bf16, fp16, fp8, int4 };
Dtype dtype_from_name(std::string_view name);  // UsageError with a suggestion
std::string_view name_of(Dtype);
double bytes_per_element(Dtype);
// What embeddings, lm_head, norms and biases keep when the matrices have this dtype: bf16 for fp8 and int4.
Dtype unquantised(Dtype);

struct Architecture {
  std::string name;
  std::vector<std::string> aliases = {};
  std::string title;
  std::int32_t layers = 0;
  std::int32_t hidden = 0;
  std::int32_t heads = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;
  std::int32_t ffn = 0;
  std::int32_t vocab = 0;
  std::int32_t max_context_tokens = 0;
  bool gated_ffn = true;       // three matrices (SwiGLU) against two (OPT)
  bool tied_embeddings = false;
  bool learned_positions = false;  // OPT: a position table of (max_context + 2) x hidden
  bool biases = false;             // OPT: biases on every linear layer and norm
  bool qkv_biases = false;         // Qwen2.5
  bool qk_norm = false;            // Qwen3
  std::string source;
  std::string date;
  std::vector<std::string> notes = {};

  std::int64_t parameters() const;         // all of them, exactly
  std::int64_t matmul_parameters() const;  // those that every token multiplies, without embedding and lm_head
  Bytes weight_bytes(Dtype weights) const;  // quantised dtypes hold for the matmul parameters alone
  Bytes kv_bytes_per_token(Dtype kv) const;
  // Of one token, on one GPU of a TP group: KV heads are split, and copied once there are fewer than GPUs.
  Bytes kv_bytes_per_token_per_gpu(Dtype kv, std::int32_t tp) const;
  // To compute `tokens` new tokens on top of `cached` ones (causal), without lm_head.
  double prefill_flops(std::int64_t tokens, std::int64_t cached) const;
};

// By name or alias from those that ship with kvplan (models/zoo), or by path (anything with a '/' or ending in
// ".json"). InputError with all findings of the file, or with a suggestion for an unknown name.
Architecture load_architecture(const std::string& name_or_path);
std::vector<std::string> architecture_names();

}  // namespace kvplan
