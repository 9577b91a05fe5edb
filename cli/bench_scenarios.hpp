// The fixed scenarios of `kvplan bench`. Their names and settings stay as they
// are, so that figures of different builds can be compared.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "cli/scenario.hpp"
#include "traces/workload.hpp"

namespace kvplan {

enum class BenchLoad {
  conversation,  // the Mooncake conversation trace; where it is not at hand, as many synthetic turns like it
  agents,        // the Claude Code requests; where they are not at hand, synthetic sessions of many turns
  chat,          // ten million synthetic turns of chat
};

struct BenchScenario {
  const char* name;
  const char* what;
  BenchLoad load;
  std::vector<std::string> settings;
  bool quick = true;    // part of a run without --all
  bool stepped = true;  // compared with stepping one by one
};

const std::vector<BenchScenario>& bench_scenarios();

Scenario scenario_of(const BenchScenario&);

// Takes the traces from $KVPLAN_DATA/traces (../shared/traces without it), or makes look-alikes:
// Workload::format tells which ("synthetic").
Workload load_of(const BenchScenario&, const Scenario&, std::ostream& err);

}  // namespace kvplan
