#include "traces/agent_sessions.hpp"

#include <algorithm>
#include <filesystem>

#include "base/file.hpp"
#include "traces/csv_lines.hpp"

namespace kvplan {

void AgentSessions::begin() {
  first_ = static_cast<RowId>(rows_.rows.size());
  main_.clear();
  sub_.clear();
  running_ = {};
  ended_ = kNone;
  ++sessions_;
}

// `by` never goes back in a session.
RowId AgentSessions::last_main_that_ended(Time by) {
  for (; !running_.empty() && running_.top().end <= by; running_.pop()) {
    if (ended_ == kNone || running_.top().row > ended_) ended_ = running_.top().row;
  }
  return ended_;
}

void AgentSessions::add(TraceRow row, const AgentRequest& request) {
  const auto id = static_cast<RowId>(rows_.rows.size());
  row.session = rows_.session_count;
  row.timestamp = request.start;
  row.service = request.service.value_or(Time(0));
  if (request.agent > sub_.size()) sub_.resize(request.agent);
  auto* last = request.agent == 0 ? nullptr : &sub_[request.agent - 1];
  if (request.agent == 0 && !main_.empty()) {
    row.after = main_.back().row;
  } else if (last != nullptr) {
    row.after = *last ? (*last)->row : last_main_that_ended(request.start);
    sub_agents_ += !*last;
  }
  const bool first_of_sub = last != nullptr && !*last;
  if (row.after != kNone) {
    const TraceRow& before = rows_.rows[row.after];
    const Time left = request.start - *before.timestamp - before.service;
    unknown_thinks_ += !first_of_sub && !request.think;
    row.delay = request.think && !first_of_sub ? *request.think : std::max(Time(0), left);
  }
  if (row.parent == kNone && id != first_) row.parent = row.after != kNone ? row.after : first_;
  const Placed placed{id, request.start + row.service};
  if (last != nullptr) {
    *last = placed;
  } else {
    main_.push_back(placed);
    running_.push(placed);
  }
  rows_.rows.push_back(row);
}

void AgentSessions::end() {
  for (const auto& last : sub_) {
    if (!last) continue;
    const auto next = std::partition_point(main_.begin(), main_.end(),
                                           [&](const Placed& m) { return *rows_.rows[m.row].timestamp <= last->end; });
    if (next == main_.end() || rows_.rows[next->row].after == kNone) continue;
    TraceRow& row = rows_.rows[next->row];
    if (row.join != kNone) {
      ++other_joins_;
      const TraceRow& other = rows_.rows[row.join];
      if (*other.timestamp + other.service >= last->end) continue;
    }
    row.join = last->row;
  }
  ++rows_.session_count;
}

void AgentSessions::finish() {
  rows_.parents_recorded = true;
  rows_.common_clock = false;
  rows_.note("sessions, each with a clock of its own: they all start at zero unless arrivals are imposed", sessions_);
  rows_.note("sub-agents: they start and are awaited as recorded", sub_agents_);
  rows_.note("ends of sub-agents that are not awaited, because another one ends later before the same turn",
             other_joins_);
  rows_.note("think times that were not recorded: taken from the recorded starts", unknown_thinks_);
}

std::string near_duplicates_table(const std::string& folder) {
  return (std::filesystem::path(folder) / "claude_code_sessions.csv").string();
}

NearDuplicates near_duplicates_in(const std::string& folder) {
  NearDuplicates found;
  if (folder.empty()) return found;
  const std::string path = near_duplicates_table(folder);
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return found;
  TextSource table(open_text_file(path), path);
  TraceFindings findings(path);
  CsvLines csv(table, findings, {"session", "source_file", "near_duplicate"});
  findings.raise();
  const std::size_t session = csv.index("session"), file = csv.index("source_file");
  const std::size_t duplicate = csv.index("near_duplicate");
  while (csv.next()) {
    if (csv.field(duplicate) != "1") continue;
    found.sessions.insert(csv.field(session));
    found.files.insert(csv.field(file));
  }
  findings.raise();
  return found;
}

}  // namespace kvplan
