// Writes what is in G2 on to a tier beyond it, in the background: first in, first
// out, one write of a node in flight. Through: what has come to G2; selective: of
// that, what prompts have looked up often enough; back: what is about to leave G2.
//
// A block that waits or is being written is pinned in G2 and has its room in the
// tier beyond. What waits never exceeds an eighth of G2: beyond that, writes are
// dropped, as real offloaders do, so that a slow store cannot fill G2 with pins.
#pragma once

#include <algorithm>
#include <deque>

#include "sim/lower_tier.hpp"
#include "sim/result.hpp"
#include "sim/transfer_queue.hpp"

namespace kvplan {

class WriteThrough {
 public:
  // `streams`: equal parts that the node moves at once (NodeLinks::Beyond).
  WriteThrough(FlowNetwork& network, FlowNetwork::RouteId route, std::int64_t streams, Bytes most_waiting,
               Executor* executor, StorePolicy policy, std::int32_t selective_hits)
      : queue_(&network, route, executor),
        streams_(streams),
        most_waiting_(most_waiting),
        policy_(policy),
        selective_hits_(selective_hits) {}

  StorePolicy policy() const { return policy_; }

  // Parts of the ranges that are ready in `from`, a G2, and wanted in `to`, the tier beyond for it.
  void offer(LowerTier& from, LowerTier& to, const Ranges& ranges, const Use& use, SimulationResult& result);
  // The write in flight has ended.
  void ended(Time at);
  bool idle() const { return !queue_.active(); }
  bool uses(const LowerTier& tier) const {
    return std::any_of(ends_.begin(), ends_.end(), [&](const Ends& e) { return e.from == &tier || e.to == &tier; });
  }
  // All that is under way is lost: what it reads is unpinned, what was to come does not.
  void abandon();

 private:
  BlockRange wanted_part(const LowerTier& from, const BlockRange& r, bool& wanted) const;

  TransferQueue queue_;
  std::int64_t streams_;
  Bytes most_waiting_;
  Bytes waiting_{0};
  StorePolicy policy_;
  std::int32_t selective_hits_;
  struct Ends {
    LowerTier *from, *to;
  };
  std::deque<Ends> ends_;  // of the queue's transfers
};

}  // namespace kvplan
