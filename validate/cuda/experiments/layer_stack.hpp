// Whole transformer layers with weights of their own, as an engine runs them:
// norm, QKV product, rotary embedding and KV append, attention over pages, output
// product, norm, gate and up product, silu, down product. Ten launches or so a
// layer, no host work in between. Weights and activations are random; what is
// computed is finite and meaningless, what it costs is real.
#pragma once

#include <functional>
#include <memory>

#include "validate/cuda/experiments/attention_batch.hpp"
#include "validate/cuda/experiments/model_shape.hpp"

namespace kvplan::gpu {

class LayerStack {
 public:
  // Room for `layers` layers, batches of up to max_tokens new tokens, and kv_tokens of paged KV (16 a page,
  // layer-first). Throws CudaError where memory is short; bytes_needed says before.
  LayerStack(Bench& bench, const ModelShape& shape, int layers, int max_tokens, int kv_tokens);
  static std::size_t bytes_needed(const ModelShape& shape, int layers, int max_tokens, int kv_tokens);

  AttentionBatch batch(int sequences, int new_tokens, int prefix) const;
  // Chooses the algorithms for the products of a batch, so that no timing contains that.
  void prepare(const AttentionBatch& batch);
  // Layers [0, count); before_layer may make the stream wait.
  void forward(const AttentionBatch& batch, int count, cudaStream_t stream,
               const std::function<void(int layer)>& before_layer = {});
  // Norm, vocabulary product and choice of tokens for `rows` rows.
  void head(int rows, cudaStream_t stream);

  const ModelShape& shape() const { return shape_; }
  int layers() const { return layers_; }
  static int operations(int layers) { return 11 * layers; }

 private:
  void run_layer(const AttentionBatch& batch, int layer, cudaStream_t stream);
  void product(const ProductShape& s, const Bf16* x, const Bf16* w, Bf16* y, int tokens, cudaStream_t stream);

  Bench& bench_;
  ModelShape shape_;
  int layers_;
  KvLayout layout_;
  Buffer weights_, vocabulary_, pool_, rotation_;
  Buffer x_, residual_, normed_, qkv_, q_, attended_, gate_up_, activated_, logits_, chosen_;
};

}  // namespace kvplan::gpu
