#include "sim/routing/prefix_view.hpp"

#include <algorithm>

namespace kvplan {

void PrefixNotes::match(std::span<const PrefixRun> prompt, Time since, std::vector<std::int64_t>& blocks) const {
  std::fill(blocks.begin(), blocks.end(), 0);
  for (const PrefixRun& run : prompt) {
    bool any = false;
    for (const Note& n : notes_[run.range.chain]) {
      if (n.at < since || blocks[n.replica] < run.begin) continue;
      blocks[n.replica] += std::min(n.until, run.range.last);
      any = true;
    }
    if (!any) break;
  }
}

void PrefixNotes::forget(std::uint32_t replica) {
  for (auto& notes : notes_) {
    std::erase_if(notes, [&](const Note& n) { return n.replica == replica; });
  }
}

namespace {

class ExactView final : public PrefixView {
 public:
  void match(TurnId turn, const OpenReplicas& replicas, Time at, std::vector<std::int64_t>& blocks) override {
    for (const std::uint32_t r : replicas.open) {
      replicas[r].settle(at);
      const std::int64_t g1 = replicas[r].g1_prefix_blocks(turn);
      blocks[r] = g1 + replicas[r].below_prefix_blocks(turn, g1);
    }
  }
};

class SnapshotView final : public PrefixView {
 public:
  SnapshotView(const PrefixChains& chains, Time interval)
      : chains_(chains), interval_(interval), next_(interval), notes_(chains.chain_count()) {}

  void match(TurnId turn, const OpenReplicas&, Time, std::vector<std::int64_t>& blocks) override {
    notes_.match(chains_.prompt(turn), Time(0), blocks);
  }

  Time next_look() const override { return next_; }

  void look(const OpenReplicas& replicas, Time at) override {
    next_ = time_after(at, interval_);
    for (const std::uint32_t chain : noted_) notes_[chain].clear();
    noted_.clear();
    for (const std::uint32_t r : replicas.open) note(replicas[r], r, at);
  }

  void lost(std::uint32_t replica) override { notes_.forget(replica); }

 private:
  void note(Replica& replica, std::uint32_t number, Time at) {
    replica.settle(at);
    held_.clear();
    replica.append_held(held_);
    std::sort(held_.begin(), held_.end(), [](const BlockRange& a, const BlockRange& b) {
      return std::pair(a.chain, a.first) < std::pair(b.chain, b.first);
    });
    for (std::size_t i = 0; i < held_.size();) {
      const std::uint32_t chain = held_[i].chain;
      std::uint32_t until = 0;
      for (; i < held_.size() && held_[i].chain == chain; ++i) {
        if (held_[i].first <= until) until = std::max(until, held_[i].last);
      }
      if (until == 0) continue;
      if (notes_[chain].empty()) noted_.push_back(chain);
      notes_[chain].push_back({number, until, at});
    }
  }

  const PrefixChains& chains_;
  Time interval_, next_;
  PrefixNotes notes_;
  std::vector<std::uint32_t> noted_;  // chains with notes, since the last look
  std::vector<BlockRange> held_;
};

class RoutedView final : public PrefixView {
 public:
  RoutedView(const PrefixChains& chains, Time ttl) : chains_(chains), ttl_(ttl), notes_(chains.chain_count()) {}

  void match(TurnId turn, const OpenReplicas&, Time at, std::vector<std::int64_t>& blocks) override {
    notes_.match(chains_.prompt(turn), at > ttl_ ? at - ttl_ : Time(0), blocks);
  }

  void sent(TurnId turn, std::uint32_t replica, Time at) override {
    for (const PrefixRun& run : chains_.prompt(turn)) {
      auto& notes = notes_[run.range.chain];
      const auto known =
          std::find_if(notes.begin(), notes.end(), [&](const PrefixNotes::Note& n) { return n.replica == replica; });
      if (known == notes.end()) {
        notes.push_back({replica, run.range.last, at});
      } else {
        const bool alive = at - known->at <= ttl_;
        *known = {replica, alive ? std::max(known->until, run.range.last) : run.range.last, at};
      }
    }
  }

  void lost(std::uint32_t replica) override { notes_.forget(replica); }

 private:
  const PrefixChains& chains_;
  Time ttl_;
  PrefixNotes notes_;
};

}  // namespace

std::unique_ptr<PrefixView> make_exact_view() { return std::make_unique<ExactView>(); }

std::unique_ptr<PrefixView> make_snapshot_view(const PrefixChains& chains, Time interval) {
  return std::make_unique<SnapshotView>(chains, interval);
}

std::unique_ptr<PrefixView> make_routed_view(const PrefixChains& chains, Time ttl) {
  return std::make_unique<RoutedView>(chains, ttl);
}

}  // namespace kvplan
