#include "validate/cuda/engine/model.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "validate/cuda/experiments/attention_batch.hpp"
#include "validate/cuda/kernels/launch.hpp"

namespace kvplan::gpu {
namespace {

constexpr float kScale = 0.08838834764831845f;  // 1 / sqrt(kHeadDim)
constexpr int kMTiles = 2;                      // 128 rows a block of prefill attention
constexpr int kMostSplits = 64;

std::size_t halves(std::int64_t a, std::int64_t b = 1) { return static_cast<std::size_t>(a * b) * sizeof(Bf16); }

int most_tiles(const ModelShape& m, int rows, int sequences) {
  return rows * m.group() / (64 * kMTiles) + sequences + 1;
}

std::size_t input_words(const ModelShape& m, int rows, int sequences, int table_stride) {
  return static_cast<std::size_t>(3 * rows + sequences * (table_stride + 1 + 4 + 1) +
                                  2 * most_tiles(m, rows, sequences) + 64);
}

}  // namespace

int padded_rows(int rows) {
  const int step = rows <= 64 ? 8 : rows <= 512 ? 32 : 128;
  return (rows + step - 1) / step * step;
}

int EngineBatch::decodes() const {
  int n = 0;
  while (n < static_cast<int>(sequences.size()) && sequences[static_cast<std::size_t>(n)].new_tokens == 1) ++n;
  return n;
}

// Of a step: where its inputs lie on the device.
struct Model::Inputs {
  int rows, decodes, chunks, samples, tiles, splits, tiles_per_split;
  const std::int32_t *token, *sequence, *position, *table, *kv_tokens, *sampled_row;
  const SequenceSpan* spans;
  const PrefillTile* prefill_tiles;
};

std::size_t Model::bytes_needed(const ModelShape& m, const KvLayout& layout, int max_rows, int max_sequences) {
  const std::int64_t rows = padded_rows(max_rows), samples = padded_rows(max_sequences);
  return halves(m.layers, m.layer_elements()) + 2 * halves(m.vocabulary, m.hidden) + halves(layout.pool_elements()) +
         halves(rows, 3 * m.hidden + m.qkv().n + 2 * m.heads * kHeadDim + 3 * m.intermediate) +
         halves(samples, m.vocabulary) +
         static_cast<std::size_t>(max_sequences) * static_cast<std::size_t>(m.heads * kMostSplits * kHeadDim * 4) +
         (std::size_t{512} << 20);
}

Model::Model(const ModelShape& m, const KvLayout& layout, Matmul& matmul, int max_rows, int max_sequences,
             int max_context, std::uint64_t seed)
    : shape_(m),
      layout_(layout),
      matmul_(matmul),
      max_rows_(padded_rows(max_rows)),
      max_sequences_(max_sequences),
      table_stride_((max_context + layout.page_tokens - 1) / layout.page_tokens),
      weights_(Memory::device, halves(m.layers, m.layer_elements())),
      embedding_(Memory::device, halves(m.vocabulary, m.hidden)),
      head_(Memory::device, halves(m.vocabulary, m.hidden)),
      final_norm_(Memory::device, halves(m.hidden)),
      pool_(Memory::device, halves(layout.pool_elements())),
      rotation_(rotation_table(max_context)),
      x_(Memory::device, halves(max_rows_, m.hidden)),
      residual_(Memory::device, halves(max_rows_, m.hidden)),
      normed_(Memory::device, halves(max_rows_, m.hidden)),
      qkv_(Memory::device, halves(max_rows_, m.qkv().n)),
      q_(Memory::device, halves(max_rows_, m.heads * kHeadDim)),
      attended_(Memory::device, halves(max_rows_, m.heads * kHeadDim)),
      gate_up_(Memory::device, halves(max_rows_, 2 * m.intermediate)),
      activated_(Memory::device, halves(max_rows_, m.intermediate)),
      sampled_x_(Memory::device, halves(padded_rows(max_sequences), m.hidden)),
      sampled_residual_(Memory::device, halves(padded_rows(max_sequences), m.hidden)),
      logits_(Memory::device, halves(padded_rows(max_sequences), m.vocabulary)),
      chosen_(Memory::device, static_cast<std::size_t>(max_sequences) * sizeof(std::int32_t)),
      part_output_(Memory::device, static_cast<std::size_t>(max_sequences) *
                                       static_cast<std::size_t>(m.heads * kMostSplits * kHeadDim) * sizeof(float)),
      part_softmax_(Memory::device, static_cast<std::size_t>(max_sequences) *
                                        static_cast<std::size_t>(m.heads * kMostSplits) * sizeof(float2)),
      staging_(Memory::pinned, 4 * input_words(m, max_rows_, max_sequences, table_stride_)),
      inputs_(Memory::device, staging_.bytes()) {
  int processors = 0;
  KVPLAN_CUDA(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, 0));
  blocks_at_once_ = 2 * processors;
  const Stream stream;
  const auto fill = [&](const Bf16* to, std::int64_t count, double deviation) {
    KVPLAN_CUDA(launch_fill_bf16(const_cast<Bf16*>(to), static_cast<std::size_t>(count), static_cast<float>(deviation),
                                 ++seed * 7919, stream));
  };
  const auto fill_product = [&](const Bf16* to, const ProductShape& s) {
    fill(to, s.elements(), 1 / std::sqrt(static_cast<double>(s.k)));
  };
  for (int l = 0; l < m.layers; ++l) {
    const Layer w = layer(l);
    fill_product(w.qkv, m.qkv());
    fill_product(w.output, m.attention_output());
    fill_product(w.gate_up, m.gate_up());
    fill_product(w.down, m.down());
    fill(w.norm, 2 * m.hidden, 1);
  }
  fill(embedding(), std::int64_t{m.vocabulary} * m.hidden, 1);
  fill_product(head(), {m.vocabulary, m.hidden});
  fill(final_norm(), m.hidden, 1);
  KVPLAN_CUDA(cudaMemsetAsync(pool_.data(), 0xff, pool_.bytes(), stream));  // NaN: what is read unwritten shows
  for (const Buffer* b : {&x_, &residual_, &normed_, &qkv_, &attended_, &gate_up_, &activated_, &sampled_x_}) {
    KVPLAN_CUDA(cudaMemsetAsync(b->data(), 0, b->bytes(), stream));  // padding rows are zeros
  }
  stream.wait();
  for (int rows = 8; rows <= max_rows_; rows = padded_rows(rows + 1)) {
    for (const ProductShape& s : {m.qkv(), m.attention_output(), m.gate_up(), m.down()}) {
      matmul_.prepare(MatrixType::bf16, rows, s.n, s.k);
    }
    if (rows <= padded_rows(max_sequences)) matmul_.prepare(MatrixType::bf16, rows, m.vocabulary, m.hidden);
  }
}

