#include "sim/eviction/ranked.hpp"

namespace kvplan {
namespace {

// The fewest uses since a block came go first; among equals the least recently used.
class Lfu final : public RankedPolicy {
 public:
  void rank(const BlockRange& r) override {
    const std::int64_t order = now();
    blocks_.change(r, [&](PieceQueues::Standing& s) {
      s.rank = s.count;
      s.order = order;
    });
  }
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_lfu_eviction(const EvictionSetup&) { return std::make_unique<Lfu>(); }

}  // namespace kvplan
