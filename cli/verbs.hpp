#pragma once

#include <string>
#include <vector>

#include "cli/verb.hpp"

namespace kvplan {

struct Verb {
  const char* name;
  const char* summary;  // one line of `kvplan --help`
  VerbFunction run;
  bool reads_back = false;  // what kvplan wrote: whatever does not fit in it is somebody's change, not a fault of kvplan
  std::vector<const char*> parts = {};  // words after the verb that have a --help of their own
};

const std::vector<Verb>& verbs();

// What main does once streams stand: finds the verb, runs it, and turns whatever
// is thrown into text on `err` and an exit code.
ExitCode dispatch(const std::vector<std::string>& arguments, Streams streams);

}  // namespace kvplan
