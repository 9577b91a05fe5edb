#include "traces/claude_code_csv_reader.hpp"

#include <fmt/format.h>

#include "traces/agent_sessions.hpp"
#include "traces/csv_lines.hpp"
#include "traces/values.hpp"

namespace kvplan {
namespace {

constexpr std::int32_t kBlockTokens = 64;
constexpr std::uint32_t kMostAgents = 100000;

const std::vector<std::string> kColumns = {"session",    "req",           "agent", "t_s",
                                           "in_tokens",  "out_tokens",    "api_s", "think_s",
                                           "parent_req", "shared_blocks", "blocks"};

class ClaudeCodeCsvReader {
 public:
  explicit ClaudeCodeCsvReader(TextSource& in)
      : in_(in), findings_(in.name()), csv_(in, findings_, kColumns), sessions_(rows_) {
    rows_.path = in.name();
    rows_.format = "claude-code-csv";
    rows_.block_tokens = kBlockTokens;
  }

  TraceRows read() {
    findings_.raise();
    for (const std::string& column : kColumns) columns_.push_back(csv_.index(column));
    const NearDuplicates duplicates = near_duplicates_beside(in_);
    std::int64_t left_out = 0;
    bool skip = false, open = false;
    while (csv_.next()) {
      if (const std::string& name = csv_.field(columns_[0]); !seen_any_ || name != session_) {
        if (open) sessions_.end();
        begin_session(name);
        skip = duplicates.sessions.count(name) > 0;
        open = !skip;
        left_out += skip;
        if (open) sessions_.begin();
      }
      if (!skip && !failed_) read_row();  // what follows a bad row in its session refers to it
    }
    if (open) sessions_.end();
    sessions_.finish();
    rows_.note("sessions that are near-duplicates of others: left out, as the table beside the trace says", left_out);
    if (rows_.rows.empty() && findings_.empty()) findings_.add(0, 0, "the file has no rows");
    findings_.raise();
    return std::move(rows_);
  }

 private:
  void begin_session(const std::string& name) {
    failed_ = false;
    if (!names_.insert(name).second) {
      fail(fmt::format("session {} begins a second time", shortened(name)),
           "the rows of a session must stand together");
    }
    seen_any_ = true;
    session_ = name;
    first_row_ = static_cast<RowId>(rows_.rows.size());
    latest_ = Time(0);
  }

  void read_row() {
    TraceRow row;
    row.line = csv_.line();
    const std::int64_t number = integer(1, 0, kMaxTokens);
    if (!failed_ && number != static_cast<std::int64_t>(rows_.rows.size() - first_row_)) {
      fail(fmt::format("\"req\" is {}, expected {}", number, rows_.rows.size() - first_row_),
           "requests of a session are numbered from 0, without gaps");
    }
    AgentRequest request;
    request.agent = static_cast<std::uint32_t>(integer(2, 0, kMostAgents));
    request.start = time(3);
    row.prompt_tokens = static_cast<std::int32_t>(integer(4, 0, kMaxTokens));
    row.output_tokens = static_cast<std::int32_t>(integer(5, 0, kMaxTokens));
    if (!csv_.field(columns_[6]).empty()) request.service = time(6);
    if (!csv_.field(columns_[7]).empty()) request.think = time(7);
    if (request.start < latest_) fail("\"t_s\" lies before that of the session's row before", "sort the rows by t_s");
    if (!failed_ && request.service && *request.service > Time::max() - request.start)
      fail("t_s + api_s exceed 106 days");
    read_blocks(row);
    if (failed_) return;
    latest_ = request.start;
    sessions_.add(row, request);
  }

  void read_blocks(TraceRow& row) {
    const std::int64_t parent = integer(8, -1, kMaxTokens);
    const std::int64_t shared = integer(9, 0, kMaxTokens), blocks = integer(10, 0, kMaxTokens);
    if (failed_) return;
    if (blocks != row.prompt_tokens / kBlockTokens) {
      fail(fmt::format("\"blocks\" is {}, expected {}: the full blocks of {} tokens in in_tokens", blocks,
                       row.prompt_tokens / kBlockTokens, kBlockTokens));
    } else if (parent >= static_cast<std::int64_t>(rows_.rows.size() - first_row_)) {
      fail(fmt::format("\"parent_req\" is {}, expected an earlier request of the session, or -1", parent));
    } else {
      if (parent >= 0) row.parent = first_row_ + static_cast<RowId>(parent);
      const std::int64_t most = parent < 0 ? 0 : std::min<std::int64_t>(blocks, rows_.rows[row.parent].id_count);
      if (shared > most) {
        fail(fmt::format("\"shared_blocks\" is {}, expected 0 to {}: what both prompts have", shared, most));
      } else if (!rows_.give_ids(row, static_cast<std::uint32_t>(blocks), static_cast<std::uint32_t>(shared))) {
        fail("the trace has more than a billion blocks");
      } else if (shared == 0) {
        row.parent = kNone;
      }
    }
  }

  std::int64_t integer(std::size_t column, std::int64_t low, std::int64_t high) {
    const std::string& token = csv_.field(columns_[column]);
    std::int64_t value = 0;
    if (parse_whole(token, value) && value >= low && value <= high) return value;
    fail(fmt::format("\"{}\" is \"{}\", expected an integer from {} to {}", kColumns[column], shortened(token), low,
                     high));
    return 0;
  }

  Time time(std::size_t column) {
    auto parsed = parse_time(kColumns[column], csv_.field(columns_[column]), kPsPerS);
    if (!parsed.good()) fail(std::move(parsed.wrong), std::move(parsed.help));
    return parsed.value;
  }

  void fail(std::string message, std::string help = "") {
    findings_.add(csv_.line(), 0, std::move(message), std::move(help));
    failed_ = true;
  }

  TextSource& in_;
  TraceFindings findings_;
  CsvLines csv_;
  TraceRows rows_;
  AgentSessions sessions_;
  std::vector<std::size_t> columns_;  // of the file, by kColumns
  std::set<std::string> names_;
  std::string session_;
  bool seen_any_ = false;
  RowId first_row_ = 0;  // of the session
  Time latest_{0};
  bool failed_ = false;
};

}  // namespace

TraceRows read_claude_code_csv(TextSource& in, const LoadOptions&) { return ClaudeCodeCsvReader(in).read(); }

}  // namespace kvplan
