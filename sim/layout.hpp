// Where the replicas of a fleet stand: kind by kind, and each kind on nodes of its own.
//
// A mixed fleet is one configuration with `others` (config.hpp). Replicas and nodes are numbered through, those of the
// first kind ahead of those of the next; decode replicas of disaggregation are not among them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/error.hpp"
#include "sim/config.hpp"

namespace kvplan {

// The configuration of each kind, in the order of their replicas; the first is `c` itself.
inline std::vector<const SimulationConfig*> kinds_of(const SimulationConfig& c) {
  std::vector<const SimulationConfig*> kinds = {&c};
  for (const SimulationConfig& other : c.others) kinds.push_back(&other);
  return kinds;
}

// Of all kinds.
inline std::int32_t fleet_replicas(const SimulationConfig& c) {
  std::int32_t all = c.replicas;
  for (const SimulationConfig& other : c.others) all += other.replicas;
  return all;
}

class Layout {
 public:
  struct Node {
    std::uint32_t kind, first, end;  // replicas [first, end)
  };

  explicit Layout(const SimulationConfig& c) : kinds_(kinds_of(c)) {
    for (std::uint32_t k = 0; k < kinds_.size(); ++k) {
      const auto end = replicas() + static_cast<std::uint32_t>(kinds_[k]->replicas);
      const auto per_node = static_cast<std::uint32_t>(kinds_[k]->replicas_per_node);
      KVPLAN_ASSERT(kinds_[k]->replicas > 0 && per_node > 0);
      while (replicas() < end) {
        const std::uint32_t first = replicas();
        nodes_.push_back({k, first, std::min(first + per_node, end)});
        node_of_.resize(nodes_.back().end, nodes() - 1);
      }
    }
  }

  std::uint32_t replicas() const { return static_cast<std::uint32_t>(node_of_.size()); }
  std::uint32_t nodes() const { return static_cast<std::uint32_t>(nodes_.size()); }
  std::uint32_t kinds() const { return static_cast<std::uint32_t>(kinds_.size()); }
  const Node& node(std::uint32_t node) const { return nodes_[node]; }
  std::uint32_t node_of(std::uint32_t replica) const { return node_of_[replica]; }
  std::uint32_t place_on_node(std::uint32_t replica) const { return replica - nodes_[node_of_[replica]].first; }
  std::uint32_t kind_of(std::uint32_t replica) const { return nodes_[node_of_[replica]].kind; }
  const SimulationConfig& kind(std::uint32_t kind) const { return *kinds_[kind]; }
  const SimulationConfig& of_replica(std::uint32_t replica) const { return *kinds_[kind_of(replica)]; }
  const SimulationConfig& of_node(std::uint32_t node) const { return *kinds_[nodes_[node].kind]; }

 private:
  std::vector<const SimulationConfig*> kinds_;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> node_of_;  // by replica
};

// Past the last replica that reaches the tier of this one, where there is one tier for each of this scope.
inline std::uint32_t end_of_tier(const Layout& layout, std::uint32_t replica, Scope scope) {
  if (scope == Scope::replica) return replica + 1;
  return scope == Scope::node ? layout.node(layout.node_of(replica)).end : layout.replicas();
}

// Of the tier that a replica reaches at a level; 0 is G2.
inline Bytes tier_bytes(const Layout& layout, std::uint32_t replica, std::size_t level) {
  const SimulationConfig& kind = layout.of_replica(replica);
  const OffloadConfig& g2 = kind.offload;
  const LowerTierConfig* beyond = level == 0 ? nullptr : &g2.beyond[level - 1];
  const Bytes capacity = beyond ? beyond->capacity : g2.capacity;
  const bool by_replica = beyond ? beyond->by_replica : g2.by_replica;
  if (!by_replica || (beyond ? beyond->scope : g2.scope) != Scope::node) return capacity;
  const Layout::Node& node = layout.node(layout.node_of(replica));
  const std::int64_t full = std::min(kind.replicas, kind.replicas_per_node), here = node.end - node.first;
  return here == full ? capacity : Bytes(capacity.count / full * here);
}

}  // namespace kvplan
