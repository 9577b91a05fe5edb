#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <queue>
#include <tuple>

#include "base/error.hpp"
#include "base/memory_need.hpp"
#include "traces/dealer.hpp"
#include "traces/rearrange.hpp"
#include "traces/transform.hpp"

namespace kvplan {
namespace {

constexpr Time kLongest = time_from_seconds(kMostSeconds);
constexpr Time kNoExtent(kPsPerS);  // what a session of which no length is recorded counts for in a duration

class Users {
 public:
  Users(const Workload& w, Time duration, std::uint64_t seed)
      : w_(w),
        at_(recorded_timeline(w)),
        groups_(groups_of_turns(w)),
        starts_(seed, "starts of users"),
        pool_(groups_.size(), seed, "sessions of users"),
        duration_(duration),
        placement_of_(w.turns.size(), kNone) {}

  std::vector<Placement> place(std::int64_t users, Time start_within) {
    struct Slot {
      Time free;
      std::int64_t number;
      std::uint32_t last;  // placement whose end frees it
      auto operator<=>(const Slot& o) const { return std::tie(free, number) <=> std::tie(o.free, o.number); }
    };
    std::priority_queue<Slot, std::vector<Slot>, std::greater<>> slots;
    for (std::int64_t s = 0; s < users; ++s) {
      const double share = (static_cast<double>(s) + 1 - starts_.unit()) / static_cast<double>(users);
      slots.push({Time(std::llround(share * static_cast<double>(start_within.count))), s, kNone});
    }
    const bool once = duration_ == Time::max();
    while (!slots.empty() && !(once && (pool_.all_dealt() || pool_.pass() > 0))) {
      Slot slot = slots.top();
      slots.pop();
      if (slot.free >= duration_) continue;
      if (placements_.size() >= check_at_) check_memory(users, slot.free);
      const std::size_t group = pool_.deal();
      const auto [end, last] = run(groups_[group], slot.free, slot.last);
      if (end == slot.free) ++without_extent_;
      slot.free = end > slot.free ? end : slot.free + kNoExtent;
      slot.last = last;
      slots.push(slot);
    }
    return std::move(placements_);
  }

  std::int64_t sessions_without_extent() const { return without_extent_; }

 private:
  // All users have run until about `now`: what the whole duration would take, if it goes on like this.
  void check_memory(std::int64_t users, Time now) {
    check_at_ = 2 * placements_.size();
    if (duration_ == Time::max() || now <= Time(0)) return;
    const double turns = static_cast<double>(placements_.size()) * seconds(duration_) / seconds(now);
    require_memory(turns / static_cast<double>(w_.turns.size()) * memory_of(w_),
                   fmt::format("{} users for {:g} s, about {:.0f} million turns,", users, seconds(duration_), turns / 1e6),
                   "take fewer trace.users, or a shorter trace.duration_s");
  }

  // Places the turns of one session from `start` on; gives when it ends, and by which placement. A session with turns
  // beyond the duration occupies its user until then.
  std::pair<Time, std::uint32_t> run(const std::vector<TurnId>& turns, Time start, std::uint32_t before) {
    Time end = start;
    std::uint32_t last = before;
    for (const TurnId t : turns) {
      placement_of_[t] = kNone;
      const std::optional<Placement> p = placement(t, turns.front(), start, before);
      if (!p || p->at >= duration_) {
        end = duration_;
        continue;
      }
      if (p->at > kLongest) throw InfeasibleError("the sessions of one user run longer than the 106 days of the clock");
      placement_of_[t] = static_cast<std::uint32_t>(placements_.size());
      placements_.push_back(*p);
      if (end_of(placement_of_[t]) >= end) {
        end = end_of(placement_of_[t]);
        last = placement_of_[t];
      }
    }
    return {end, last};
  }

  // A session begins when the one before has ended. A turn within it follows its leader: the turn that it waits for or
  // continues, else, beside the others, the session's first. None if the leader itself starts too late.
  std::optional<Placement> placement(TurnId t, TurnId first, Time start, std::uint32_t before) const {
    if (t == first) {
      return Placement{t, pool_.pass(), start,
                       before == kNone ? Arrival{start} : Arrival{Time(0), before}};
    }
    const Turn& turn = w_.turns[t];
    const TurnId leader =
        turn.arrival.after != kNone ? turn.arrival.after : (turn.continues != kNone ? turn.continues : first);
    const std::uint32_t placed = placement_of_[leader];
    if (placed == kNone) return std::nullopt;
    const TurnId branch = turn.arrival.join;
    const std::uint32_t join = branch == kNone ? kNone : placement_of_[branch];
    const Time at = std::max(start + at_[t] - at_[first], end_of(placed));
    return Placement{t, pool_.pass(), at, {think_time(turn.arrival, at - end_of(placed)), placed, join}};
  }

  // Recorded, or, for an arrival that was recorded instead, the gap.
  static Time think_time(const Arrival& arrival, Time gap) {
    return arrival.after == kNone || arrival.not_before > Time(0) ? gap : arrival.time;
  }

  Time end_of(std::uint32_t placement) const {
    return placements_[placement].at + w_.turns[placements_[placement].source].recorded_service;
  }

  const Workload& w_;
  const std::vector<Time> at_;
  const std::vector<std::vector<TurnId>> groups_;
  RandomStream starts_;
  Dealer pool_;  // each pass is a copy of its own
  const Time duration_;
  std::vector<std::uint32_t> placement_of_;  // of each turn, in its latest run
  std::vector<Placement> placements_;
  std::size_t check_at_ = std::size_t{1} << 20;
  std::int64_t without_extent_ = 0;
};

}  // namespace

Workload run_by_users(const Workload& w, std::int64_t users, Time duration, std::uint64_t seed, Time start_within) {
  if (w.turns.empty()) return w;
  Users all(w, duration, seed);
  Workload result = rearrange(w, all.place(users, start_within));
  std::string note = fmt::format("closed loop of {} users, each running sessions of the pool back to back", users);
  if (start_within > Time(0)) note += fmt::format(", starting within {:g} s", seconds(start_within));
  if (duration < Time::max()) {
    note += fmt::format(", for {:g} s of the recorded timeline", seconds(duration));
    if (all.sessions_without_extent() > 0) {
      note += fmt::format(", of which each of {} sessions without a recorded length counts for {:g} s",
                          all.sessions_without_extent(), seconds(kNoExtent));
    }
  }
  result.notes.push_back({fmt::format("{}, seed {}", note, seed), static_cast<std::int64_t>(result.turns.size())});
  return result;
}

}  // namespace kvplan
