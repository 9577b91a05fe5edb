// Writes sessions as a Mooncake trace, in order of time, while they are made: only
// sessions that have begun and not ended are in memory.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <vector>

namespace kvplan {

struct PlannedTurn {
  std::int64_t time_ms = 0;                // decides the order; written unless `delay_ms` stands
  std::optional<std::int64_t> delay_ms{};  // think time after the turn before: closed loop
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t kept_tokens = 0;  // leading tokens that the prompt shares with the session's prompt before; whole blocks
};

class SessionSource {
 public:
  virtual ~SessionSource() = default;
  // The next session, in order of the times of their first turns; times ascend within it. Empty at the end.
  virtual std::optional<std::vector<PlannedTurn>> next() = 0;
};

struct SessionFormat {
  std::int64_t block_tokens = 512;
  std::int64_t shared_tokens = 0;  // leading tokens of every prompt, the same in all sessions; whole blocks count
  bool session_ids = false;        // needed by delays
  std::int64_t max_turns = 0;      // stop after so many; 0: when the source ends
};

// Gives the number of turns written. Block ids are consecutive in order of first appearance.
// UsageError for a turn beyond kMostSeconds.
std::int64_t write_sessions(std::ostream& out, SessionSource& source, const SessionFormat& format);

}  // namespace kvplan
