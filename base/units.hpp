// Strong integer units. Every quantity that a simulation depends on is an
// integer, so that the same inputs give the same bytes on any machine.
//
//   Time    picoseconds since the start of the run (int64 holds 106 days)
//   Bytes   bytes
//   Tokens  tokens
//   Pages   pages of G1, the unit of KV allocation
//
// Instants and durations share one type: an instant is a duration since zero.
// What exceeds an int64 is an InfeasibleError, at whatever sum it happens.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace kvplan {

[[noreturn]] void quantity_overflow();

template <class Tag>
struct Quantity {
  std::int64_t count = 0;

  constexpr Quantity() = default;
  constexpr explicit Quantity(std::int64_t n) : count(n) {}

  static constexpr Quantity max() { return Quantity(std::numeric_limits<std::int64_t>::max()); }

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity& operator+=(Quantity o) { return *this = *this + o; }
  constexpr Quantity& operator-=(Quantity o) { count -= o.count; return *this; }
  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(a.count, b.count, &sum)) [[unlikely]] quantity_overflow();
    return Quantity(sum);
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.count - b.count); }
  friend constexpr Quantity operator*(Quantity a, std::int64_t n) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(a.count, n, &product)) [[unlikely]] quantity_overflow();
    return Quantity(product);
  }
  friend constexpr Quantity operator*(std::int64_t n, Quantity a) { return a * n; }
  friend constexpr std::int64_t operator/(Quantity a, Quantity b) { return a.count / b.count; }
};

using Time = Quantity<struct TimeTag>;
using Bytes = Quantity<struct BytesTag>;
using Tokens = Quantity<struct TokensTag>;
using Pages = Quantity<struct PagesTag>;

inline constexpr std::int64_t kPsPerNs = 1'000;
inline constexpr std::int64_t kPsPerUs = 1'000'000;
inline constexpr std::int64_t kPsPerMs = 1'000'000'000;
inline constexpr std::int64_t kPsPerS = 1'000'000'000'000;

inline constexpr double kMostSeconds = 9e6;  // what documents and options may say, so that sums stay within a Time

inline constexpr double seconds(Time t) { return static_cast<double>(t.count) / kPsPerS; }

// Rounds to the nearest picosecond; the caller has checked that s is finite and in range.
inline constexpr Time time_from_seconds(double s) {
  return Time(static_cast<std::int64_t>(s * kPsPerS + (s < 0 ? -0.5 : 0.5)));
}

// Times added up over replicas or requests: more than the clock holds.
struct TimeSum {
  __extension__ using Wide = __int128;
  Wide count = 0;  // picoseconds

  constexpr TimeSum() = default;
  constexpr TimeSum(Time t) : count(t.count) {}  // a sum of one

  constexpr bool operator==(const TimeSum&) const = default;
  constexpr TimeSum& operator+=(TimeSum o) { count += o.count; return *this; }
  friend constexpr TimeSum operator+(TimeSum a, TimeSum b) { return a += b; }
  friend constexpr TimeSum operator-(TimeSum a, TimeSum b) { a.count -= b.count; return a; }
  friend constexpr TimeSum operator*(TimeSum a, std::int64_t n) { a.count *= n; return a; }
};

inline constexpr double seconds(TimeSum t) { return static_cast<double>(t.count) / kPsPerS; }

// When a duration that somebody chose is over, which may be as long as the clock runs: then never.
inline constexpr Time time_after(Time at, Time duration) {
  return duration > Time::max() - at ? Time::max() : at + duration;
}

inline constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a / b + (a % b > 0); }

}  // namespace kvplan
