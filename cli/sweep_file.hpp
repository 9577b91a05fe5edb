// SWEEP.json: a base scenario and what varies, checked whole before anything runs.
//
//   { "base": "chat.json" | { scenario }, "vary": designs as plan/design.hpp tells }
//
// A path in "base" is relative to the sweep's file; paths inside of scenarios
// are relative to the working folder, as for `kvplan run`.
#pragma once

#include <string>

#include "cli/scenario.hpp"
#include "plan/design.hpp"
#include "plan/manifest.hpp"

namespace kvplan {

struct SweepFile {
  Scenario base;
  SweepPlan plan;  // with groups (points that share a load) and costs

  // The base with the values of a point. Settings have no origin, so that what
  // is said about a point does not depend on where the sweep's file lies.
  Scenario scenario(const SweepPoint&) const;
};

// The paths and values of scenarios, for designs.
Vocabulary scenario_vocabulary();

// The member "base" of a file: a scenario, or the path of one. What is wrong goes to the findings.
Scenario read_base(const JsonFile&, JsonFindings&);

// What the base sets, and none of the varied paths, has to name things that there are, one of each.
void check_base(const Scenario& base, const std::vector<std::string>& varied, JsonFindings&);

// InputError with every finding: unknown paths and names, values out of range, files that cannot be read.
SweepFile read_sweep(const std::string& path);

}  // namespace kvplan
