#include "traces/weka_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/file.hpp"
#include "base/sha256.hpp"
#include "traces/agent_sessions.hpp"
#include "traces/archive.hpp"
#include "traces/block_numbers.hpp"
#include "traces/json_documents.hpp"
#include "traces/weka_folder.hpp"

namespace kvplan {
namespace {

using Element = simdjson::dom::element;

// One request with what it needs to find its place in its session.
struct Placed {
  AgentRequest request;
  TraceRow row;
  simdjson::dom::array hashes;
};

std::string base_name(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

class WekaReader {
 public:
  WekaReader(const std::string& path, NearDuplicates duplicates)
      : findings_(path), sessions_(rows_), duplicates_(std::move(duplicates)) {
    rows_.path = path;
    rows_.format = "weka";
  }

  void read_file(const std::string& name, std::string_view text);
  TraceRows finish();

 private:
  void read_session(const Element& session);
  bool read_scope(const Element& session);
  void read_requests(const simdjson::dom::array& requests, std::uint32_t agent, Time start);
  void read_request(const Element& request, std::uint32_t agent, Time start);
  void place_all();
  void number_blocks(Placed& placed);
  bool take_time(const Element& in, const char* key, std::optional<Time>& time);
  std::int32_t take_tokens(const Element& in, const char* key);
  void fail(const std::string& message, const std::string& help = "");

  TraceFindings findings_;
  TraceRows rows_;
  AgentSessions sessions_;
  NearDuplicates duplicates_;
  JsonDocument document_;
  std::map<std::string, std::string> file_of_session_;
  // Of the file that is being read.
  std::string file_, where_;
  bool failed_ = false;
  std::uint32_t sub_agents_ = 0;
  std::vector<Placed> requests_;
  RowId first_row_ = 0;
  // Of the scope of the ids: a session, or the whole trace.
  BlockNumbers numbers_;
  std::uint32_t first_number_ = 0;
  std::vector<RowId> last_with_;  // by number: the last row that has it, of whatever session
  bool local_ = true;
  std::int64_t left_out_ = 0, unordered_ = 0, other_files_ = 0;
};

void WekaReader::read_file(const std::string& name, std::string_view text) {
  if (!is_weka_session(name)) {
    ++other_files_;
    return;
  }
  if (duplicates_.files.count(base_name(name)) > 0) {
    ++left_out_;
    return;
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  file_ = name;
  failed_ = false;
  if (const std::string wrong = document_.parse(text); !wrong.empty()) {
    fail(wrong, "the file seems truncated or damaged: fetch it again");
  } else {
    read_session(document_.root());
  }
}

void WekaReader::read_session(const Element& session) {
  where_.clear();
  sub_agents_ = 0;
  requests_.clear();
  simdjson::dom::array requests;
  if (!session.is_object()) return fail("expected one JSON object, a session");
  if (session["requests"].get_array().get(requests) != simdjson::SUCCESS) return fail("\"requests\" is no array");
  std::string_view id;
  if (session["id"].get_string().get(id) == simdjson::SUCCESS) {
    const auto [other, fresh] = file_of_session_.emplace(id, file_);
    if (!fresh) return fail(fmt::format("the session \"{}\" stands in {} already", shortened(id), other->second));
  }
  if (!read_scope(session)) return;
  read_requests(requests, 0, Time(0));
  if (failed_) return;
  // Sub-agents stand where they began; their requests go where their times are.
  std::stable_sort(requests_.begin(), requests_.end(),
                   [](const Placed& a, const Placed& b) { return a.request.start < b.request.start; });
  place_all();
}

bool WekaReader::read_scope(const Element& session) {
  Element size;
  if (session["block_size"].get(size) != simdjson::SUCCESS) return fail("\"block_size\" is missing"), false;
  const auto tokens = parse_tokens("block_size", number_text(size));
  if (!tokens.good() || tokens.value < 1 || tokens.value > 65536) {
    fail(fmt::format("\"block_size\" is {}, expected an integer from 1 to 65536", shown(size)));
    return false;
  }
  if (rows_.block_tokens != 0 && rows_.block_tokens != tokens.value) {
    fail(fmt::format("\"block_size\" is {}, but {} in the files before", tokens.value, rows_.block_tokens));
    return false;
  }
  rows_.block_tokens = tokens.value;
  std::string_view scope = "local";
  Element given;
  if (session["hash_id_scope"].get(given) == simdjson::SUCCESS &&
      (given.get_string().get(scope) != simdjson::SUCCESS || (scope != "local" && scope != "global"))) {
    fail(fmt::format("\"hash_id_scope\" is {}, expected \"local\" or \"global\"", shown(given)));
    return false;
  }
  if (local_ || scope == "local") {
    numbers_ = BlockNumbers();
    last_with_.clear();
    first_number_ = rows_.block_ids;
  }
  local_ = scope == "local";
  return true;
}

void WekaReader::read_requests(const simdjson::dom::array& requests, std::uint32_t agent, Time start) {
  std::size_t i = 0;
  Time latest{0};
  const std::string inside = where_;
  for (const Element request : requests) {
    where_ = fmt::format("{}requests[{}]", inside, i++);
    std::optional<Time> t;
    if (!take_time(request, "t", t)) continue;
    if (!t) {
      fail("\"t\" is missing");
      continue;
    }
    if (*t > Time::max() - start) {
      fail("\"t\" lies more than 106 days after the start");
      continue;
    }
    unordered_ += *t < latest;
    latest = std::max(latest, *t);
    simdjson::dom::array inner;
    if (agent == 0 && request["requests"].get_array().get(inner) == simdjson::SUCCESS) {
      where_ += '.';
      read_requests(inner, ++sub_agents_, *t);
    } else {
      read_request(request, agent, start + *t);
    }
  }
}

void WekaReader::read_request(const Element& request, std::uint32_t agent, Time start) {
  Placed placed;
  placed.request.agent = agent;
  placed.request.start = start;
  placed.row.prompt_tokens = take_tokens(request, "in");
  placed.row.output_tokens = take_tokens(request, "out");
  take_time(request, "think_time", placed.request.think);
  take_time(request, "api_time", placed.request.service);
  if (placed.request.service && *placed.request.service > Time::max() - start) {
    fail("t and api_time together exceed 106 days");
  }
  if (request["hash_ids"].get_array().get(placed.hashes) != simdjson::SUCCESS) {
    fail("\"hash_ids\" is no array");
    return;
  }
  // Not size(): it saturates at 16 million.
  const auto count = std::distance(placed.hashes.begin(), placed.hashes.end());
  const std::int64_t block = rows_.block_tokens;
  if (!failed_ && count != placed.row.prompt_tokens / block && count != ceil_div(placed.row.prompt_tokens, block)) {
    fail(fmt::format("{} hash_ids for {} tokens, expected {}: the full blocks of {} tokens", count,
                     placed.row.prompt_tokens, placed.row.prompt_tokens / block, block));
  }
  placed.row.id_count = static_cast<std::uint32_t>(count);
  requests_.push_back(placed);
}

void WekaReader::place_all() {
  first_row_ = static_cast<RowId>(rows_.rows.size());
  sessions_.begin();
  for (Placed& placed : requests_) {
    placed.row.line = static_cast<std::int64_t>(rows_.rows.size()) + 1;
    number_blocks(placed);
    if (failed_) return;
    sessions_.add(placed.row, placed.request);
  }
  sessions_.end();
}

// The parent is the session's last row that has the deepest block known so far in the session: where
// sessions share blocks, other sessions' rows have them too, on clocks of their own.
void WekaReader::number_blocks(Placed& placed) {
  TraceRow& row = placed.row;
  const auto id = static_cast<RowId>(rows_.rows.size());
  row.first_id = rows_.ids.size();
  bool known = true;
  for (const Element hash : placed.hashes) {
    std::uint64_t value = 0;
    if (hash.get_uint64().get(value) != simdjson::SUCCESS) {
      where_ = "hash_ids";
      return fail(fmt::format("a hash id is {}, expected an integer from 0 to 2^64 - 1", shown(hash)));
    }
    const std::uint32_t number = numbers_(value);
    if (std::uint64_t{first_number_} + number >= kNone) return fail("the trace has more than a billion blocks");
    if (number == last_with_.size()) last_with_.push_back(kNone);
    RowId& last = last_with_[number];
    known = known && last >= first_row_ && last < id;
    if (known) row.parent = last;
    last = id;
    rows_.ids.push_back(first_number_ + number);
  }
  rows_.block_ids = std::max(rows_.block_ids, first_number_ + static_cast<std::uint32_t>(numbers_.size()));
}

bool WekaReader::take_time(const Element& in, const char* key, std::optional<Time>& time) {
  Element given;
  if (in[key].get(given) != simdjson::SUCCESS || given.is_null()) return true;
  auto parsed = parse_time(key, number_text(given), kPsPerS);
  time = parsed.value;
  if (!parsed.good()) fail(parsed.wrong, parsed.help);
  return parsed.good();
}

std::int32_t WekaReader::take_tokens(const Element& in, const char* key) {
  Element given;
  if (in[key].get(given) != simdjson::SUCCESS) return fail(fmt::format("\"{}\" is missing", key)), 0;
  const auto parsed = parse_tokens(key, number_text(given));
  if (!parsed.good()) fail(parsed.wrong);
  return parsed.value;
}

void WekaReader::fail(const std::string& message, const std::string& help) {
  failed_ = true;
  const std::string what = where_.empty() ? message : where_ + ": " + message;
  if (file_.empty()) {
    findings_.add(0, 0, what, help);
  } else {
    findings_.add_in(file_, what, help);
  }
}

TraceRows WekaReader::finish() {
  sessions_.finish();
  rows_.note("sessions that are near-duplicates of others: left out, as the table beside the trace says", left_out_);
  rows_.note("requests that stand behind a later one of their session: sorted by time", unordered_);
  rows_.note("files that are not .json: passed over", other_files_);
  if (rows_.rows.empty() && findings_.empty()) findings_.add(0, 0, "there are no sessions with requests");
  findings_.raise();
  return std::move(rows_);
}

}  // namespace

TraceRows read_weka(TextSource& in, const LoadOptions&) {
  WekaReader reader(in.name(), near_duplicates_beside(in));
  if (is_tar(in.head())) {
    for_each_file_of_tar(in, [&](const std::string& name, const std::string& text) { reader.read_file(name, text); });
  } else {
    reader.read_file(base_name(in.name()) + ".json", in.rest());
  }
  return reader.finish();
}

std::vector<std::string> files_of_weka_folder(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(folder, error);
  for (; entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->is_regular_file()) names.push_back(entry->path().lexically_relative(folder).string());
  }
  if (error) throw InputError({folder, 0, 0, fmt::format("cannot be read: {}", error.message()), ""});
  std::sort(names.begin(), names.end());
  return names;
}

bool is_weka_session(std::string_view name) { return name.ends_with(".json"); }

TraceRows read_weka_folder(const std::string& folder) {
  WekaReader reader(folder, near_duplicates_in(folder));
  std::string digests;
  for (const std::string& name : files_of_weka_folder(folder)) {
    const bool session = is_weka_session(name);
    const std::string text = session ? read_text_file((std::filesystem::path(folder) / name).string()) : "";
    if (session) digests += sha256_hex(text) + "  " + name + "\n";
    reader.read_file(name, text);
  }
  TraceRows rows = reader.finish();
  rows.sha256 = sha256_hex(digests);
  return rows;
}

}  // namespace kvplan
