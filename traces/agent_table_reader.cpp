#include "traces/agent_table_reader.hpp"

#include <fmt/format.h>

#include <array>

#include "traces/agent_sessions.hpp"
#include "traces/csv_lines.hpp"
#include "traces/values.hpp"

namespace kvplan {
namespace {

constexpr std::uint32_t kMostAgents = 100000;
constexpr std::int64_t kCharactersPerToken = 4;

enum Column : std::size_t { session, req, agent, t_s, input, output, api_s, think_s, parent_req, shared, blocks };

// What the columns are called, by Column; "": there is none.
struct Layout {
  const char* format;
  std::int32_t block_tokens;
  bool characters;  // lengths and shared prefixes are in characters
  std::array<const char*, 11> columns;

  std::vector<std::string> needed() const {
    std::vector<std::string> names(columns.begin(), columns.end());
    std::erase(names, "");
    return names;
  }
};

constexpr Layout kClaudeCode = {"claude-code-csv",
                                64,
                                false,
                                {"session", "req", "agent", "t_s", "in_tokens", "out_tokens", "api_s", "think_s",
                                 "parent_req", "shared_blocks", "blocks"}};
constexpr Layout kLmcacheAgent = {
    "lmcache-agent-csv",
    16,
    true,
    {"session", "req", "", "t_s", "in_chars", "out_chars", "", "", "parent_req", "shared_prefix_chars", ""}};

class AgentTableReader {
 public:
  AgentTableReader(TextSource& in, const Layout& layout)
      : in_(in), layout_(layout), findings_(in.name()), csv_(in, findings_, layout.needed()), sessions_(rows_) {
    rows_.path = in.name();
    rows_.format = layout.format;
    rows_.block_tokens = layout.block_tokens;
  }

  TraceRows read() {
    findings_.raise();
    for (const char* column : layout_.columns) columns_.push_back(csv_.index(column));
    const NearDuplicates duplicates = layout_.characters ? NearDuplicates() : near_duplicates_beside(in_);
    std::int64_t left_out = 0;
    bool skip = false, open = false;
    while (csv_.next()) {
      if (const std::string& name = field(session); !seen_any_ || name != session_) {
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
    if (layout_.characters) {
      rows_.note(fmt::format("lengths in characters: a token for every {} of them", kCharactersPerToken),
                 static_cast<std::int64_t>(rows_.rows.size()));
    }
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
    const std::int64_t number = integer(req, 0, kMaxTokens);
    if (!failed_ && number != static_cast<std::int64_t>(rows_.rows.size() - first_row_)) {
      fail(fmt::format("\"req\" is {}, expected {}", number, rows_.rows.size() - first_row_),
           "requests of a session are numbered from 0, without gaps");
    }
    AgentRequest request;
    if (has(agent)) request.agent = static_cast<std::uint32_t>(integer(agent, 0, kMostAgents));
    request.start = time(t_s);
    row.prompt_tokens = tokens(input);
    row.output_tokens = tokens(output);
    if (has(api_s) && !field(api_s).empty()) request.service = time(api_s);
    if (has(think_s) && !field(think_s).empty()) request.think = time(think_s);
    if (request.start < latest_) fail("\"t_s\" lies before that of the session's row before", "sort the rows by t_s");
    if (!failed_ && request.service && *request.service > Time::max() - request.start)
      fail("t_s + api_s exceed 106 days");
    read_blocks(row);
    if (failed_) return;
    latest_ = request.start;
    sessions_.add(row, request);
  }

  void read_blocks(TraceRow& row) {
    const std::int64_t parent = integer(parent_req, -1, kMaxTokens);
    const std::int64_t full = row.prompt_tokens / layout_.block_tokens;
    const std::int64_t listed = has(blocks) ? integer(blocks, 0, kMaxTokens) : full;
    std::int64_t common = integer(shared, 0, kMaxTokens);
    if (failed_) return;
    if (layout_.characters) common /= kCharactersPerToken * layout_.block_tokens;
    if (listed != full) {
      fail(fmt::format("\"blocks\" is {}, expected {}: the full blocks of {} tokens in in_tokens", listed, full,
                       layout_.block_tokens));
    } else if (parent >= static_cast<std::int64_t>(rows_.rows.size() - first_row_)) {
      fail(fmt::format("\"parent_req\" is {}, expected an earlier request of the session, or -1", parent));
    } else {
      if (parent >= 0) row.parent = first_row_ + static_cast<RowId>(parent);
      const std::int64_t most = parent < 0 ? 0 : std::min<std::int64_t>(full, rows_.rows[row.parent].id_count);
      if (common > most) {
        fail(fmt::format("\"{}\" is {}, expected 0 to {}: what both prompts have", layout_.columns[shared],
                         field(shared), most * (layout_.characters ? kCharactersPerToken * layout_.block_tokens : 1)));
      } else if (!rows_.give_ids(row, static_cast<std::uint32_t>(full), static_cast<std::uint32_t>(common))) {
        fail("the trace has more than a billion blocks");
      } else if (common == 0) {
        row.parent = kNone;
      }
    }
  }

  bool has(Column column) const { return *layout_.columns[column] != '\0'; }
  const std::string& field(Column column) const { return csv_.field(columns_[column]); }

  std::int64_t integer(Column column, std::int64_t low, std::int64_t high) {
    std::int64_t value = 0;
    if (parse_whole(field(column), value) && value >= low && value <= high) return value;
    fail(fmt::format("\"{}\" is \"{}\", expected an integer from {} to {}", layout_.columns[column],
                     shortened(field(column)), low, high));
    return 0;
  }

  std::int32_t tokens(Column column) {
    const std::int64_t length = integer(column, 0, kMaxTokens);
    return static_cast<std::int32_t>(layout_.characters ? ceil_div(length, kCharactersPerToken) : length);
  }

  Time time(Column column) {
    auto parsed = parse_time(layout_.columns[column], field(column), kPsPerS);
    if (!parsed.good()) fail(std::move(parsed.wrong), std::move(parsed.help));
    return parsed.value;
  }

  void fail(std::string message, std::string help = "") {
    findings_.add(csv_.line(), 0, std::move(message), std::move(help));
    failed_ = true;
  }

  TextSource& in_;
  const Layout& layout_;
  TraceFindings findings_;
  CsvLines csv_;
  TraceRows rows_;
  AgentSessions sessions_;
  std::vector<std::size_t> columns_;  // of the file, by Column
  std::set<std::string> names_;
  std::string session_;
  bool seen_any_ = false;
  RowId first_row_ = 0;  // of the session
  Time latest_{0};
  bool failed_ = false;
};

}  // namespace

TraceRows read_claude_code_csv(TextSource& in, const LoadOptions&) { return AgentTableReader(in, kClaudeCode).read(); }

TraceRows read_lmcache_agent_csv(TextSource& in, const LoadOptions&) {
  return AgentTableReader(in, kLmcacheAgent).read();
}

}  // namespace kvplan
