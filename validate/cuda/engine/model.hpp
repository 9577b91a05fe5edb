// A whole dense transformer with random weights over a pool of pages, run as an
// engine runs it: batches of decodes and prefill chunks of any lengths, embedding,
// layers, and the choice of a token for the rows that emit one.
//
// Weights are drawn with a deviation of 1 / sqrt(inputs), so that activations stay
// of order one, and every logit depends on every token before it. Tokens are
// chosen for real; what is fed back is the load's own (forced) token.
#pragma once

#include <functional>
#include <vector>

#include "validate/cuda/device/cuda.hpp"
#include "validate/cuda/device/matmul.hpp"
#include "validate/cuda/experiments/model_shape.hpp"
#include "validate/cuda/kernels/arguments.hpp"

namespace kvplan::gpu {

// Rows of a step: decodes, one row each, then the chunks. Tables are given as pages by sequence, decodes first.
struct EngineBatch {
  struct Sequence {
    const std::vector<std::int32_t>* pages = nullptr;
    std::int32_t computed_tokens = 0, new_tokens = 0;
    bool samples = false;
  };
  std::vector<Sequence> sequences;
  std::vector<std::int32_t> tokens;  // by row

  int decodes() const;
  int rows() const { return static_cast<int>(tokens.size()); }
};

class Model {
 public:
  // Room for `max_rows` rows, `max_sequences` sequences and `max_context` tokens of one.
  Model(const ModelShape& shape, const KvLayout& layout, Matmul& matmul, int max_rows, int max_sequences,
        int max_context, std::uint64_t seed);
  static std::size_t bytes_needed(const ModelShape& shape, const KvLayout& layout, int max_rows, int max_sequences);

  // Enqueues a step. before_layer may make the stream wait. One step at a time: the last must have ended.
  void forward(const EngineBatch& batch, cudaStream_t stream, const std::function<void(int layer)>& before_layer = {});
  // Of the last step, by sampled sequence in order.
  const Bf16* logits(int sample) const { return logits_.as<Bf16>() + std::int64_t{sample} * shape_.vocabulary; }

  const ModelShape& shape() const { return shape_; }
  const KvLayout& layout() const { return layout_; }
  Bf16* pool() const { return pool_.as<Bf16>(); }
  // Launches and calls of a step, about; for the plans of queues.
  static int operations(int layers) { return 12 * layers + 10; }

  // Where a layer's weights stand, for a reference.
  struct Layer {
    const Bf16 *qkv, *output, *gate_up, *down, *norm;  // norm: [2][hidden]
  };
  Layer layer(int l) const;
  const Bf16* embedding() const { return embedding_.as<Bf16>(); }
  const Bf16* head() const { return head_.as<Bf16>(); }
  const Bf16* final_norm() const { return final_norm_.as<Bf16>(); }

 private:
  struct Inputs;
  Inputs upload_inputs(const EngineBatch& batch, cudaStream_t stream);
  void run_layer(const Inputs& in, int l, cudaStream_t stream);
  void attend(const Inputs& in, int l, cudaStream_t stream);
  void product(const ProductShape& s, const Bf16* x, const Bf16* w, Bf16* y, int rows, cudaStream_t stream);

  ModelShape shape_;
  KvLayout layout_;
  Matmul& matmul_;
  int max_rows_, max_sequences_, table_stride_, blocks_at_once_;
  Buffer weights_, embedding_, head_, final_norm_, pool_, rotation_;
  Buffer x_, residual_, normed_, qkv_, q_, attended_, gate_up_, activated_;
  Buffer sampled_x_, sampled_residual_, logits_, chosen_, part_output_, part_softmax_;
  Buffer staging_, inputs_;  // pinned, and its copy on the device
};

// Rows that a product is run for: few sizes, so that the library's choice is made once for each.
int padded_rows(int rows);

}  // namespace kvplan::gpu
