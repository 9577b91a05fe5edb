// What a router knows of the prefixes that replicas hold: all of it, what it was when the router last looked, or what
// the router can tell from where it has sent prompts.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/routing/router.hpp"

namespace kvplan {

class PrefixView {
 public:
  virtual ~PrefixView() = default;

  // How many leading blocks of the turn's prompt the view says that each replica holds; `blocks` is by number, and
  // counts for open replicas alone.
  virtual void match(TurnId turn, const OpenReplicas&, Time at, std::vector<std::int64_t>& blocks) = 0;
  virtual void sent(TurnId /*turn*/, std::uint32_t /*replica*/, Time /*at*/) {}
  virtual void lost(std::uint32_t /*replica*/) {}
  virtual Time next_look() const { return Time::max(); }
  virtual void look(const OpenReplicas&, Time /*at*/) {}
};

// Leading blocks of each chain, by replica, as far as somebody has noted them.
class PrefixNotes {
 public:
  struct Note {
    std::uint32_t replica = 0;
    std::uint32_t until = 0;  // blocks [0, until) of the chain
    Time at{0};
  };

  explicit PrefixNotes(std::uint32_t chains) : notes_(chains) {}

  std::vector<Note>& operator[](std::uint32_t chain) { return notes_[chain]; }
  // Adds up, by replica, the leading blocks of a prompt that notes of `since` or later tell.
  void match(std::span<const PrefixRun> prompt, Time since, std::vector<std::int64_t>& blocks) const;
  void forget(std::uint32_t replica);

 private:
  std::vector<std::vector<Note>> notes_;  // by chain
};

std::unique_ptr<PrefixView> make_exact_view();
// Looks every `interval` at what replicas hold, in G1 and below.
std::unique_ptr<PrefixView> make_snapshot_view(const PrefixChains&, Time interval);
// Remembers for `ttl` where prompts went; it never learns what was evicted.
std::unique_ptr<PrefixView> make_routed_view(const PrefixChains&, Time ttl);

}  // namespace kvplan
