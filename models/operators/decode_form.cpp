// Decode attention of one layer: `batch` sequences, one query each, `context` keys.
//
// The KV is streamed once for all heads of a group; a launch that has fewer
// (sequence, KV head) pairs than SMs splits the context over them.
#include "models/operators/forms.hpp"
#include "models/operators/knots.hpp"

namespace kvplan {
namespace {

struct Layout {
  Axis context{"context", {1, 128, 512, 1024, 2048, 4096, 16384, 131072}};
  Axis pairs{"batch x kv_heads", {1, 4, 16, 64, 128, 256, 1024, 16384}};
  Axis size{"time/launch", {1, 1.41421356, 2, 4, 8, 16, 64, 256, 4096}};
  Axis dim{"head_dim", {64, 128, 192, 256}};
  Blocks blocks;
  std::size_t by_size = blocks.across("efficiency", size, dim);
  std::size_t by_pairs = blocks.across("pairs", context, pairs);
  std::size_t group_context = blocks.along("log group", context);
  std::size_t group_size = blocks.along("log group", size);
  std::size_t waves = blocks.along("waves of pairs", context);
};

const Layout& layout() {
  static const Layout l;
  return l;
}

void terms(const Shape& s, const Peaks& p, Terms& t) {
  const double batch = s[0], context = s[1], heads = s[2], kv_heads = s[3], dim = s[4];
  t[0] = 1000;
  t[1] = 2 * batch * context * kv_heads * dim * p.element_bytes / p.bytes_per_s * kNsPerS;
  t[2] = 4 * batch * heads * dim * context / p.flops * kNsPerS;
  t[3] = batch * kv_heads / p.sms * 1000;
}

void features(const Shape& s, const Peaks& p, double roofline_ns, double floor_ns, FeatureRow& row) {
  const Layout& l = layout();
  const double pairs = s[0] * s[3], group = std::log2(s[2] / s[3]);
  const Place context = l.context.place(std::log2(s[1]));
  const Place size = l.size.place(std::log2(roofline_ns / floor_ns));
  add_across(row, l.by_size, size, l.dim.place(std::log2(s[4])), l.dim.size());
  add_across(row, l.by_pairs, context, l.pairs.place(std::log2(pairs)), l.pairs.size());
  add_along(row, l.group_context, context, group);
  add_along(row, l.group_size, size, group);
  add_along(row, l.waves, context, wave_log2(pairs, p.sms));
}

}  // namespace

Form decode_form() {
  return {Operator::decode_attention, "decode_attention", 1,
          {"batch", "context", "heads", "kv_heads", "head_dim"}, {2, 3, 4}, {0, 1}, {0, 1}, 1, {1, 128, 1024, 8192, 32768},
          {1, 1, 1, 1, 64}, {4096, 131072, 1024, 1024, 256},
          {"launch", "memory", "compute", "pair"}, layout().blocks.names(), terms, features};
}

}  // namespace kvplan
