#include <algorithm>
#include <map>

#include "validate/twin/eviction.hpp"

namespace kvplan::twin {
namespace {

constexpr std::int64_t kFine = 1 << 20;  // logarithms are whole parts of a doubling

// Of at least a millisecond; linear between powers of two.
std::int64_t log_of(Time t) {
  std::int64_t x = std::max(t.count, kPsPerMs), doublings = 0, power = 1;
  for (; x / power >= 2; power *= 2) ++doublings;
  return doublings * kFine + (x - power) / (power / kFine);
}

std::int64_t exp_of(std::int64_t log) {
  const std::int64_t power = std::int64_t{1} << log / kFine;
  return power + log % kFine * (power / kFine);
}

struct Thinking {
  std::int64_t sum = 0, n = 0;  // of logarithms
  Time last_end{-1};

  std::int64_t estimate() const { return n > 0 ? sum / n : log_of(Time(60 * kPsPerS)); }
};

}  // namespace

// Whose session is expected back latest goes first, a think time after the block was of use; before those, who is late
// by as long again, the longest overdue first. Of several sessions the one that is expected first counts.
Ranking rank_by_think_time(const Workload& load, const Past& past) {
  const auto uses = [&load](TurnId turn, BlockId b) {
    const auto prompt = load.blocks(load.turns[turn]), answer = load.outputs(load.turns[turn]);
    return std::count(prompt.begin(), prompt.end(), b) + std::count(answer.begin(), answer.end(), b) > 0;
  };
  return [&load, &past, uses](BlockId b, std::int64_t, const Use& use, const Rank& before) {
    std::map<std::uint32_t, Thinking> sessions;
    Thinking all, own;
    std::uint32_t user = kNone;
    for (const auto& [turn, at, end] : past) {
      Thinking& session = sessions[load.turns[turn].session];
      if (end) {
        session.last_end = at;
        continue;
      }
      if (uses(turn, b)) user = load.turns[turn].session;
      if (session.last_end < Time(0)) continue;
      for (Thinking* t : {&session, &all}) t->sum += log_of(at - session.last_end), ++t->n;
    }
    if (user != kNone) own = sessions[user];
    const std::int64_t think = exp_of((own.sum + all.estimate()) / (own.n + 1)), back = use.at.count + think;
    const bool another_is_expected = -before.value > use.at.count;
    Rank rank;
    rank.value = another_is_expected ? std::max(before.value, -back) : -back;
    rank.until = std::max(before.until == Time::max() ? Time(0) : before.until, Time(back + think));
    rank.later = rank.until.count - (std::int64_t{1} << 60);
    return rank;
  };
}

}  // namespace kvplan::twin
