// What policies share that give blocks a rank whenever they have been used: the
// lowest goes first, among equals the one that was ranked longest ago.
#pragma once

#include "sim/eviction/eviction.hpp"
#include "sim/eviction/piece_queues.hpp"

namespace kvplan {

class RankedPolicy : public EvictionPolicy {
 public:
  void insert(const BlockRange& r) override {
    blocks_.change(r, [&](PieceQueues::Standing& s) {
      s = {};
      s.queue = 0;
      s.held = true;
      s.count = 1;
    });
  }
  void access(const BlockRange& r) override {
    blocks_.change(r, [&](PieceQueues::Standing& s) { ++s.count; });
  }
  void hold(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s.held = true; });
  }
  void let_go(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s.held = false; });
  }
  BlockRange next() override { return blocks_.range(*blocks_.first(0)); }
  void evicted(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s = {}; });
  }
  void forget(const BlockRange& r) override { evicted(r); }

 protected:
  std::int64_t now() { return ++uses_; }

  PieceQueues blocks_{1};

 private:
  std::int64_t uses_ = 0;
};

}  // namespace kvplan
