// A batch of sequences as the attention kernels take it, on the device: spans,
// tiles, page tables that are shuffled over the pool, positions.
#pragma once

#include <cstdint>
#include <vector>

#include "validate/cuda/device/cuda.hpp"
#include "validate/cuda/experiments/bench.hpp"
#include "validate/cuda/kernels/arguments.hpp"

namespace kvplan::gpu {

class AttentionBatch {
 public:
  // `sequences` alike, each with `prefix` tokens cached and `new_tokens` to come. Each of `sets` sets of sequences has
  // pages of its own, so that rounds can rotate over more KV than the caches hold. Throws std::runtime_error when the
  // layout has too few pages.
  AttentionBatch(Bench& bench, const KvLayout& layout, int group, int sequences, int new_tokens, int prefix,
                 int sets = 1, int m_tiles = 2);

  bool decodes() const { return new_tokens_ == 1; }
  int tokens() const { return sequences_ * new_tokens_; }
  int kv_tokens() const { return prefix_ + new_tokens_; }
  // KV that attention reads, K and V, in bytes; and the operations of the causal scores and sums.
  std::int64_t kv_bytes() const;
  double flops() const;

  void attend(const Bf16* q, Bf16* out, Bf16* pool, int layer, int round, cudaStream_t stream) const;
  void append(const Bf16* qkv, Bf16* q, Bf16* pool, int layer, const float2* rotation, cudaStream_t stream) const;

 private:
  PagedKv view(Bf16* pool, int layer, int round) const;

  KvLayout layout_;
  int group_, sequences_, new_tokens_, prefix_, sets_, m_tiles_;
  int table_stride_ = 0, tile_count_ = 0, splits_ = 1;
  Buffer spans_, tiles_, table_, kv_tokens_, sequence_, position_, part_output_, part_softmax_;
};

// cosine and sine of each position below `positions`, on the device
Buffer rotation_table(int positions);

}  // namespace kvplan::gpu
