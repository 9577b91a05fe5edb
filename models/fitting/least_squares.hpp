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
  std::vector<bool> determined;  // by coefficient: some row has this feature; the others stay 0
};

Solved solve(const Form&, const Peaks&, std::span<const FitRow>, GroupWeights);

}  // namespace kvplan
