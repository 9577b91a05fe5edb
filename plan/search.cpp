#include "plan/search.hpp"

#include <algorithm>
#include <limits>
#include <map>

#include "base/parallel.hpp"

namespace kvplan {
namespace {

constexpr double kNothingYet = std::numeric_limits<double>::infinity();

struct Arm {
  std::size_t id;
  std::int64_t least, most;
};

// One group against the best value of the rounds before.
class GroupSearch {
 public:
  GroupSearch(const SearchSpace& space, const std::vector<Arm>& arms, double best)
      : space_(space), arms_(arms), best_(best) {}

  SearchResult run() {
    for (const Arm& arm : arms_) search_arm(arm);
    return std::move(result_);
  }

 private:
  void search_arm(const Arm& arm) {
    if (space_.floor(arm.id, arm.least) >= best_) {
      ++result_.too_dear;
      return;
    }
    const std::int64_t high = best_ == kNothingYet ? first_feasible_by_doubling(arm) : dearest_below_best(arm);
    if (high == 0 || !holds_for_the_largest(arm, high)) return;
    if (!feasible(arm.id, high)) return;
    std::int64_t low = arm.least, top = high;  // top is feasible
    while (low < top) {
      const std::int64_t middle = low + (top - low) / 2;
      if (feasible(arm.id, middle))
        top = middle;
      else
        low = middle + 1;
    }
  }

  // 0 when none is.
  std::int64_t first_feasible_by_doubling(const Arm& arm) {
    for (std::int64_t n = arm.least;; n = std::min(2 * n, arm.most)) {
      if (!holds_for_the_largest(arm, n)) {
        if (n >= arm.most) return 0;
        continue;
      }
      if (feasible(arm.id, n)) return n;
      if (n >= arm.most) return 0;
    }
  }

  std::int64_t dearest_below_best(const Arm& arm) const {
    std::int64_t low = arm.least, high = arm.most;
    while (low < high) {
      const std::int64_t middle = low + (high - low + 1) / 2;
      if (space_.floor(arm.id, middle) < best_)
        low = middle;
      else
        high = middle - 1;
    }
    return low;
  }

  // What fails with the most memory fails with less: one judgement dismisses the group.
  bool holds_for_the_largest(const Arm& arm, std::int64_t replicas) {
    std::size_t largest = arm.id;
    for (const Arm& a : arms_) {
      if (a.least <= replicas && replicas <= a.most && space_.covers(a.id, largest)) largest = a.id;
    }
    if (largest == arm.id || feasible(largest, replicas)) return true;
    ++result_.inferred;
    return false;
  }

  bool feasible(std::size_t arm, std::int64_t replicas) {
    for (const SearchPoint& p : result_.judged) {
      if (p.arm == arm && p.replicas == replicas) return p.feasible;
      if (!p.feasible && p.replicas >= replicas && space_.covers(p.arm, arm)) return false;
    }
    const Judged j = space_.judge(arm, replicas);
    result_.judged.push_back({arm, replicas, j.feasible, j.value});
    if (j.feasible && j.value < best_) {
      best_ = j.value;
      result_.best = result_.judged.back();
    }
    return j.feasible;
  }

  const SearchSpace& space_;
  const std::vector<Arm>& arms_;
  double best_;
  SearchResult result_;
};

// Cheapest floor first; of equal ones the largest memory first, so that it speaks for the others.
void order(std::vector<Arm>& arms, const SearchSpace& space) {
  std::map<std::size_t, double> floor;
  std::map<std::size_t, std::int64_t> covered;
  for (const Arm& a : arms) {
    floor[a.id] = space.floor(a.id, a.least);
    for (const Arm& b : arms) covered[a.id] += space.covers(a.id, b.id);
  }
  std::sort(arms.begin(), arms.end(), [&](const Arm& a, const Arm& b) {
    if (floor[a.id] != floor[b.id]) return floor[a.id] < floor[b.id];
    if (covered[a.id] != covered[b.id]) return covered[a.id] > covered[b.id];
    return a.id < b.id;
  });
}

void add(SearchResult& to, SearchResult part) {
  to.judged.insert(to.judged.end(), part.judged.begin(), part.judged.end());
  to.too_dear += part.too_dear;
  to.inferred += part.inferred;
  if (part.best && (!to.best || part.best->value < to.best->value)) to.best = part.best;
}

}  // namespace

SearchResult search(const SearchSpace& space, int threads) {
  SearchResult result;
  std::map<std::size_t, std::vector<Arm>> by_group;
  for (std::size_t a = 0; a < space.arms; ++a) {
    if (const auto range = space.range(a))
      by_group[space.group_of(a)].push_back({a, range->least, range->most});
    else
      ++result.ruled_out;
  }
  std::vector<std::vector<Arm>> groups;
  for (auto& [id, arms] : by_group) order(arms, space), groups.push_back(std::move(arms));
  std::stable_sort(groups.begin(), groups.end(), [&](const auto& a, const auto& b) {
    return space.floor(a[0].id, a[0].least) < space.floor(b[0].id, b[0].least);
  });
  constexpr std::size_t kLargestRound = 8;
  std::size_t size = 1;
  for (std::size_t begin = 0; begin < groups.size(); begin += size, size = std::min(2 * size, kLargestRound)) {
    const std::size_t count = std::min(size, groups.size() - begin);
    const double best = result.best ? result.best->value : kNothingYet;
    std::vector<SearchResult> parts(count);
    for_each_index(count, threads,
                   [&](std::size_t i) { parts[i] = GroupSearch(space, groups[begin + i], best).run(); });
    for (SearchResult& p : parts) add(result, std::move(p));
  }
  return result;
}

}  // namespace kvplan
