// The twin's links of one node: at any instant each flow that moves has its max-min fair rate, found by progressive
// filling in whole bytes per second, rounded down; what a flow has left is counted in bytes x 1e12.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/error.hpp"
#include "hardware/topology.hpp"

namespace kvplan::twin {

__extension__ using Wide = __int128;

struct Flow {
  const Route* route = nullptr;
  std::int64_t bytes = 0;
  Time moves_from{0};  // when its segments are submitted
  bool moves = false;
  Wide left = 0;
  std::int64_t rate = 0;
};

class Network {
 public:
  explicit Network(const NodeLinks& links) : links_(links) {}

  // A replica of the node begins to run steps, or stops: its copies go slower, or as before.
  void set_busy(std::uint32_t replica, bool busy, Time at) {
    if (links_.busy.empty()) return;
    if (busy) {
      computing_.insert(replica);
    } else {
      computing_.erase(replica);
    }
    move_until(at);
    share();
  }

  // `number`: among flows at one instant, the lowest ends first.
  void start(int number, const Route& route, std::int64_t bytes, std::int64_t segments, Time at) {
    KVPLAN_ASSERT(flows_.count(number) == 0);
    flows_[number] = {&route, bytes, at + setup_time(route, Bytes(bytes), segments), false, Wide(bytes) * kPsPerS, 0};
    if (flows_[number].moves_from == at) begin(number, at);
  }

  Time next() const { return next_flow() < 0 ? Time::max() : instant(flows_.at(next_flow())); }

  // Carries out what happens next; the flow that ends, or -1.
  int advance() {
    const int number = next_flow();
    const Time at = instant(flows_.at(number));
    if (!flows_.at(number).moves) {
      begin(number, at);
      return -1;
    }
    move_until(at);
    flows_.erase(number);
    share();
    return number;
  }

  // When the first of so many parts of a flow would be there, at its present rate; before it moves, on empty links.
  Time first_part(int number, std::int64_t parts, Time at) const {
    const Flow& f = flows_.at(number);
    if (f.moves) return at + time_of(left_at(f, at) / parts, f.rate);
    std::int64_t rate = Time::max().count;
    for (const LimitUse& u : f.route->uses) rate = std::min(rate, capacity(u.limit) / u.weight);
    return at + Time((f.moves_from - at).count / parts) + time_of(f.left / parts, rate);
  }

  // As things are: the end of a flow; what one more would take, at its fair share.
  Time estimated_end(int number) const {
    const Flow& f = flows_.at(number);
    return f.moves ? instant(f) : f.moves_from + fair_time(number, *f.route, f.bytes);
  }
  Time estimated_time(int number, const Route& route, std::int64_t bytes, std::int64_t segments) const {
    return setup_time(route, Bytes(bytes), segments) + fair_time(number, route, bytes);
  }

 private:
  Time fair_time(int number, const Route& route, std::int64_t bytes) const {
    std::int64_t rate = Time::max().count;
    for (const LimitUse& u : route.uses) {
      std::int64_t weights = u.weight;
      for (const auto& [other, f] : flows_) {
        if (other == number || !f.moves) continue;
        for (const LimitUse& o : f.route->uses) weights += o.limit == u.limit ? o.weight : 0;
      }
      rate = std::min(rate, capacity(u.limit) / weights);
    }
    return time_of(Wide(bytes) * kPsPerS, std::max<std::int64_t>(1, rate));
  }
  static Time time_of(Wide left, std::int64_t rate) {
    return Time(static_cast<std::int64_t>((left + rate - 1) / rate));
  }
  Wide left_at(const Flow& f, Time at) const { return std::max<Wide>(0, f.left - Wide(f.rate) * (at - now_).count); }
  Time instant(const Flow& f) const { return f.moves ? now_ + time_of(f.left, f.rate) : f.moves_from; }

  int next_flow() const {
    int best = -1;
    for (bool moves : {true, false}) {
      for (const auto& [number, f] : flows_) {
        if (f.moves == moves && (best < 0 || instant(f) < instant(flows_.at(best)))) best = number;
      }
    }
    return best;
  }

  std::int64_t capacity(std::uint32_t limit) const {
    for (const BusyLimit& b : links_.busy) {
      if (b.limit == limit && computing_.count(b.replica) > 0) return b.bytes_per_s;
    }
    return links_.limits[limit].bytes_per_s;
  }

  void begin(int number, Time at) {
    move_until(at);
    flows_.at(number).moves = true;
    share();
  }

  void move_until(Time at) {
    for (auto& [number, f] : flows_) {
      if (f.moves) f.left = left_at(f, at);
    }
    now_ = at;
  }

  void share() {
    std::vector<Flow*> without;
    for (auto& [number, f] : flows_) {
      if (f.moves) without.push_back(&f);
    }
    std::vector<std::int64_t> left;
    for (std::uint32_t i = 0; i < links_.limits.size(); ++i) left.push_back(capacity(i));
    while (!without.empty()) {
      std::vector<std::int64_t> weight(left.size(), 0);
      for (const Flow* f : without) {
        for (const LimitUse& u : f->route->uses) weight[u.limit] += u.weight;
      }
      std::size_t tightest = left.size();
      for (std::size_t i = 0; i < left.size(); ++i) {
        if (weight[i] == 0) continue;
        if (tightest == left.size() || left[i] / weight[i] < left[tightest] / weight[tightest]) tightest = i;
      }
      const std::int64_t rate = left[tightest] / weight[tightest];
      std::vector<Flow*> rest;
      for (Flow* f : without) {
        const auto& uses = f->route->uses;
        if (std::none_of(uses.begin(), uses.end(), [&](const LimitUse& u) { return u.limit == tightest; })) {
          rest.push_back(f);
          continue;
        }
        f->rate = rate;
        for (const LimitUse& u : uses) left[u.limit] -= u.weight * rate;
      }
      without = rest;
    }
  }

  const NodeLinks& links_;
  std::map<int, Flow> flows_;
  std::set<std::uint32_t> computing_;
  Time now_{0};
};

}  // namespace kvplan::twin
