// The plan of a sweep, written once into its folder: every shard has to find
// the same one, and merge needs nothing else. schema kvplan.sweep/1:
//   {schema, tool, inputs{path: sha256}, base, points: [{index, id, values}, ...]}
#pragma once

#include <string>
#include <vector>

#include "plan/result_folder.hpp"

namespace kvplan {

inline constexpr const char* kSweepSchema = "kvplan.sweep/1";

// One point of a sweep. Points are numbered in the order of the design.
struct SweepPoint {
  std::int64_t index = 0;
  std::string id;
  Json values;        // {path: value} of what varies
  std::string group;  // points of one group share what is dear to load: they are worked on together
  double cost = 1;    // estimate of the time that it takes, in any unit
};

struct SweepPlan {
  Json tool, inputs, base;
  std::vector<SweepPoint> points;
};

// Writes the plan, or finds the same one there. InputError when the folder holds another.
void agree_on(const SweepPlan&, const ResultFolder&);

// The manifest of a folder; without group and cost. InputError when there is none, or it is no manifest.
SweepPlan read_plan(const ResultFolder&);

}  // namespace kvplan
