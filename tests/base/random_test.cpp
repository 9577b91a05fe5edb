// Goal: the streams give the published sequences, and draws that follow their laws.
#include "base/random.hpp"

#include <vector>

#include "tests/catch.hpp"

using namespace kvplan;

TEST_CASE("splitmix64 gives the reference sequence") {
  SplitMix64 mix(1234567);
  CHECK(mix() == 6457827717110365317u);
  CHECK(mix() == 3203168211198807973u);
  CHECK(mix() == 9817491932198370423u);
}

TEST_CASE("xoshiro256** gives the reference sequence") {
  Xoshiro256ss bits({1, 2, 3, 4});
  CHECK(bits() == 11520u);
  CHECK(bits() == 0u);
  CHECK(bits() == 1509978240u);
  CHECK(bits() == 1215971899390074240u);
  CHECK(bits() == 1216172134540287360u);
}

TEST_CASE("a stream depends on its seed and its name, and on nothing else") {
  const auto first = [](std::uint64_t seed, const char* name) { return RandomStream(seed, name).below(1u << 30); };
  CHECK(first(1, "a") == first(1, "a"));
  CHECK(first(1, "a") != first(2, "a"));
  CHECK(first(1, "a") != first(1, "b"));
}

TEST_CASE("integers below n are uniform, also where n does not divide 2^64") {
  RandomStream stream(7, "integers");
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[stream.below(7)];
  for (const int n : counts) CHECK(std::abs(n - 10000) < 400);  // four standard deviations

  // Of 3 * 2^62, a modulo would favour the lower third two to one.
  const std::uint64_t large = std::uint64_t{3} << 62;
  int lower = 0;
  for (int i = 0; i < 30000; ++i) lower += stream.below(large) < large / 3;
  CHECK(std::abs(lower - 10000) < 400);
}

TEST_CASE("variates have the mean and spread of their law") {
  RandomStream stream(3, "variates");
  const int n = 100000;
  double exponential = 0, geometric = 0, normal = 0, squares = 0;
  int below_median = 0;
  for (int i = 0; i < n; ++i) {
    exponential += stream.exponential(2.5);
    geometric += static_cast<double>(stream.geometric(3));
    const double z = stream.normal();
    normal += z;
    squares += z * z;
    below_median += stream.log_normal(10, 1.5) < 10;
  }
  CHECK(exponential / n == Approx(2.5).epsilon(0.02));
  CHECK(geometric / n == Approx(3).epsilon(0.02));
  CHECK(normal / n == Approx(0).margin(0.02));
  CHECK(squares / n == Approx(1).epsilon(0.02));
  CHECK(below_median / double(n) == Approx(0.5).margin(0.01));
  CHECK(stream.geometric(0) == 0);
}
