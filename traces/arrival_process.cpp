#include "traces/arrival_process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.hpp"
#include "base/random.hpp"
#include "traces/distribution.hpp"
#include "traces/rearrange.hpp"

namespace kvplan {
namespace {

double weibull_cv(double shape) {
  const double log_ratio = std::lgamma(1 + 2 / shape) - 2 * std::lgamma(1 + 1 / shape);
  return std::sqrt(std::expm1(log_ratio));
}

// The CV falls with the shape: bisection on its logarithm.
double weibull_shape(double cv) {
  double low = std::log(0.05), high = std::log(1000.0);
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (weibull_cv(std::exp(middle)) > cv ? low : high) = middle;
  }
  return std::exp((low + high) / 2);
}

// Gaps of mean one.
class Gaps {
 public:
  Gaps(const ArrivalProcess& p, std::uint64_t seed) : kind_(p.gaps), stream_(seed, "imposed arrivals") {
    if (kind_ == ArrivalProcess::Gaps::gamma) shape_ = 1 / (p.cv * p.cv);
    if (kind_ == ArrivalProcess::Gaps::weibull) {
      shape_ = weibull_shape(p.cv);
      mean_ = std::exp(std::lgamma(1 + 1 / shape_));
    }
  }

  double next() {
    switch (kind_) {
      case ArrivalProcess::Gaps::gamma:
        return gamma_draw(stream_, shape_) / shape_;
      case ArrivalProcess::Gaps::weibull:
        return std::pow(stream_.exponential(1), 1 / shape_) / mean_;
      default:
        return stream_.exponential(1);
    }
  }

 private:
  ArrivalProcess::Gaps kind_;
  RandomStream stream_;
  double shape_ = 1, mean_ = 1;
};

// Expected arrivals until t.
double cumulative(const ArrivalProcess& p, double t) {
  switch (p.profile) {
    case ArrivalProcess::Profile::diurnal: {
      const double omega = 2 * std::numbers::pi / p.period_s;
      return p.per_s * (t + p.amplitude / omega * (1 - std::cos(omega * t)));
    }
    case ArrivalProcess::Profile::step:
      return p.per_s * (std::min(t, p.step_at_s) + p.step_factor * std::max(0.0, t - p.step_at_s));
    case ArrivalProcess::Profile::constant:
      break;
  }
  return p.per_s * t;
}

// The time at which the cumulative rate reaches a value; it is at least `from`, the answer for a smaller value.
double inverse(const ArrivalProcess& p, double value, double from) {
  double low = from, high = from + 1 / p.per_s;
  while (cumulative(p, high) < value) {
    high = from + 2 * (high - from);
    if (high > 4 * kMostSeconds) return high;
  }
  while (high - low > 1e-9 * std::max(1.0, high)) {
    const double middle = (low + high) / 2;
    (cumulative(p, middle) < value ? low : high) = middle;
  }
  return high;
}

std::string in_words(const ArrivalProcess& p) {
  std::string text;
  switch (p.gaps) {
    case ArrivalProcess::Gaps::gamma:
      text = fmt::format("gamma gaps of CV {:g}", p.cv);
      break;
    case ArrivalProcess::Gaps::weibull:
      text = fmt::format("Weibull gaps of CV {:g}", p.cv);
      break;
    default:
      text = "Poisson";
  }
  text += fmt::format(", {:g} a second", p.per_s);
  if (p.profile == ArrivalProcess::Profile::diurnal) {
    text += fmt::format(", times 1 + {:g} sin(2 pi t / {:g} s)", p.amplitude, p.period_s);
  }
  if (p.profile == ArrivalProcess::Profile::step) {
    text += fmt::format(", times {:g} from {:g} s on", p.step_factor, p.step_at_s);
  }
  return text;
}

// Turns of one group move together; those that wait for another follow it of themselves.
std::vector<Placement> move_sessions(const Workload& w, const ArrivalProcess& p, std::uint64_t seed) {
  std::vector<Placement> placements = placements_of(w);
  const auto groups = groups_of_turns(w);
  const std::vector<Time> starts = draw_arrivals(p, groups.size(), seed);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const Time first = placements[groups[g].front()].at;
    for (const TurnId t : groups[g]) {
      Placement& placement = placements[t];
      placement.at = placement.at - first + starts[g];
      Arrival& arrival = placement.arrival;
      if (arrival.after == kNone) {
        arrival.time = placement.at;
      } else if (arrival.not_before > Time(0)) {
        arrival.not_before = std::max(Time(0), arrival.not_before - first + starts[g]);
      }
    }
  }
  return placements;
}

// Turns with a recorded arrival take the drawn ones in its order; the others keep their think times.
std::vector<Placement> move_requests(const Workload& w, const ArrivalProcess& p, std::uint64_t seed) {
  const auto recorded = [](const Arrival& a) { return a.after == kNone || a.not_before > Time(0); };
  std::vector<Placement> placements = placements_of(w);
  const auto open = std::count_if(w.turns.begin(), w.turns.end(), [&](const Turn& t) { return recorded(t.arrival); });
  const std::vector<Time> times = draw_arrivals(p, static_cast<std::size_t>(open), seed);
  std::size_t next = 0;
  for (Placement& placement : placements) {
    Arrival& arrival = placement.arrival;
    if (recorded(arrival)) (arrival.after == kNone ? arrival.time : arrival.not_before) = times[next++];
    placement.at = arrival_on_timeline(
        arrival, [&](TurnId before) { return placements[before].at + w.turns[before].recorded_service; });
  }
  return placements;
}

}  // namespace

std::vector<Time> draw_arrivals(const ArrivalProcess& p, std::size_t count, std::uint64_t seed) {
  Gaps gaps(p, seed);
  std::vector<Time> times;
  times.reserve(count);
  double operational = 0, t = 0;
  for (std::size_t i = 0; i < count; ++i) {
    operational += gaps.next();
    t = inverse(p, operational, t);
    if (!(t <= kMostSeconds)) {
      throw InfeasibleError(fmt::format(
          "of {} imposed arrivals only {} fall into the {:.0f} days that the clock holds: raise trace.arrivals_per_s",
          count, i, kMostSeconds / 86400));
    }
    times.push_back(time_from_seconds(t));
  }
  return times;
}

Workload impose_arrivals(const Workload& w, const ArrivalProcess& p, std::uint64_t seed) {
  if (p.gaps == ArrivalProcess::Gaps::recorded) return w;
  const bool sessions = p.of == ArrivalProcess::Of::sessions;
  Workload moved = rearrange(w, sessions ? move_sessions(w, p, seed) : move_requests(w, p, seed));
  moved.notes.push_back(
      {fmt::format("arrivals of {} imposed: {}, seed {}", sessions ? "sessions" : "requests", in_words(p), seed),
       static_cast<std::int64_t>(moved.turns.size())});
  return moved;
}

}  // namespace kvplan
