// All-reduce of `bytes` on each of `gpus`: a latency that grows with the number of GPUs, then the links.
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

void terms(const Shape& s, const Peaks& p, Terms& t) {
  const double bytes = s[0], gpus = s[1];
  t[0] = 1000;
  t[1] = 2 * (gpus - 1) / gpus * bytes / p.peer_bytes_per_s * kNsPerS;  // busiest link, ring or two-shot
}

void features(const Shape& s, const Peaks&, double, double, FeatureRow& row) {
  const Layout& l = layout();
  add_across(row, l.by_size, l.bytes.place(std::log2(s[0])), l.gpus.place(std::log2(s[1])), l.gpus.size());
}

}  // namespace

Form all_reduce_form() {
  return {Operator::all_reduce, "all_reduce", 1, {"bytes", "gpus"}, {0}, {}, {0, 1}, 0, {1, 131072},
          {1, 2}, {2147483648.0, 8},
          {"launch", "links"}, layout().blocks.names(), terms, features};
}

}  // namespace kvplan
