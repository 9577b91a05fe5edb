// A run of consecutive steps over an unchanged batch, in closed form.
//
// Step i takes first + i * growth picoseconds, since all that changes between
// the steps of a flight (contexts, query-key pairs) grows linearly. So the end
// of step k is an integer polynomial, and jumping k steps at once gives the same
// instants as taking them one by one. One that ends beyond the clock is refused.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/error.hpp"
#include "base/units.hpp"

namespace kvplan {

// The length of a step that only an executor can tell, until it does: beyond any run.
inline constexpr std::int64_t kUntilReported = Time::max().count / 4;

class Flight {
 public:
  Flight() = default;
  Flight(Time start, std::int64_t first_ps, std::int64_t growth_ps, std::int64_t steps)
      : start_(start), first_ps_(first_ps), growth_ps_(growth_ps), steps_(steps) {
    KVPLAN_ASSERT(first_ps > 0 && growth_ps >= 0 && steps > 0);
    const Wide end = Wide(start.count) + Wide(first_ps) * steps + Wide(growth_ps) * (Wide(steps) * (steps - 1) / 2);
    if (end > Time::max().count) [[unlikely]] quantity_overflow();
  }

  bool active() const { return steps_ > 0; }
  std::int64_t growth_ps() const { return growth_ps_; }
  std::int64_t steps() const { return steps_; }
  Time start() const { return start_; }
  Time end() const { return end_of(steps_); }
  // Of the first k steps.
  Time end_of(std::int64_t k) const { return Time(start_.count + k * first_ps_ + growth_ps_ * (k * (k - 1) / 2)); }

  // How many steps end strictly before t; at most steps() - 1, since the last boundary is an event.
  std::int64_t ended_before(Time t) const { return count_steps(t, steps_ - 1); }

  // Ends the flight at the first step boundary at or after t.
  void cut(Time t) {
    if (end() > t) steps_ = count_steps(t, steps_ - 1) + 1;
  }

  // The first k steps are done with.
  void drop(std::int64_t k) {
    start_ = end_of(k);
    first_ps_ += k * growth_ps_;
    steps_ -= k;
  }

 private:
  __extension__ using Wide = __int128;

  // The largest k <= most with end_of(k) < t, or 0. From above, by Newton's rule in integers: steps grow longer, so
  // that as many as the last one's length fits into the excess lie behind the answer, and none too many is taken.
  std::int64_t count_steps(Time t, std::int64_t most) const {
    if (t <= start_) return 0;
    std::int64_t k = std::min(most, (t.count - start_.count - 1) / first_ps_);
    while (k > 0 && end_of(k) >= t) {
      const std::int64_t excess = end_of(k).count - t.count + 1;
      k -= ceil_div(excess, first_ps_ + growth_ps_ * (k - 1));
    }
    return k;
  }

  Time start_{0};
  std::int64_t first_ps_ = 0;
  std::int64_t growth_ps_ = 0;
  std::int64_t steps_ = 0;
};

}  // namespace kvplan
