#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/scenario.hpp"

namespace kvplan {

enum class Format { table, json, csv, md };

struct RunArguments {
  bool help = false;
  bool print_config = false;
  bool intervals = false;  // both ends of the step times as well
  bool strict = false;
  bool events = false;  // keep the log of what happens
  bool check = false;   // audit at every event, and check the log afterwards
  std::int64_t replications = 0;  // with seeds of their own; 0: no intervals are asked
  double level = 0.9;             // of the intervals
  double relative = 0;            // half width, as a share of the value, that ends replications early; 0: none does
  Format format = Format::table;
  std::string out;       // folder; "" for none
  std::string timeline;  // file; "" for none
  Scenario scenario;
};

// Reads the scenario file, if one is named, and lays --set and the flags over it.
RunArguments parse_run(const std::vector<std::string>& arguments);

std::string run_help();

}  // namespace kvplan
