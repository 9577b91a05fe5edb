// All-reduce of `bytes` on each of `gpus`: a latency that grows with the number of GPUs, then the links.
//
// Custom kernels read everything from every peer in one shot while that is little, and reduce in two, scatter and
// gather, beyond; where they change depends on the number of GPUs (vLLM's custom_all_reduce.cuh).
#include "models/operators/forms.hpp"
#include "models/operators/knots.hpp"

namespace kvplan {
namespace {

struct Layout {
  Axis bytes{"bytes", {256, 32768, 131072, 524288, 2097152, 8388608, 33554432, 134217728, 1073741824}};
  Axis gpus{"gpus", {2, 4, 8}};
  Blocks blocks;
  std::size_t by_size = blocks.across("efficiency", bytes, gpus);
};

const Layout& layout() {
  static const Layout l;
  return l;
}

constexpr double kKiB = 1024;

bool one_shot(double bytes, double gpus) {
  return gpus <= 2 || bytes < (gpus <= 4 ? 512 : 256) * kKiB;
}

void terms(const Shape& s, const Peaks& p, Terms& t) {
  const double bytes = s[0], gpus = s[1];
  t[0] = 1000;
  const bool once = one_shot(bytes, gpus);
  t[1] = once ? 0 : 2 * (gpus - 1) / gpus * bytes / p.peer_bytes_per_s * kNsPerS;  // busiest link
  t[2] = once ? (gpus - 1) * bytes / p.peer_bytes_per_s * kNsPerS : 0;
  t[3] = once ? 0 : 1000;
}

void features(const Shape& s, const Peaks&, double, double, FeatureRow& row) {
  const Layout& l = layout();
  add_across(row, l.by_size, l.bytes.place(std::log2(s[0])), l.gpus.place(std::log2(s[1])), l.gpus.size());
}

}  // namespace

Form all_reduce_form() {
  return {Operator::all_reduce, "all_reduce", 2, {"bytes", "gpus"}, {0}, {}, {0, 1, 2}, 0, {1, 131072, 8388608},
          {1, 2}, {2147483648.0, 8},
          {"launch", "two shots", "one shot", "second shot"}, layout().blocks.names(), terms, features};
}

}  // namespace kvplan
