// Branch and bound against exhaustive search over random spaces in which more never hurts, but may not be allowed.
#include "plan/search.hpp"

#include <limits>
#include <stdexcept>

#include "base/random.hpp"
#include "tests/catch.hpp"

using namespace kvplan;

namespace {

// Arms: groups x memory sizes. An arm works from some number of replicas on; more memory works no later. In half of the
// spaces a budget ends the numbers of each arm.
struct RandomSpace {
  std::size_t groups, sizes;
  std::vector<std::int64_t> needs, least, most;
  std::vector<double> price, extra;  // of a replica; added by running, beyond the floor

  explicit RandomSpace(std::uint64_t seed) {
    RandomStream r(seed, "space");
    groups = 1 + r.below(12), sizes = 1 + r.below(5);
    const double budget = r.chance(0.5) ? 100 * r.unit() : 1e9;
    for (std::size_t g = 0; g < groups; ++g) {
      std::int64_t need = 1 + static_cast<std::int64_t>(r.below(60));
      const double price_of_group = 1 + 4 * r.unit(), memory = r.chance(0.5) ? r.unit() : 0;
      for (std::size_t m = 0; m < sizes; ++m) {
        needs.push_back(need);
        least.push_back(
            r.chance(0.1) && need > 40
                ? 1000
                : 1 + static_cast<std::int64_t>(r.below(static_cast<std::uint64_t>(std::min<std::int64_t>(need, 40)))));
        if (needs.back() > 40) needs.back() = 1000;
        price.push_back(price_of_group + memory * static_cast<double>(m));
        extra.push_back(0.3 * r.unit());
        most.push_back(static_cast<std::int64_t>(std::min(40.0, budget / price.back())));
        need = std::max<std::int64_t>(1, need - static_cast<std::int64_t>(r.below(10)));
      }
    }
  }
  double value(std::size_t a, std::int64_t n) const { return static_cast<double>(n) * price[a] + extra[a]; }
  SearchSpace space() const {
    SearchSpace s;
    s.arms = needs.size();
    s.group_of = [this](std::size_t a) { return a / sizes; };
    s.covers = [](std::size_t a, std::size_t b) { return a >= b; };
    s.range = [this](std::size_t a) {
      return least[a] > most[a] ? std::nullopt : std::optional(ReplicaRange{least[a], most[a]});
    };
    s.floor = [this](std::size_t a, std::int64_t n) { return static_cast<double>(n) * price[a]; };
    s.judge = [this](std::size_t a, std::int64_t n) {
      if (n < least[a] || n > most[a]) throw std::logic_error("out of range");
      return Judged{n >= needs[a], value(a, n)};
    };
    return s;
  }
};

}  // namespace

TEST_CASE("search finds what exhaustive search finds, and judges a fraction of it") {
  std::int64_t judged = 0, all = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const RandomSpace space(seed);
    double best = std::numeric_limits<double>::infinity();
    for (std::size_t a = 0; a < space.needs.size(); ++a) {
      for (std::int64_t n = 1; n <= 40; ++n) {
        if (n >= space.needs[a] && n <= space.most[a]) best = std::min(best, space.value(a, n));
        ++all;
      }
    }
    const SearchResult r = search(space.space(), 1);
    CAPTURE(seed);
    REQUIRE(r.best.has_value() == (best < std::numeric_limits<double>::infinity()));
    if (r.best) CHECK(r.best->value == best);
    judged += static_cast<std::int64_t>(r.judged.size());
  }
  CHECK(5 * judged < all);
}

TEST_CASE("what is judged, and in which order, does not depend on the number of threads") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const RandomSpace space(seed);
    const SearchResult one = search(space.space(), 1), many = search(space.space(), 5);
    REQUIRE(one.judged.size() == many.judged.size());
    for (std::size_t i = 0; i < one.judged.size(); ++i) {
      CHECK(one.judged[i].arm == many.judged[i].arm);
      CHECK(one.judged[i].replicas == many.judged[i].replicas);
    }
  }
}
