// Arrivals that are imposed on a load instead of the recorded ones: a renewal
// process, whose rate may follow a profile over time.
//
// The gaps between arrivals are drawn with mean one and the given coefficient of
// variation (CV) in operational time; the profile's cumulative rate maps operational time to
// time. So a burst stays a burst, wherever in the profile it falls.
#pragma once

#include <cstdint>
#include <vector>

#include "traces/workload.hpp"

namespace kvplan {

struct ArrivalProcess {
  enum class Gaps { recorded, poisson, gamma, weibull };
  enum class Of { sessions, requests };
  enum class Profile { constant, diurnal, step };

  Gaps gaps = Gaps::recorded;  // recorded: nothing is imposed
  Of of = Of::sessions;        // sessions: their later turns keep their distance to the first
  double per_s = 1;
  double cv = 1;  // of gamma and weibull gaps
  Profile profile = Profile::constant;
  double period_s = 86400;  // diurnal: rate x (1 + amplitude sin(2 pi t / period))
  double amplitude = 0.5;
  double step_at_s = 0;  // step: rate x factor from then on
  double step_factor = 2;
};

// The first `count` arrivals, ascending.
std::vector<Time> draw_arrivals(const ArrivalProcess&, std::size_t count, std::uint64_t seed);

Workload impose_arrivals(const Workload&, const ArrivalProcess&, std::uint64_t seed);

}  // namespace kvplan
