// What a reader hands to the compiler: the rows of a trace as recorded, in file
// order, with their blocks numbered densely. Format-neutral.
//
// Invariants
// - parent, after and join are rows that stand earlier.
// - A row's ids are its blocks from the first on: ceil(prompt / block) of them,
//   or floor: then the tail has no id.
// - An id is below block_ids; that it names a prefix is for the compiler to check.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/huge_pages.hpp"
#include "base/units.hpp"
#include "traces/workload.hpp"

namespace kvplan {

inline constexpr std::int32_t kMaxTokens = std::numeric_limits<std::int32_t>::max();
inline constexpr std::int64_t kMaxTimeMs = std::numeric_limits<std::int64_t>::max() / kPsPerMs;  // 106 days

using RowId = std::uint32_t;

struct TraceRow {
  std::int64_t line = 0;          // in the file, from 1; of a session file: its row in the list of all
  std::optional<Time> timestamp;  // recorded arrival
  std::optional<Time> delay;      // think time after the end of `after`: closed loop
  Time service{0};                // arrival to end in the recording; zero where the trace does not tell
  std::uint32_t session = kNone;  // recorded session, numbered by first appearance
  RowId parent = kNone;           // recorded: the row whose prompt, and mostly answer, this prompt continues
  RowId after = kNone;            // with a delay: the row whose end starts it
  RowId join = kNone;             // with `after`: a side branch whose end this row awaits as well
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;
  std::uint32_t id_count = 0;
  std::size_t first_id = 0;  // into TraceRows::ids
};

// What a trace had before all blocks but a sample were taken out.
struct ThinnedFrom {
  std::int64_t prompt_tokens = 0, prompt_blocks = 0;
  std::int64_t hashed_tokens = 0, hashed_blocks = 0;  // without tails that have no id
  std::int64_t waiting_rows = 0;                      // that arrive some time after another's end
};

struct TraceRows {
  std::string path;
  std::string format;
  std::string sha256;
  std::int64_t text_bytes = 0;  // of the uncompressed input
  std::int32_t block_tokens = 0;
  std::uint32_t session_count = 0;  // recorded ones; 0: the trace knows no sessions
  std::uint32_t block_ids = 0;      // ids are below this
  bool common_clock = true;         // false: the timestamps of each session count from its own start
  bool parents_recorded = false;    // else the compiler infers them from shared prefixes
  bool prompts_continue = false;    // a prompt must begin like its parent's, or the rows hold only what a turn adds
  std::optional<ThinnedFrom> thinned_from;  // by formats that can, where LoadOptions::blocks stands
  BigVector<TraceRow> rows;
  BigVector<std::uint32_t> ids;
  std::vector<WorkloadNote> notes;

  std::span<const std::uint32_t> ids_of(const TraceRow& row) const { return {ids.data() + row.first_id, row.id_count}; }

  void note(std::string what, std::int64_t count) {
    if (count > 0) notes.push_back({std::move(what), count});
  }

  // For formats without hashes: gives `row` ceil(prompt / block) ids, or floor: the
  // first `shared` are the parent's, the others fresh. shared is at most what the
  // parent has and the row needs. False beyond a billion blocks in all.
  bool give_ids(TraceRow& row, std::uint32_t count, std::uint32_t shared);
};

// Findings in one trace file: the first twenty are kept, the rest counted.
class TraceFindings {
 public:
  explicit TraceFindings(std::string path) : path_(std::move(path)) {}

  void add(std::int64_t line, std::int64_t column, std::string message, std::string help = "");
  // The same in a part of the input: a file of a folder or an archive.
  void add_in(const std::string& file, std::string message, std::string help = "");
  bool empty() const { return total_ == 0; }
  bool shows_more() const;  // whether one more would be kept, not only counted
  void raise() const;       // InputError, in order of line, if anything was found

 private:
  void add(Diagnostic finding);

  std::string path_;
  std::vector<Diagnostic> kept_;
  std::int64_t total_ = 0;
};

}  // namespace kvplan
