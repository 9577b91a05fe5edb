// The two least-squares problems of a fit (fit.hpp), on rows of sparse features.
#pragma once

#include <span>
#include <vector>

#include "models/operators/evaluate.hpp"

namespace kvplan {

struct FitRow {
  Shape shape;
  double ns;
  std::size_t group;
};

// `weight` by group: 0 leaves a group out, 2 counts it twice. Empty: 1 each.
using GroupWeights = std::span<const double>;

struct Solved {
  Weights weights;
  Peaks peaks;  // as given; of a core fit the FLOPs are those that the rows reach, since one weight holds for a whole roof
  std::vector<bool> determined;  // by coefficient: some row has this feature; the others stay 0
};

// core: the form's core terms alone, and no features.
Solved solve(const Form&, const Peaks&, std::span<const FitRow>, GroupWeights, bool core = false);

// The core terms at peaks that stay as given: those of a core fit, where its rows are drawn again.
Solved solve_core_at(const Form&, const Peaks&, std::span<const FitRow>, GroupWeights);

}  // namespace kvplan
