// Prefill attention of one layer: `batch` sequences of `tokens` causal queries each, on `cached` keys before them.
//
// Work comes in tiles of 128 query rows; with grouped queries the heads that
// share a KV head fill a tile together. A tile costs a fixed time and the keys it
// meets; tiles run in waves over the SMs, and the longest tile bounds a launch
// that does not fill the GPU. Keys and values that are stored in fewer bits are
// converted first, which depends on how many there are beside the queries.
#include "models/operators/forms.hpp"
#include "models/operators/knots.hpp"

namespace kvplan {
namespace {

constexpr double kTileRows = 128;

struct Tiles {
  double alone, grouped;  // of each head by itself; of each KV head's group
};

Tiles tiles_of(const Shape& s) {
  const double group = s[2] / s[3];
  return {s[0] * s[2] * std::ceil(s[1] / kTileRows), s[0] * s[3] * std::ceil(s[1] * group / kTileRows)};
}

struct Layout {
  Axis tokens{"tokens", {1, 16, 64, 128, 256, 512, 1024, 2048, 4096, 16384}};
  Axis load{"tiles/SM", {0.0078125, 0.125, 0.5, 1, 1.41421356, 2, 4, 16, 128}};
  Axis size{"time/launch", {1, 1.2, 1.4142, 2, 2.828, 4, 8, 16, 64, 256, 2048}};
  Axis dim{"head_dim", {64, 128, 192, 256}};
  Axis group{"group", {1, 2, 4, 8, 16, 64}};
  Axis heads{"heads", {1, 4, 16, 64}};
  Blocks blocks;
  std::size_t by_dim = blocks.across("efficiency", tokens, dim);
  std::size_t by_size = blocks.across("efficiency", size, dim);
  std::size_t by_load = blocks.across("load", tokens, load);
  std::size_t by_grouped = blocks.across("grouped load", tokens, load);
  std::size_t by_group = blocks.across("grouping", tokens, group);
  std::size_t load_dim = blocks.across("load", load, dim);
  std::size_t group_dim = blocks.across("grouping", group, dim);
  std::size_t heads_dim = blocks.across("heads", heads, dim);
  std::size_t waves = blocks.along("waves of tiles", dim);
  std::size_t grouped_waves = blocks.scalar("waves of grouped tiles");
};

const Layout& layout() {
  static const Layout l;
  return l;
}

void terms(const Shape& s, const Peaks& p, Terms& t) {
  const double batch = s[0], tokens = s[1], heads = s[2], kv_heads = s[3], dim = s[4], cached = s[5];
  constexpr double kBf16 = 2;
  const Tiles tiles = tiles_of(s);
  const double key_tiles = cached / kTileRows + (std::ceil(tokens / kTileRows) + 1) / 2;  // of the mean tile, causal
  const double tile_flops = 4 * dim * kTileRows * kTileRows;
  const double longest_ns = 4 * dim * kTileRows * (cached + tokens) / (p.flops / p.sms) * kNsPerS;
  const double pairs = tokens * cached + tokens * (tokens + 1) / 2;
  const double work_ns = 4 * batch * heads * dim * pairs / p.flops * kNsPerS;
  t[0] = 1000;
  t[1] = std::max(tiles.grouped, p.sms) / p.sms * 1000;
  const double kv_bytes = 2 * kv_heads * (cached + tokens) * p.element_bytes;
  t[2] = batch * dim * (2 * heads * tokens * kBf16 + kv_bytes) / p.bytes_per_s * kNsPerS;
  t[3] = std::max(work_ns, longest_ns);
  t[4] = tile_flops * tiles.grouped * key_tiles / p.flops * kNsPerS;
  t[5] = longest_ns;
  t[6] = std::min(tokens, 16.0) * 10;
  t[7] = batch * dim * kv_bytes / p.bytes_per_s * kNsPerS;
  t[8] = batch * tokens / p.sms * 10;
}

void features(const Shape& s, const Peaks& p, double roofline_ns, double floor_ns, FeatureRow& row) {
  const Layout& l = layout();
  const Tiles tiles = tiles_of(s);
  const Place tokens = l.tokens.place(std::log2(s[1])), dim = l.dim.place(std::log2(s[4]));
  const Place size = l.size.place(std::log2(roofline_ns / floor_ns));
  const Place load = l.load.place(std::log2(tiles.alone / p.sms));
  add_across(row, l.by_dim, tokens, dim, l.dim.size());
  add_across(row, l.by_size, size, dim, l.dim.size());
  add_across(row, l.by_load, tokens, load, l.load.size());
  add_across(row, l.by_grouped, tokens, l.load.place(std::log2(tiles.grouped / p.sms)), l.load.size());
  const Place group = l.group.place(std::log2(s[2] / s[3]));
  add_across(row, l.by_group, tokens, group, l.group.size());
  add_across(row, l.group_dim, group, dim, l.dim.size());
  add_across(row, l.heads_dim, l.heads.place(std::log2(s[2])), dim, l.dim.size());
  add_across(row, l.load_dim, load, dim, l.dim.size());
  add_along(row, l.waves, dim, wave_log2(tiles.alone, p.sms));
  row.add(l.grouped_waves, wave_log2(tiles.grouped, p.sms));
}

}  // namespace

Form prefill_form() {
  return {Operator::prefill_attention, "prefill_attention", 3,
          {"batch", "tokens", "heads", "kv_heads", "head_dim", "cached"}, {2, 3, 4}, {0, 1, 5}, {0, 3}, 1, {1, 32, 256, 1024, 4096},
          {1, 1, 1, 1, 64, 0}, {4096, 16384, 1024, 1024, 256, 1 << 20},
          {"launch", "tile", "memory", "compute", "padded compute", "longest tile", "first queries", "keys and values", "tokens"},
          layout().blocks.names(), terms, features};
}

}  // namespace kvplan
