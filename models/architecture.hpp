// What a transformer is, as far as memory and time depend on it.
// Shapes are per model, before tensor parallelism. Sources stand in the JSON.
//
// Every layer has attention and a feed-forward part. Attention is grouped-query
// (heads, kv_heads, head_dim) in all layers, or latent (mla) in all; `window`
// says in how many of them a token sees only the last tokens. The feed-forward
// part has `ffn` columns, but in the layers that have experts (moe). Which layer
// is of which kind does not matter here: all is sums over layers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.hpp"

namespace kvplan {

enum class Dtype { fp32, bf16, fp16, fp8, fp4, int4 };
Dtype dtype_from_name(std::string_view name);  // UsageError with a suggestion
std::vector<std::string> dtype_names();
std::string_view name_of(Dtype);
double bytes_per_element(Dtype);  // with the scales of its blocks
// What embeddings, lm_head, norms and biases keep when the matrices have this dtype: bf16 for fp8, fp4 and int4.
Dtype unquantised(Dtype);

struct Window {
  std::int32_t tokens = 0;
  std::int32_t layers = 0;  // 0: every layer sees the whole context
  bool chunked = false;     // windows lie end to end (Llama 4), so that a token sees half of one on average
};

// Multi-head latent attention (DeepSeek): what is cached of a token is one latent vector and one rotated key.
struct LatentAttention {
  std::int32_t q_rank = 0;   // 0: queries are projected in one step
  std::int32_t kv_rank = 0;  // 0: the model has grouped-query attention
  std::int32_t nope_dim = 0, rope_dim = 0, value_dim = 0;  // of a head
};

struct Experts {
  std::int32_t layers = 0;  // 0: the model is dense
  std::int32_t experts = 0;
  std::int32_t experts_per_token = 0;
  std::int32_t ffn = 0;         // columns of one expert
  std::int32_t shared_ffn = 0;  // columns that every token takes beside its experts
  bool biases = false;          // on every expert and on the router (gpt-oss)
  bool router_bias = false;     // DeepSeek-V3
};

struct Architecture {
  std::string name;
  std::vector<std::string> aliases = {};
  std::string title;
  std::int32_t layers = 0;
  std::int32_t hidden = 0;
  std::int32_t heads = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;
  std::int32_t ffn = 0;  // of dense layers; 0 when all have experts
  std::int32_t vocab = 0;
  std::int32_t max_context_tokens = 0;
  Window window = {};
  LatentAttention mla = {};
  Experts moe = {};
  bool gated_ffn = true;       // three matrices (SwiGLU) against two (OPT)
  bool tied_embeddings = false;
  bool learned_positions = false;      // OPT: a position table of (max_context + 2) x hidden
  bool biases = false;                 // OPT: biases on every linear layer and norm
  bool qkv_biases = false;             // Qwen2.5
  bool attention_output_bias = false;  // gpt-oss
  bool attention_sinks = false;        // gpt-oss: one logit a head
  bool qk_norm = false;                // Qwen3
  bool quantised_experts_alone = false;  // a quantised dtype holds for the experts, the rest stays in 16 bits
  std::int64_t vision_parameters = 0;    // an encoder beside the language model, in 16 bits; no time is modelled for it
  Dtype released_weights = Dtype::bf16;
  std::string source;
  std::string date;
  std::vector<std::string> notes = {};

  bool latent() const { return mla.kv_rank > 0; }
  std::int32_t dense_layers() const { return layers - moe.layers; }

  std::int64_t parameters() const;         // all of them, exactly
  std::int64_t active_parameters() const;  // without the experts that a token does not take
  std::int64_t matmul_parameters() const;  // those that every token multiplies, without embedding and lm_head
  // Of all matrices but embedding and lm_head, expert or not: what a quantised dtype can hold for.
  std::int64_t expert_parameters() const;
  std::int64_t dense_matrix_parameters() const;
  Dtype dense_dtype(Dtype weights) const;  // of the matrices that are no experts

  Bytes weight_bytes(Dtype weights) const;  // quantised dtypes hold for matrices alone
  // On one GPU of a TP group: matrices are split, but for the router, latent down-projections and copied KV heads.
  Bytes weight_bytes_per_gpu(Dtype weights, std::int32_t tp) const;
  // Of one token while it lies in every window, that is in all layers.
  Bytes kv_bytes_per_token(Dtype kv) const;
  // Of one token that has left the windows.
  Bytes kv_bytes_per_token_beyond_window(Dtype kv) const;
  Bytes kv_bytes(Dtype kv, Tokens context) const;  // of a whole context, without what windows have left behind
  // Of one token, on one GPU of a TP group: KV heads are split, and copied once there are fewer than GPUs; the latent
  // vector of MLA is on every GPU.
  Bytes kv_bytes_per_token_per_gpu(Dtype kv, std::int32_t tp) const;

  // FLOPs of one (query, key) pair in all heads of one layer. Latent attention prefills with keys and values that are
  // projected up, and decodes on the latent vectors themselves.
  double prefill_pair_flops() const;
  double decode_pair_flops() const;
  // To compute `tokens` new tokens on top of `cached` ones (causal), without lm_head.
  double prefill_flops(std::int64_t tokens, std::int64_t cached) const;
  // To decode one token that attends to `context` tokens, with lm_head.
  double decode_flops(std::int64_t context) const;
};

// (query, key) pairs of one layer with this window: `tokens` new tokens on top of `cached` ones.
double windowed_pairs(const Window&, std::int64_t tokens, std::int64_t cached);

// By name or alias from those that ship with kvplan (models/zoo), or by path (anything with a '/' or ending in
// ".json"). InputError with all findings of the file, or with a suggestion for an unknown name.
Architecture load_architecture(const std::string& name_or_path);
std::vector<std::string> architecture_names();

}  // namespace kvplan