Model::Layer Model::layer(int l) const {
  const Bf16* qkv = weights_.as<Bf16>() + l * shape_.layer_elements();
  const Bf16* output = qkv + shape_.qkv().elements();
  const Bf16* gate_up = output + shape_.attention_output().elements();
  const Bf16* down = gate_up + shape_.gate_up().elements();
  return {qkv, output, gate_up, down, down + shape_.down().elements()};
}

Model::Inputs Model::upload_inputs(const EngineBatch& batch, cudaStream_t stream) {
  const int sequences = static_cast<int>(batch.sequences.size());
  if (batch.rows() > max_rows_ || sequences > max_sequences_) throw std::logic_error("the step is larger than planned");
  Inputs in{};
  in.rows = batch.rows();
  in.decodes = batch.decodes();
  in.chunks = sequences - in.decodes;
  std::vector<std::int32_t> sequence, position, kv_tokens, sampled_row;
  std::vector<SequenceSpan> spans;
  int longest = 1;
  for (int i = 0, row = 0; i < sequences; ++i) {
    const EngineBatch::Sequence& s = batch.sequences[static_cast<std::size_t>(i)];
    for (int t = 0; t < s.new_tokens; ++t) {
      sequence.push_back(i);
      position.push_back(s.computed_tokens + t);
    }
    const std::int32_t all = s.computed_tokens + s.new_tokens;
    if (i < in.decodes) {
      kv_tokens.push_back(all);
      longest = std::max(longest, all);
    } else {
      spans.push_back({row - in.decodes, s.new_tokens, all, 0});
    }
    row += s.new_tokens;
    if (s.samples) sampled_row.push_back(row - 1);
  }
  const auto tiles = prefill_tiles(spans, shape_.group(), 64 * kMTiles);
  in.tiles = static_cast<int>(tiles.size());
  in.samples = static_cast<int>(sampled_row.size());
  in.splits = in.decodes == 0 ? 1 : decode_splits(in.decodes, shape_.kv_heads, longest, blocks_at_once_);
  in.tiles_per_split = ((longest + kDecodeTileTokens - 1) / kDecodeTileTokens + in.splits - 1) / in.splits;

  std::size_t used = 0;
  const auto place = [&](const void* from, std::size_t words) {
    std::memcpy(staging_.as<std::int32_t>() + used, from, 4 * words);
    const std::int32_t* there = inputs_.as<std::int32_t>() + used;
    used += (words + 3) / 4 * 4;  // spans and tables begin at 16 bytes
    return there;
  };
  in.token = place(batch.tokens.data(), batch.tokens.size());
  in.sequence = place(sequence.data(), sequence.size());
  in.position = place(position.data(), position.size());
  in.kv_tokens = place(kv_tokens.data(), kv_tokens.size());
  in.sampled_row = place(sampled_row.data(), sampled_row.size());
  in.spans = reinterpret_cast<const SequenceSpan*>(place(spans.data(), 4 * spans.size()));
  in.prefill_tiles = reinterpret_cast<const PrefillTile*>(place(tiles.data(), 2 * tiles.size()));
  in.table = inputs_.as<std::int32_t>() + used;
  for (const EngineBatch::Sequence& s : batch.sequences) {
    std::memcpy(staging_.as<std::int32_t>() + used, s.pages->data(), 4 * s.pages->size());
    used += static_cast<std::size_t>(table_stride_);
  }
  if (4 * used > staging_.bytes()) throw std::logic_error("the step's tables are larger than planned");
  KVPLAN_CUDA(cudaMemcpyAsync(inputs_.data(), staging_.data(), 4 * used, cudaMemcpyHostToDevice, stream));
  return in;
}

