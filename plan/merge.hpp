// All points of a sweep in the order of its design, from its folder alone. The
// bytes do not depend on shards, threads, order or interruptions: records hold
// no wall-clock facts, and the plan numbers the points.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plan/manifest.hpp"

namespace kvplan {

struct MergedSweep {
  SweepPlan plan;
  std::vector<std::optional<Json>> records;   // {result, failure} by point; nothing where it is missing
  std::vector<std::int64_t> missing, failed;  // indices

  bool complete() const { return missing.empty(); }
};

MergedSweep merge(const ResultFolder&);  // InputError: no sweep there

// A row a point: index, id, status (done, failed, missing), reason, the values
// that vary as "scenario.PATH", and the scalars of its result.
std::string merged_csv(const MergedSweep&);
// The same rows as objects, one a line, all with the same keys: what columnar stores take in.
std::string merged_jsonl(const MergedSweep&);
// {schema, tool, inputs, base, points: [{index, id, values, status, reason, result}]}, results whole.
std::string merged_json(const MergedSweep&);

inline constexpr const char* kMergedSchema = "kvplan.sweep-result/1";

}  // namespace kvplan
