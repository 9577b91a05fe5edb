// A compiled Workload as a file, for whoever is spared compiling it again. A
// file is read back by the build that wrote it, on the same kind of machine:
// its key has to name both, beside all that the Workload follows from.
//
//   checksum of the next line
//   {"key", "name", ..., "sections": [{"bytes", "checksum"}, ...]}
//   the arrays of the Workload, one section each, as they lie in memory
//
// The file is read, not mapped: a mapped file that is cut short under a
// running simulation would kill it.
#pragma once

#include <istream>
#include <ostream>
#include <stdexcept>
#include <string>

#include "traces/workload.hpp"

namespace kvplan {

// Anything but a whole file with the right key and checksums.
struct DamagedWorkload : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void write_workload(std::ostream&, const Workload&, const std::string& key);

Workload read_workload(std::istream&, const std::string& key);  // DamagedWorkload, with the reason

// Bytes that the arrays take, in memory as in a file.
std::int64_t bytes_of(const Workload&);

}  // namespace kvplan
