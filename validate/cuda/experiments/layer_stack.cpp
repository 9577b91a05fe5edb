#include "validate/cuda/experiments/layer_stack.hpp"

#include "validate/cuda/kernels/launch.hpp"

namespace kvplan::gpu {
namespace {

constexpr int kPageTokens = 16;
constexpr int kMostHeadRows = 64;

std::size_t size(std::int64_t a, std::int64_t b) { return static_cast<std::size_t>(a * b) * 2; }

KvLayout layout_for(const ModelShape& m, int layers, int kv_tokens) {
  return {layers, kv_tokens / kPageTokens, kPageTokens, m.kv_heads, false, false};
}

}  // namespace

std::size_t LayerStack::bytes_needed(const ModelShape& m, int layers, int max_tokens, int kv_tokens) {
  const std::int64_t a_token = 3 * m.hidden + m.qkv().n + 2 * m.heads * kHeadDim + 3 * m.intermediate;
  return size(layers, m.layer_elements()) + size(m.vocabulary, m.hidden) + size(max_tokens, a_token) +
         size(layout_for(m, layers, kv_tokens).pool_elements(), 1) + (std::size_t{64} << 20);
}

LayerStack::LayerStack(Bench& bench, const ModelShape& m, int layers, int max_tokens, int kv_tokens)
    : bench_(bench),
      shape_(m),
      layers_(layers),
      layout_(layout_for(m, layers, kv_tokens)),
      weights_(Memory::device, size(layers, m.layer_elements())),
      vocabulary_(Memory::device, size(m.vocabulary, m.hidden)),
      pool_(Memory::device, size(layout_.pool_elements(), 1)),
      rotation_(rotation_table(kv_tokens)),
      x_(Memory::device, size(max_tokens, m.hidden)),
      residual_(Memory::device, size(max_tokens, m.hidden)),
      normed_(Memory::device, size(max_tokens, m.hidden)),
      qkv_(Memory::device, size(max_tokens, m.qkv().n)),
      q_(Memory::device, size(max_tokens, m.heads * kHeadDim)),
      attended_(Memory::device, size(max_tokens, m.heads * kHeadDim)),
      gate_up_(Memory::device, size(max_tokens, 2 * m.intermediate)),
      activated_(Memory::device, size(max_tokens, m.intermediate)),
      logits_(Memory::device, size(kMostHeadRows, m.vocabulary)),
      chosen_(Memory::device, kMostHeadRows * sizeof(std::int32_t)) {
  std::uint64_t seed = 11;
  for (const Buffer* b : {&weights_, &vocabulary_}) {
    KVPLAN_CUDA(launch_fill_bf16(b->as<Bf16>(), b->bytes() / 2, 0.02f, ++seed, bench.main()));
  }
  for (const Buffer* b : {&pool_, &x_, &residual_}) {
    KVPLAN_CUDA(launch_fill_bf16(b->as<Bf16>(), b->bytes() / 2, 1.f, ++seed, bench.main()));
  }
  bench.main().wait();
}

AttentionBatch LayerStack::batch(int sequences, int new_tokens, int prefix) const {
  return AttentionBatch(bench_, layout_, shape_.group(), sequences, new_tokens, prefix);
}

void LayerStack::prepare(const AttentionBatch& batch) {
  for (const ProductShape& s : {shape_.qkv(), shape_.attention_output(), shape_.gate_up(), shape_.down()}) {
    bench_.matmul().prepare(MatrixType::bf16, batch.tokens(), s.n, s.k);
  }
}

void LayerStack::product(const ProductShape& s, const Bf16* x, const Bf16* w, Bf16* y, int tokens,
                         cudaStream_t stream) {
  bench_.matmul().run(MatrixType::bf16, x, w, y, tokens, s.n, s.k, stream);
}

void LayerStack::run_layer(const AttentionBatch& batch, int layer, cudaStream_t stream) {
  const int tokens = batch.tokens();
  const Bf16* w_qkv = weights_.as<Bf16>() + layer * shape_.layer_elements();
  const Bf16* w_out = w_qkv + shape_.qkv().elements();
  const Bf16* w_gate_up = w_out + shape_.attention_output().elements();
  const Bf16* w_down = w_gate_up + shape_.gate_up().elements();
  const Bf16* norm = w_down + shape_.down().elements();
  const auto normalise = [&](const Bf16* weight) {
    KVPLAN_CUDA(launch_rms_norm(x_.as<Bf16>(), residual_.as<Bf16>(), weight, normed_.as<Bf16>(), tokens, shape_.hidden,
                                stream));
  };
  normalise(norm);
  product(shape_.qkv(), normed_.as<Bf16>(), w_qkv, qkv_.as<Bf16>(), tokens, stream);
  batch.append(qkv_.as<Bf16>(), q_.as<Bf16>(), pool_.as<Bf16>(), layer, rotation_.as<float2>(), stream);
  batch.attend(q_.as<Bf16>(), attended_.as<Bf16>(), pool_.as<Bf16>(), layer, 0, stream);
  product(shape_.attention_output(), attended_.as<Bf16>(), w_out, x_.as<Bf16>(), tokens, stream);
  normalise(norm + shape_.hidden);
  product(shape_.gate_up(), normed_.as<Bf16>(), w_gate_up, gate_up_.as<Bf16>(), tokens, stream);
  KVPLAN_CUDA(launch_silu_mul(gate_up_.as<Bf16>(), activated_.as<Bf16>(), tokens, shape_.intermediate, stream));
  product(shape_.down(), activated_.as<Bf16>(), w_down, x_.as<Bf16>(), tokens, stream);
}

void LayerStack::forward(const AttentionBatch& batch, int count, cudaStream_t stream,
                         const std::function<void(int)>& before_layer) {
  for (int layer = 0; layer < count; ++layer) {
    if (before_layer) before_layer(layer);
    run_layer(batch, layer, stream);
  }
}

void LayerStack::head(int rows, cudaStream_t stream) {
  const Bf16* norm = weights_.as<Bf16>() + shape_.layer_elements() - 2 * shape_.hidden;
  KVPLAN_CUDA(
      launch_rms_norm(x_.as<Bf16>(), residual_.as<Bf16>(), norm, normed_.as<Bf16>(), rows, shape_.hidden, stream));
  product({shape_.vocabulary, shape_.hidden}, normed_.as<Bf16>(), vocabulary_.as<Bf16>(), logits_.as<Bf16>(), rows,
          stream);
  KVPLAN_CUDA(launch_argmax(logits_.as<Bf16>(), chosen_.as<std::int32_t>(), rows, shape_.vocabulary, stream));
}

}  // namespace kvplan::gpu