void Model::product(const ProductShape& s, const Bf16* x, const Bf16* w, Bf16* y, int rows, cudaStream_t stream) {
  matmul_.run(MatrixType::bf16, x, w, y, padded_rows(rows), s.n, s.k, stream);
}

void Model::attend(const Inputs& in, int l, cudaStream_t stream) {
  const std::int64_t row = std::int64_t{shape_.heads} * kHeadDim;
  if (in.decodes > 0) {
    const DecodeArguments a{q_.as<Bf16>(),
                            attended_.as<Bf16>(),
                            part_output_.as<float>(),
                            part_softmax_.as<float2>(),
                            paged_layer(layout_, pool(), l, in.table, table_stride_),
                            in.kv_tokens,
                            in.tiles_per_split,
                            in.splits,
                            kScale};
    KVPLAN_CUDA(launch_decode(a, shape_.group(), in.decodes, stream));
  }
  if (in.chunks == 0) return;
  const std::int32_t* table = in.table + std::int64_t{in.decodes} * table_stride_;
  const PrefillArguments a{q_.as<Bf16>() + in.decodes * row,
                           attended_.as<Bf16>() + in.decodes * row,
                           paged_layer(layout_, pool(), l, table, table_stride_),
                           in.prefill_tiles,
                           in.spans,
                           kScale};
  KVPLAN_CUDA(launch_prefill(a, shape_.group(), kMTiles, in.tiles, stream));
}

void Model::run_layer(const Inputs& in, int l, cudaStream_t stream) {
  const Layer w = layer(l);
  const auto normalise = [&](const Bf16* weight) {
    KVPLAN_CUDA(launch_rms_norm(x_.as<Bf16>(), residual_.as<Bf16>(), weight, normed_.as<Bf16>(), in.rows, shape_.hidden,
                                stream));
  };
  normalise(w.norm);
  product(shape_.qkv(), normed_.as<Bf16>(), w.qkv, qkv_.as<Bf16>(), in.rows, stream);
  const RopeArguments rope{qkv_.as<Bf16>(), q_.as<Bf16>(), paged_layer(layout_, pool(), l, in.table, table_stride_),
                           in.sequence,     in.position,   rotation_.as<float2>(),
                           shape_.heads};
  KVPLAN_CUDA(launch_rope_append(rope, in.rows, stream));
  attend(in, l, stream);
  product(shape_.attention_output(), attended_.as<Bf16>(), w.output, x_.as<Bf16>(), in.rows, stream);
  normalise(w.norm + shape_.hidden);
  product(shape_.gate_up(), normed_.as<Bf16>(), w.gate_up, gate_up_.as<Bf16>(), in.rows, stream);
  KVPLAN_CUDA(launch_silu_mul(gate_up_.as<Bf16>(), activated_.as<Bf16>(), in.rows, shape_.intermediate, stream));
  product(shape_.down(), activated_.as<Bf16>(), w.down, x_.as<Bf16>(), in.rows, stream);
}

void Model::forward(const EngineBatch& batch, cudaStream_t stream, const std::function<void(int)>& before_layer) {
  const Inputs in = upload_inputs(batch, stream);
  KVPLAN_CUDA(launch_gather_rows(in.token, embedding(), x_.as<Bf16>(), in.rows, shape_.hidden, stream));
  KVPLAN_CUDA(cudaMemsetAsync(residual_.data(), 0, halves(in.rows, shape_.hidden), stream));
  for (int l = 0; l < shape_.layers; ++l) {
    if (before_layer) before_layer(l);
    run_layer(in, l, stream);
  }
  if (in.samples == 0) return;
  const auto gather = [&](const Buffer& from, const Buffer& to) {
    KVPLAN_CUDA(launch_gather_rows(in.sampled_row, from.as<Bf16>(), to.as<Bf16>(), in.samples, shape_.hidden, stream));
  };
  gather(x_, sampled_x_);
  gather(residual_, sampled_residual_);
  KVPLAN_CUDA(launch_rms_norm(sampled_x_.as<Bf16>(), sampled_residual_.as<Bf16>(), final_norm(), normed_.as<Bf16>(),
                              in.samples, shape_.hidden, stream));
  product({shape_.vocabulary, shape_.hidden}, normed_.as<Bf16>(), head(), logits_.as<Bf16>(), in.samples, stream);
  KVPLAN_CUDA(launch_argmax(logits_.as<Bf16>(), chosen_.as<std::int32_t>(), in.samples, shape_.vocabulary, stream));
  KVPLAN_CUDA(cudaMemcpyAsync(staging_.data(), chosen_.data(), static_cast<std::size_t>(in.samples) * 4,
                              cudaMemcpyDeviceToHost, stream));
}

}  // namespace kvplan::gpu
