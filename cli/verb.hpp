// A verb of the command line: one file each, listed in one table (verbs.cpp).
// A verb writes its result to `out` (stdout) and talk to `err` (stderr), throws
// Error for what goes wrong, and returns the exit code of a run that went well.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace kvplan {

struct Streams {
  std::ostream& out;
  std::ostream& err;
  bool colour = false;  // out is a terminal that wants colour
};

using VerbFunction = ExitCode (*)(const std::vector<std::string>& arguments, Streams streams);

ExitCode run_verb(const std::vector<std::string>& arguments, Streams streams);       // cli/run.cpp
ExitCode hw_verb(const std::vector<std::string>& arguments, Streams streams);        // cli/hw.cpp
ExitCode model_verb(const std::vector<std::string>& arguments, Streams streams);     // cli/model.cpp
ExitCode sweep_verb(const std::vector<std::string>& arguments, Streams streams);     // cli/sweep.cpp
ExitCode trace_verb(const std::vector<std::string>& arguments, Streams streams);     // cli/trace.cpp
ExitCode validate_verb(const std::vector<std::string>& arguments, Streams streams);  // cli/validate.cpp
ExitCode bench_verb(const std::vector<std::string>& arguments, Streams streams);     // cli/bench.cpp
ExitCode calibrate_verb(const std::vector<std::string>& arguments, Streams streams); // cli/calibrate.cpp
ExitCode schema_verb(const std::vector<std::string>& arguments, Streams streams);    // cli/schema.cpp

}  // namespace kvplan
