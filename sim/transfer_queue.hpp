// Transfers between two memories in one direction: first in, first out, one in
// flight, as vLLM's offloading worker does it. The flow in flight shares the node's
// links with those of the other direction and of other replicas.
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "sim/flow_network.hpp"
#include "traces/prefix_chains.hpp"
#include "traces/workload.hpp"  // kNone

namespace kvplan {

using Ranges = std::vector<BlockRange>;

struct Transfer {
  std::uint32_t sequence = kNone;  // whose load it is
  Ranges ranges;
  Ranges promoted;  // of a load from G3 or G4: what it leaves in G2 as well
  Bytes bytes_per_gpu{0};
  std::int64_t segments = 0;
};

class TransferQueue {
 public:
  TransferQueue(FlowNetwork* network, FlowNetwork::RouteId route) : network_(network), route_(route) {}

  bool active() const { return !queue_.empty(); }
  const Transfer& current() const { return queue_.front(); }
  FlowNetwork::RouteId route() const { return route_; }

  // True when the transfer starts at once.
  bool push(Transfer transfer, Time at) {
    queue_.push_back(std::move(transfer));
    if (queue_.size() > 1) return false;
    start(at);
    return true;
  }

  // The flow in flight has ended: takes its transfer out and starts the next.
  Transfer pop(Time at) {
    Transfer done = std::move(queue_.front());
    queue_.pop_front();
    if (!queue_.empty()) start(at);
    return done;
  }

 private:
  void start(Time at) { network_->start(route_, queue_.front().bytes_per_gpu, queue_.front().segments, at); }

  FlowNetwork* network_;
  FlowNetwork::RouteId route_;
  std::deque<Transfer> queue_;
};

}  // namespace kvplan
