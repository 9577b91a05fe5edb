// Recorded coding-agent sessions in closed loop: a main agent whose requests
// follow one another after think times, and sub-agents beside it.
//
// - A request arrives its think time after its agent's request before has ended.
//   A think time that was not recorded is what the recorded starts leave.
// - A sub-agent starts as long after the last main request that had ended as in
//   the recording, and its end is awaited by the first main request that was
//   recorded to start after it. Of several such ends the last is awaited.
#pragma once

#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "traces/rows.hpp"
#include "traces/text_source.hpp"

namespace kvplan {

struct AgentRequest {
  std::uint32_t agent = 0;  // 0: the main agent
  Time start{0};            // since the start of the session
  std::optional<Time> think;
  std::optional<Time> service;
};

// Puts the requests of one session after another into rows.
class AgentSessions {
 public:
  explicit AgentSessions(TraceRows& rows) : rows_(rows) {}

  void begin();
  // In order of start. `row` has its lengths, ids and, if its prompt shares a prefix, its parent.
  void add(TraceRow row, const AgentRequest& request);
  void end();
  void finish();  // after the last session: writes the notes

 private:
  struct Placed {
    RowId row;
    Time end;
  };
  struct EndsLater {
    bool operator()(const Placed& a, const Placed& b) const { return a.end > b.end; }
  };
  RowId last_main_that_ended(Time by);

  TraceRows& rows_;
  RowId first_ = 0;                         // of this session
  std::vector<Placed> main_;                // of this session, in order of start
  // Of main_: those that had not ended when the last sub-agent began, the first to end on top; and the last that had.
  std::priority_queue<Placed, std::vector<Placed>, EndsLater> running_;
  RowId ended_ = kNone;
  std::vector<std::optional<Placed>> sub_;  // of this session: the last request, by agent - 1
  std::int64_t sessions_ = 0, sub_agents_ = 0, unknown_thinks_ = 0, other_joins_ = 0;
};

// Which sessions are copies or forks of others, from the table "claude_code_sessions.csv"
// in the same folder as the trace; nothing if there is no such table.
struct NearDuplicates {
  std::set<std::string> sessions;  // by number
  std::set<std::string> files;     // by file name
};
NearDuplicates near_duplicates_in(const std::string& folder);

// Where that table stands, whether there is one or not.
std::string near_duplicates_table(const std::string& folder);
inline NearDuplicates near_duplicates_beside(const TextSource& trace) { return near_duplicates_in(trace.folder()); }

}  // namespace kvplan
