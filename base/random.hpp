// Named, seeded random streams whose algorithm is fixed: the same seed and name
// give the same draws with any compiler and library. Each source of randomness
// has a stream of its own, so that one more draw in one does not shift another.
//
// Generator: xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64
// from the seed and the FNV-1a hash of the name. Variates follow the formulas
// written beside them; std:: distributions differ between libraries.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

namespace kvplan {

class SplitMix64 {
 public:
  constexpr explicit SplitMix64(std::uint64_t state) : state_(state) {}
  constexpr std::uint64_t operator()() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

class Xoshiro256ss {
 public:
  constexpr explicit Xoshiro256ss(std::array<std::uint64_t, 4> state) : s_(state) {}
  constexpr std::uint64_t operator()() {
    const std::uint64_t result = std::rotl(s_[1] * 5, 7) * 9;
    const std::uint64_t t = s_[1] << 17;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = std::rotl(s_[3], 45);
    return result;
  }

 private:
  std::array<std::uint64_t, 4> s_;
};

class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view name) : bits_(state_of(seed, name)) {}

  // Uniform in [0, n), without modulo bias: draws below 2^64 mod n are refused. n > 0.
  std::uint64_t below(std::uint64_t n) {
    const std::uint64_t refused = (0 - n) % n;
    std::uint64_t draw = bits_();
    while (draw < refused) draw = bits_();
    return draw % n;
  }

  // Uniform in (0, 1]: multiples of 2^-53, never zero, so that its logarithm is finite.
  double unit() { return static_cast<double>((bits_() >> 11) + 1) * 0x1p-53; }

  bool chance(double probability) { return unit() <= probability; }

  // Inversion: -mean ln u.
  double exponential(double mean) { return -mean * std::log(unit()); }

  // Box and Muller's cosine half.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(unit()));
    return radius * std::cos(2 * std::numbers::pi * unit());
  }

  double log_normal(double median, double sigma) { return median * std::exp(sigma * normal()); }

  // Failures before the first success, with the given mean: floor(ln u / ln(mean / (1 + mean))).
  std::int64_t geometric(double mean) {
    if (mean <= 0) return 0;
    return static_cast<std::int64_t>(std::log(unit()) / std::log(mean / (1 + mean)));
  }

 private:
  static std::array<std::uint64_t, 4> state_of(std::uint64_t seed, std::string_view name) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    SplitMix64 mix(SplitMix64(seed)() ^ hash);
    return {mix(), mix(), mix(), mix()};
  }

  Xoshiro256ss bits_;
};

}  // namespace kvplan
