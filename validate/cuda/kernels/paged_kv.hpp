// Where the KV of one layer stands in a pool of pages, and how the work of an
// attention call is cut up. Plain data and host arithmetic, shared by kernels,
// launchers and tests.
//
// A page holds `page_tokens` slots of `kv_heads` heads of kHeadDim bf16 numbers,
// for K and for V. The pool lies either layer after layer (layer-first: what an
// engine that allocates a tensor a layer has; a page is 2 L pieces) or page after
// page (page-first: a page is one piece), and inside a page either tokens or
// heads come first (NHD, HND). Strides say all four.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "validate/cuda/kernels/bf16.hpp"

namespace kvplan::gpu {

constexpr int kHeadDim = 128;

struct KvLayout {
  int layers = 1;
  int pages = 1;
  int page_tokens = 16;  // a power of two
  int kv_heads = 8;
  bool page_first = false;
  bool heads_first = false;

  std::int64_t piece_elements() const { return std::int64_t{page_tokens} * kv_heads * kHeadDim; }
  std::int64_t pool_elements() const { return 2 * piece_elements() * layers * pages; }
  std::int64_t page_stride() const { return page_first ? 2 * layers * piece_elements() : piece_elements(); }
  std::int64_t value_offset() const { return page_first ? piece_elements() : pages * piece_elements(); }
  std::int64_t layer_stride() const { return 2 * piece_elements() * (page_first ? 1 : pages); }
  int slot_stride() const { return heads_first ? kHeadDim : kv_heads * kHeadDim; }
  int head_stride() const { return heads_first ? page_tokens * kHeadDim : kHeadDim; }
  // Pieces of a page that lie apart, and the bytes of each.
  int segments_per_page() const { return page_first ? 1 : 2 * layers; }
  std::int64_t segment_bytes() const { return 2 * piece_elements() * (page_first ? 2 * layers : 1); }
};

// One layer of a pool, and the pages of each sequence.
struct PagedKv {
  Bf16* layer;  // K of page 0, slot 0, head 0; strides in elements
  std::int64_t page_stride, value_offset;
  std::int32_t slot_stride, head_stride;
  const std::int32_t* table;  // [sequence][table_stride]: page numbers
  std::int32_t table_stride, log2_page, kv_heads;
};

inline PagedKv paged_layer(const KvLayout& l, Bf16* pool, int layer, const std::int32_t* table, int table_stride) {
  int log2_page = 0;
  while ((1 << log2_page) < l.page_tokens) ++log2_page;
  return {pool + layer * l.layer_stride(),
          l.page_stride(),
          l.value_offset(),
          l.slot_stride(),
          l.head_stride(),
          table,
          table_stride,
          log2_page,
          l.kv_heads};
}

// New tokens of a sequence: rows [first_row, first_row + new_tokens) of q; kv_tokens counts them too.
struct SequenceSpan {
  std::int32_t first_row, new_tokens, kv_tokens, unused;
};

// A tile of consecutive rows of one sequence; row r is head r % group of new token r / group.
struct PrefillTile {
  std::int32_t sequence, first_row;
};

// Longest first, so that the last to start is among the shortest.
inline std::vector<PrefillTile> prefill_tiles(const std::vector<SequenceSpan>& spans, int group, int tile_rows) {
  std::vector<PrefillTile> tiles;
  for (std::size_t s = 0; s < spans.size(); ++s) {
    for (int row = 0; row < spans[s].new_tokens * group; row += tile_rows) {
      tiles.push_back({static_cast<std::int32_t>(s), row});
    }
  }
  const auto visible = [&](const PrefillTile& t) {
    const SequenceSpan& s = spans[static_cast<std::size_t>(t.sequence)];
    return s.kv_tokens - s.new_tokens + (t.first_row + tile_rows) / group;
  };
  std::stable_sort(tiles.begin(), tiles.end(),
                   [&](const PrefillTile& a, const PrefillTile& b) { return visible(a) > visible(b); });
  return tiles;
}

constexpr int kDecodeTileTokens = 64;

// Into how many parts the KV of each sequence is cut, so that the blocks fill the processors in nearly whole waves:
// the fewest parts whose last wave leaves at most a tenth more idle than the best count does.
inline int decode_splits(int sequences, int kv_heads, int longest_kv_tokens, int blocks_at_once) {
  const int tiles = std::max(1, (longest_kv_tokens + kDecodeTileTokens - 1) / kDecodeTileTokens);
  const auto fill = [&](int splits) {
    const int blocks = sequences * kv_heads * splits;
    const int waves = (blocks + blocks_at_once - 1) / blocks_at_once;
    return static_cast<double>(blocks) / (static_cast<double>(waves) * blocks_at_once);
  };
  const int most = std::min(tiles, 64);
  double best = 0;
  for (int s = 1; s <= most; ++s) best = std::max(best, fill(s));
  int splits = 1;
  while (splits < most && fill(splits) < 0.9 * best) ++splits;
  return splits;
}

}  // namespace kvplan::gpu
