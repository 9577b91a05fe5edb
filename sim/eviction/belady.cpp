#include "sim/eviction/foresight.hpp"
#include "sim/eviction/ranked.hpp"

namespace kvplan {
namespace {

// What the load uses again last goes first, and what it never uses again before all else. The future is the turns that
// have not arrived, in the order of the trace. It bounds the hits of a memory that sees all turns in that order, as
// with open-loop arrivals and one replica; with think times the order itself depends on the latencies, and a replica's
// HBM sees only the turns that were sent to it.
class Belady final : public RankedPolicy {
 public:
  explicit Belady(const EvictionSetup& s) : foresight_(s.foresight) {}

  void rank(const BlockRange& r) override {
    const std::int64_t order = now();
    foresight_.next_uses(r, [&](const BlockRange& part, std::int64_t turn) {
      blocks_.change(part, [&](PieceQueues::Standing& s) {
        s.rank = -turn;
        s.order = order;
      });
    });
  }

 private:
  Foresight& foresight_;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_belady_eviction(const EvictionSetup& s) { return std::make_unique<Belady>(s); }

}  // namespace kvplan
