// Transfers between two memories in one direction: first in, first out, one in
// flight, as vLLM's offloading worker does it. The flow in flight shares the node's
// links with those of the other direction and of other replicas.
#pragma once

#include <algorithm>
#include <boost/container/deque.hpp>
#include <utility>

#include "sim/executor.hpp"
#include "sim/flow_network.hpp"
#include "sim/transfer.hpp"

namespace kvplan {

class TransferQueue {
 public:
  // With an executor it moves the bytes, and the network stays idle.
  TransferQueue(FlowNetwork* network, FlowNetwork::RouteId route, Executor* executor)
      : network_(network), route_(route), executor_(executor) {}

  bool active() const { return !queue_.empty(); }
  const Transfer& current() const { return queue_.front(); }
  const boost::container::deque<Transfer>& all() const { return queue_; }
  FlowNetwork::RouteId route() const { return route_; }

  // When a transfer that was added now would end, as things are.
  Time estimated_end(Bytes bytes_per_gpu, std::int64_t segments, Time at) const {
    Time end = at;
    if (active()) end = std::max(end, present_end(at));
    for (std::size_t i = 1; i < queue_.size(); ++i) {
      end += network_->estimated_time(route_, queue_[i].bytes_per_gpu, queue_[i].segments);
    }
    return end + network_->estimated_time(route_, bytes_per_gpu, segments);
  }

  // True when the transfer starts at once. `turn`: whose load it is.
  bool push(Transfer transfer, TurnId turn, const PrefixChains& chains, Time at) {
    network_->note(route_, transfer, turn, chains);
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
  // Of the transfer in flight; with an executor, which does not tell how far it is, as if it had been alone.
  Time present_end(Time at) const {
    const Transfer& now = queue_.front();
    return executor_ == nullptr ? network_->estimated_end(route_, at)
                                : started_ + network_->estimated_time(route_, now.bytes_per_gpu, now.segments);
  }

  void start(Time at) {
    const Transfer& next = queue_.front();
    if (executor_ != nullptr) {
      started_ = at;
      executor_->start_transfer(network_->purpose(route_), next, at);
    } else {
      network_->start(route_, next.bytes_per_gpu, next.segments, at);
    }
  }

  FlowNetwork* network_;
  FlowNetwork::RouteId route_;
  Executor* executor_;
  Time started_{0};  // with an executor: the transfer in flight
  boost::container::deque<Transfer> queue_;  // which takes no memory while nothing was ever sent
};

}  // namespace kvplan
