// What a reader hands to the compiler: the rows of a trace as recorded, in file
// order, with block hashes as they stand in the file. Format-neutral.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "traces/workload.hpp"

namespace kvplan {

inline constexpr std::int32_t kMaxTokens = std::numeric_limits<std::int32_t>::max();
inline constexpr std::int64_t kMaxTimeMs = std::numeric_limits<std::int64_t>::max() / kPsPerMs;  // 106 days

struct TraceRow {
  std::int64_t line = 0;          // in the file, from 1
  std::optional<Time> timestamp;  // recorded arrival
  std::optional<Time> delay;      // think time after the session's turn before: closed loop
  Time service{0};                // arrival to end in the recording; zero where the trace does not tell
  std::uint32_t session = kNone;  // recorded session, numbered by first appearance
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;
  std::size_t first_hash = 0;    // into TraceRows::hashes
  std::uint32_t hash_count = 0;  // ceil(prompt / block), or floor: then the tail has no hash
};

struct TraceRows {
  std::string path;
  std::string format;
  std::string sha256;
  std::int32_t block_tokens = 0;
  std::uint32_t session_count = 0;  // recorded ones; 0: the trace knows no sessions
  std::vector<TraceRow> rows;
  std::vector<std::uint64_t> hashes;
  std::vector<WorkloadNote> notes;

  std::span<const std::uint64_t> hashes_of(const TraceRow& row) const {
    return {hashes.data() + row.first_hash, row.hash_count};
  }
};

// Findings in one trace file: the first twenty are kept, the rest counted.
class TraceFindings {
 public:
  explicit TraceFindings(std::string path) : path_(std::move(path)) {}

  void add(std::int64_t line, std::int64_t column, std::string message, std::string help = "");
  bool empty() const { return total_ == 0; }
  void raise() const;  // InputError, in order of line, if anything was found

 private:
  std::string path_;
  std::vector<Diagnostic> kept_;
  std::int64_t total_ = 0;
};

}  // namespace kvplan
