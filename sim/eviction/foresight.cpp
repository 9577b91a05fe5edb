#include "sim/eviction/foresight.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/error.hpp"

namespace kvplan {
namespace {

constexpr int kBits = 20;                  // of the fraction of a logarithm
constexpr Time kFirstGuess{60 * kPsPerS};  // before any session has come back

// The binary logarithm of at least a millisecond, linear between powers of two: exact integers, and so the same
// everywhere.
std::int64_t log_of(Time t) {
  const auto x = static_cast<std::uint64_t>(std::max<std::int64_t>(t.count, kPsPerMs));
  const int e = std::bit_width(x) - 1;  // above kBits
  const std::uint64_t fraction = x - (std::uint64_t{1} << e);
  return (std::int64_t{e} << kBits) + static_cast<std::int64_t>(fraction >> (e - kBits));
}

Time exp_of(std::int64_t log) {
  const auto e = static_cast<int>(log >> kBits);
  const std::int64_t fraction = log & ((std::int64_t{1} << kBits) - 1);
  return Time((std::int64_t{1} << e) + (fraction << (e - kBits)));
}

}  // namespace

Foresight::Foresight(const Workload& workload, const PrefixChains& chains, bool sessions, bool uses)
    : workload_(workload), chains_(chains), sessions_(sessions), uses_(uses) {
  if (sessions_) {
    last_uses_.resize(chains.chain_count());
    thinking_.resize(workload.session_count);
  }
  if (uses_) {
    arrived_.assign(workload.turns.size(), 0);
    find_uses();
  }
}

std::uint32_t Foresight::shared_blocks(std::uint32_t chain) {
  if (shared_.empty()) find_shared();
  return shared_[chain];
}

// The second longest use of a chain by different sessions: both pass through those blocks.
void Foresight::find_shared() {
  struct Longest {
    std::uint32_t blocks = 0, session = kNone;
  };
  std::vector<Longest> longest(chains_.chain_count());
  shared_.assign(chains_.chain_count(), 0);
  for (TurnId t = 0; t < workload_.turns.size(); ++t) {
    const std::uint32_t session = workload_.turns[t].session;
    for (const PrefixRun& run : chains_.prompt(t)) {
      Longest& first = longest[run.range.chain];
      std::uint32_t& second = shared_[run.range.chain];
      if (first.session != session) second = std::max(second, std::min(first.blocks, run.range.last));
      if (run.range.last > first.blocks) first = {run.range.last, session};
    }
  }
}

void Foresight::arrived(TurnId turn, Time at) {
  if (uses_) {
    arrived_[turn] = 1;
    for (const PrefixRun& run : chains_.prompt(turn)) {
      std::uint32_t& next = next_use_[run.range.chain];
      while (next < first_use_[run.range.chain + 1] && arrived_[chain_uses_[next].turn]) ++next;
    }
  }
  if (!sessions_) return;
  for (const PrefixRun& run : chains_.prompt(turn)) note_use(run.range, turn);
  for (const PrefixRun& run : chains_.output(turn)) note_use(run.range, turn);
  Thinking& own = thinking_[workload_.turns[turn].session];
  if (own.last_end < Time(0)) return;
  const std::int64_t log = log_of(at - own.last_end);
  own.log_sum += log, ++own.count;
  all_.log_sum += log, ++all_.count;
}

void Foresight::ended(TurnId turn, Time at) {
  if (sessions_) thinking_[workload_.turns[turn].session].last_end = at;
}

// Gives the blocks of a range to turns, from the first on.
class Foresight::Division {
 public:
  explicit Division(const BlockRange& r) : rest_(r) {}

  bool complete() const { return rest_.first == rest_.last; }
  bool lacks(std::uint32_t blocks) const { return blocks > rest_.first; }  // any of the leading blocks of the chain
  void give(std::uint32_t blocks, std::int64_t turn) {
    const std::uint32_t until = std::min(blocks, rest_.last);
    stretches_.push_back({rest_.until(until), turn});
    rest_.first = until;
  }
  std::vector<Stretch> last_first() {
    if (!complete()) give(rest_.last, kNever);
    std::reverse(stretches_.begin(), stretches_.end());
    return std::move(stretches_);
  }

 private:
  BlockRange rest_;
  std::vector<Stretch> stretches_;
};

// Whoever uses a block uses all before it.
void Foresight::note_use(const BlockRange& r, TurnId turn) {
  std::vector<LastUse>& uses = last_uses_[r.chain];
  while (!uses.empty() && uses.back().blocks <= r.last) uses.pop_back();
  uses.push_back({r.last, turn});
}

std::vector<Foresight::Stretch> Foresight::last_used(const BlockRange& r) const {
  Division division(r);
  const std::vector<LastUse>& uses = last_uses_[r.chain];
  for (auto use = uses.rbegin(); use != uses.rend() && !division.complete(); ++use) {
    if (division.lacks(use->blocks)) division.give(use->blocks, use->turn);
  }
  return division.last_first();
}

Time Foresight::think_time(std::int64_t turn) const {
  const std::int64_t prior = all_.count > 0 ? all_.log_sum / all_.count : log_of(kFirstGuess);
  if (turn == kNever) return exp_of(prior);
  const Thinking& own = thinking_[workload_.turns[static_cast<TurnId>(turn)].session];
  return exp_of((own.log_sum + prior) / (own.count + 1));
}

void Foresight::find_uses() {
  first_use_.assign(chains_.chain_count() + 1, 0);
  const auto turns = static_cast<TurnId>(workload_.turns.size());
  for (TurnId t = 0; t < turns; ++t) {
    for (const PrefixRun& run : chains_.prompt(t)) ++first_use_[run.range.chain + 1];
  }
  for (std::size_t c = 1; c < first_use_.size(); ++c) first_use_[c] += first_use_[c - 1];
  chain_uses_.resize(first_use_.back());
  next_use_.assign(first_use_.begin(), first_use_.end() - 1);
  std::vector<std::uint32_t> next = next_use_;
  for (TurnId t = 0; t < turns; ++t) {
    for (const PrefixRun& run : chains_.prompt(t)) chain_uses_[next[run.range.chain]++] = {t, run.range.last, 0};
  }
  for (std::uint32_t c = 0; c < chains_.chain_count(); ++c) {
    for (std::uint32_t i = first_use_[c + 1]; i-- > first_use_[c];) {
      std::uint32_t j = i + 1;
      while (j < first_use_[c + 1] && chain_uses_[j].blocks <= chain_uses_[i].blocks) j = chain_uses_[j].next_longer;
      chain_uses_[i].next_longer = j;
    }
  }
}

std::vector<Foresight::Stretch> Foresight::stretches(const BlockRange& r) const {
  Division division(r);
  const auto end = chain_uses_.begin() + first_use_[r.chain + 1];
  auto use = chain_uses_.begin() + next_use_[r.chain];
  while (use != end && !division.complete()) {
    if (!division.lacks(use->blocks)) {
      use = chain_uses_.begin() + use->next_longer;
    } else if (arrived_[use->turn]) {
      ++use;
    } else {
      division.give(use->blocks, use->turn);
    }
  }
  return division.last_first();
}

}  // namespace kvplan
