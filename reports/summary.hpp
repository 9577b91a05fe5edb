// Mean and exact quantiles of a sample. Quantiles are nearest-rank: the smallest
// value such that at least q of the sample does not exceed it, so that each is a
// value that some request really saw.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

namespace kvplan {

// q in (0, 1]; the sample is not empty, in any order.
double nearest_rank(std::vector<double> sample, double q);
// The same at several quantiles, which ascend.
std::vector<double> nearest_ranks(std::vector<double> sample, const std::vector<double>& quantiles);

// {mean, p50, p90, p95, p99, max}; all null when the sample is empty.
nlohmann::ordered_json summary(std::vector<double> sample);

}  // namespace kvplan
