#include "validate/cuda/experiments/attention_batch.hpp"

#include <cmath>
#include <numeric>
#include <stdexcept>

#include "validate/cuda/kernels/launch.hpp"

namespace kvplan::gpu {
namespace {

constexpr float kScale = 0.08838834764831845f;  // 1 / sqrt(kHeadDim)
constexpr int kBlocksPerProcessor = 2;          // what the decode kernel's shared memory allows

}  // namespace

AttentionBatch::AttentionBatch(Bench& bench, const KvLayout& layout, int group, int sequences, int new_tokens,
                               int prefix, int sets, int m_tiles)
    : layout_(layout),
      group_(group),
      sequences_(sequences),
      new_tokens_(new_tokens),
      prefix_(prefix),
      sets_(sets),
      m_tiles_(m_tiles) {
  const int longest = kv_tokens();
  table_stride_ = (longest + layout.page_tokens - 1) / layout.page_tokens;
  if (std::int64_t{sets} * sequences * table_stride_ > layout.pages)
    throw std::runtime_error("too few pages in the pool");
  std::vector<std::int32_t> pages(static_cast<std::size_t>(layout.pages));
  std::iota(pages.begin(), pages.end(), 0);
  for (std::size_t i = pages.size(); i > 1; --i) std::swap(pages[i - 1], pages[bench.random()() % i]);
  pages.resize(static_cast<std::size_t>(sets * sequences * table_stride_));
  table_ = upload(pages);

  std::vector<SequenceSpan> spans;
  std::vector<std::int32_t> lengths, owner, position;
  for (int s = 0; s < sequences; ++s) {
    spans.push_back({s * new_tokens, new_tokens, longest, 0});
    lengths.push_back(longest);
    for (int t = 0; t < new_tokens; ++t) {
      owner.push_back(s);
      position.push_back(prefix + t);
    }
  }
  const auto tiles = prefill_tiles(spans, group, 64 * m_tiles);
  tile_count_ = static_cast<int>(tiles.size());
  splits_ = decode_splits(sequences, layout.kv_heads, longest, kBlocksPerProcessor * bench.processors());
  spans_ = upload(spans);
  tiles_ = upload(tiles);
  kv_tokens_ = upload(lengths);
  sequence_ = upload(owner);
  position_ = upload(position);
  if (decodes()) {
    const std::size_t parts =
        static_cast<std::size_t>(sequences) * static_cast<std::size_t>(layout.kv_heads * group * splits_);
    part_output_ = Buffer(Memory::device, parts * kHeadDim * sizeof(float));
    part_softmax_ = Buffer(Memory::device, parts * sizeof(float2));
  }
}

std::int64_t AttentionBatch::kv_bytes() const {
  return std::int64_t{4} * sequences_ * kv_tokens() * layout_.kv_heads * kHeadDim;
}

double AttentionBatch::flops() const {
  const double rows = static_cast<double>(sequences_) * layout_.kv_heads * group_;
  const double visible = static_cast<double>(new_tokens_) * (prefix_ + (new_tokens_ + 1) / 2.0);
  return 4.0 * kHeadDim * rows * visible;
}

PagedKv AttentionBatch::view(Bf16* pool, int layer, int round) const {
  const std::int32_t* table = table_.as<std::int32_t>() + (round % sets_) * sequences_ * table_stride_;
  return paged_layer(layout_, pool, layer, table, table_stride_);
}

void AttentionBatch::attend(const Bf16* q, Bf16* out, Bf16* pool, int layer, int round, cudaStream_t stream) const {
  const PagedKv kv = view(pool, layer, round);
  if (!decodes()) {
    const PrefillArguments a{q, out, kv, tiles_.as<PrefillTile>(), spans_.as<SequenceSpan>(), kScale};
    KVPLAN_CUDA(launch_prefill(a, group_, m_tiles_, tile_count_, stream));
    return;
  }
  const int tiles = (kv_tokens() + kDecodeTileTokens - 1) / kDecodeTileTokens;
  const DecodeArguments a{q,
                          out,
                          part_output_.as<float>(),
                          part_softmax_.as<float2>(),
                          kv,
                          kv_tokens_.as<std::int32_t>(),
                          (tiles + splits_ - 1) / splits_,
                          splits_,
                          kScale};
  KVPLAN_CUDA(launch_decode(a, group_, sequences_, stream));
}

void AttentionBatch::append(const Bf16* qkv, Bf16* q, Bf16* pool, int layer, const float2* rotation,
                            cudaStream_t stream) const {
  const RopeArguments a{qkv,
                        q,
                        view(pool, layer, 0),
                        sequence_.as<std::int32_t>(),
                        position_.as<std::int32_t>(),
                        rotation,
                        layout_.kv_heads * group_};
  KVPLAN_CUDA(launch_rope_append(a, tokens(), stream));
}

Buffer rotation_table(int positions) {
  double frequency[kHeadDim / 2];
  for (int i = 0; i < kHeadDim / 2; ++i) frequency[i] = std::pow(500000.0, -2.0 * i / kHeadDim);
  std::vector<float2> values;
  values.reserve(static_cast<std::size_t>(positions) * kHeadDim / 2);
  for (int p = 0; p < positions; ++p) {
    for (int i = 0; i < kHeadDim / 2; ++i) {
      const double angle = p * frequency[i];
      values.push_back({static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle))});
    }
  }
  return upload(values);
}

}  // namespace kvplan::gpu
