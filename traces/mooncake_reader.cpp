#include "traces/mooncake_reader.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

namespace kvplan {
namespace {

constexpr std::size_t kNotedFields = 20;

std::string_view trimmed(std::string_view s) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!s.empty() && blank(s.back())) s.remove_suffix(1);
  while (!s.empty() && blank(s.front())) s.remove_prefix(1);
  return s;
}

std::string shortened(std::string_view s) {
  return s.size() <= 40 ? std::string(s) : std::string(s.substr(0, 37)) + "...";
}

bool starts_like_number(std::string_view s) {
  if (!s.empty() && s.front() == '-') s.remove_prefix(1);
  return !s.empty() && s.front() >= '0' && s.front() <= '9';
}

template <class T>
bool parse_whole(std::string_view token, T& value) {
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  return error == std::errc() && end == token.data() + token.size();
}

class MooncakeReader {
 public:
  MooncakeReader(const std::string& path, const LoadOptions& options) : options_(options), findings_(path) {
    rows_.path = path;
    rows_.format = "mooncake";
    rows_.block_tokens = options.block_tokens;
  }

  TraceRows read(std::string& text);

 private:
  // What a line has given so far; a field that stood there twice is a finding.
  struct Seen {
    bool timestamp = false, input = false, output = false, hashes = false, session = false, delay = false;
  };

  void read_line(std::string_view line, std::size_t room);
  void read_fields(simdjson::ondemand::object object, TraceRow& row);
  void read_field(std::string_view key, simdjson::ondemand::value& value, TraceRow& row, Seen& seen);
  void read_session(simdjson::ondemand::value& value, TraceRow& row);
  void read_hashes(simdjson::ondemand::value& value, TraceRow& row);
  void check_hash_count(const TraceRow& row);
  std::int32_t tokens(std::string_view key, std::string_view token);
  Time milliseconds(std::string_view key, std::string_view token);
  void note_unknown_field(std::string_view key);
  void finish_notes();
  void fail(std::string_view at, std::string message, std::string help = "");

  const LoadOptions& options_;
  TraceFindings findings_;
  TraceRows rows_;
  simdjson::ondemand::parser parser_;
  std::map<std::string, std::uint32_t> sessions_;
  std::vector<std::pair<std::string, std::int64_t>> unknown_;  // in order of first appearance
  std::int64_t other_unknown_ = 0;
  std::int64_t first_unknown_line_ = 0;
  std::string_view line_;
  std::int64_t line_number_ = 0;
  bool line_failed_ = false;
};

// Line by line, not as one stream: a broken line must not hide the ones behind it.
TraceRows MooncakeReader::read(std::string& text) {
  const std::size_t size = text.size();
  text.append(simdjson::SIMDJSON_PADDING, ' ');
  rows_.rows.reserve(size / 256);
  rows_.hashes.reserve(size / 12);
  for (std::size_t begin = 0; begin < size;) {
    const std::size_t end = std::min(text.find('\n', begin), size);
    ++line_number_;
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    if (!trimmed(line).empty()) read_line(line, text.size() - begin);
    begin = end + 1;
  }
  finish_notes();
  if (rows_.rows.empty() && findings_.empty()) findings_.add(0, 0, "the file has no rows");
  findings_.raise();
  return std::move(rows_);
}

// `room`: bytes from the line's start that may be read, padding included.
void MooncakeReader::read_line(std::string_view line, std::size_t room) {
  line_ = line;
  line_failed_ = false;
  const std::string_view content = trimmed(line);
  if (content.front() != '{') {
    fail(content, fmt::format("expected one JSON object a line, found \"{}\"", shortened(content)));
    return;
  }
  TraceRow row;
  row.line = line_number_;
  row.first_hash = rows_.hashes.size();
  simdjson::ondemand::document document;
  try {
    const simdjson::padded_string_view padded(line.data(), line.size(), room);
    if (const auto error = parser_.iterate(padded).get(document)) throw simdjson::simdjson_error(error);
    read_fields(document.get_object(), row);
    if (document.current_location().error() == simdjson::SUCCESS) fail("", "more text follows the object");
  } catch (const simdjson::simdjson_error& error) {
    if (content.back() != '}') {
      fail(content.substr(content.size() - 1),
           fmt::format("the line is cut off after \"{}\"",
                       content.substr(content.size() - std::min(content.size(), std::size_t{30}))),
           "the file seems truncated: fetch it again, or delete the line");
    } else {
      fail("", fmt::format("not valid JSON: {}", error.what()));
    }
  }
  if (!line_failed_) rows_.rows.push_back(row);
}

void MooncakeReader::read_fields(simdjson::ondemand::object object, TraceRow& row) {
  Seen seen;
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    simdjson::ondemand::value value = field.value();
    read_field(key, value, row, seen);
  }
  const auto missing = [&](const char* key) {
    fail("", fmt::format("\"{}\" is missing", key),
         "a row needs timestamp (ms), input_length, output_length and hash_ids");
  };
  if (!seen.timestamp && !(seen.delay && seen.session)) missing("timestamp");
  if (seen.delay && !seen.session) fail("", "\"delay\" without \"session_id\": the turn before is unknown");
  if (!seen.input) missing("input_length");
  if (!seen.output) missing("output_length");
  if (!seen.hashes) missing("hash_ids");
  if (!line_failed_) check_hash_count(row);
}

void MooncakeReader::read_field(std::string_view key, simdjson::ondemand::value& value, TraceRow& row, Seen& seen) {
  const auto once = [&](bool& flag) {
    if (std::exchange(flag, true)) fail(value.raw_json_token(), fmt::format("\"{}\" stands twice in this row", key));
  };
  if (key == "timestamp") {
    once(seen.timestamp);
    row.timestamp = milliseconds(key, value.raw_json_token());
  } else if (key == "input_length") {
    once(seen.input);
    row.prompt_tokens = tokens(key, value.raw_json_token());
  } else if (key == "output_length") {
    once(seen.output);
    row.output_tokens = tokens(key, value.raw_json_token());
  } else if (key == "hash_ids") {
    once(seen.hashes);
    read_hashes(value, row);
  } else if (key == "session_id") {
    once(seen.session);
    read_session(value, row);
  } else if (key == "delay") {
    once(seen.delay);
    row.delay = milliseconds(key, value.raw_json_token());
  } else {
    note_unknown_field(key);
  }
}

void MooncakeReader::read_session(simdjson::ondemand::value& value, TraceRow& row) {
  const std::string_view token = trimmed(value.raw_json_token());
  if (token.front() != '"') {
    fail(token, fmt::format("\"session_id\" is {}, expected a string", shortened(token)));
    return;
  }
  const std::string_view name = value.get_string();
  row.session = sessions_.try_emplace(std::string(name), rows_.session_count).first->second;
  rows_.session_count = static_cast<std::uint32_t>(sessions_.size());
}

void MooncakeReader::read_hashes(simdjson::ondemand::value& value, TraceRow& row) {
  const std::string_view token = trimmed(value.raw_json_token());
  if (token.front() != '[') {
    fail(token, fmt::format("\"hash_ids\" is {}, expected an array of integers", shortened(token)));
    return;
  }
  for (auto element : value.get_array()) {
    simdjson::ondemand::value item = element.value();
    const std::string_view item_token = trimmed(item.raw_json_token());
    std::uint64_t hash = 0;
    if (!parse_whole(item_token, hash)) {
      fail(item_token, fmt::format("a hash id is {}, expected an integer from 0 to 2^64 - 1", shortened(item_token)));
    }
    rows_.hashes.push_back(hash);
  }
  row.hash_count = static_cast<std::uint32_t>(rows_.hashes.size() - row.first_hash);
}

void MooncakeReader::check_hash_count(const TraceRow& row) {
  const std::int64_t block = options_.block_tokens;
  const std::int64_t expected = ceil_div(row.prompt_tokens, block);
  if (row.hash_count == expected || row.hash_count == row.prompt_tokens / block) return;
  std::string help = "every block of the prompt needs its hash";
  for (std::int64_t other = 1; other <= 65536; other *= 2) {
    if (ceil_div(row.prompt_tokens, other) == row.hash_count) {
      help = fmt::format("blocks of {} tokens would fit this row: set the block size to what the trace was hashed with",
                         other);
      break;
    }
  }
  fail("",
       fmt::format("{} hash_ids for input_length {}, expected {} (one for every {} tokens, the last partial)",
                   row.hash_count, row.prompt_tokens, expected, block),
       help);
}

std::int32_t MooncakeReader::tokens(std::string_view key, std::string_view token) {
  token = trimmed(token);
  std::int64_t value = 0;
  if (parse_whole(token, value) && value >= 0 && value <= kMaxTokens) return static_cast<std::int32_t>(value);
  fail(token, fmt::format("\"{}\" is {}, expected an integer from 0 to {}", key, shortened(token), kMaxTokens));
  return 0;
}

// Decimals are kept to the picosecond as far as a double holds them.
Time MooncakeReader::milliseconds(std::string_view key, std::string_view token) {
  token = trimmed(token);
  std::int64_t whole = 0;
  if (parse_whole(token, whole) && whole >= 0 && whole <= kMaxTimeMs) return Time(whole * kPsPerMs);
  double value = 0;
  if (starts_like_number(token) && parse_whole(token, value) && value >= 0 && value < static_cast<double>(kMaxTimeMs)) {
    return Time(std::llround(value * static_cast<double>(kPsPerMs)));
  }
  fail(token,
       fmt::format("\"{}\" is {}, expected milliseconds from 0 to {} (106 days)", key, shortened(token), kMaxTimeMs),
       starts_like_number(token) ? "timestamps count from the start of the trace; subtract the first one" : "");
  return Time(0);
}

void MooncakeReader::note_unknown_field(std::string_view key) {
  if (unknown_.empty()) first_unknown_line_ = line_number_;
  const auto known = std::find_if(unknown_.begin(), unknown_.end(), [&](const auto& u) { return u.first == key; });
  if (known != unknown_.end()) {
    ++known->second;
  } else if (unknown_.size() < kNotedFields) {
    unknown_.emplace_back(key, 1);
  } else {
    ++other_unknown_;
  }
}

void MooncakeReader::finish_notes() {
  std::vector<std::string> names;
  for (const auto& [name, rows] : unknown_) {
    names.push_back(name);
    rows_.notes.push_back({fmt::format("unknown field \"{}\": ignored", name), rows});
  }
  if (other_unknown_ > 0) rows_.notes.push_back({"further unknown fields: ignored", other_unknown_});
  if (options_.strict && !unknown_.empty()) {
    findings_.add(first_unknown_line_, 0, fmt::format("unknown fields: {}", fmt::join(names, ", ")),
                  "remove them, or read without strict");
  }
}

// `at`: the part of the line that is wrong, or empty.
void MooncakeReader::fail(std::string_view at, std::string message, std::string help) {
  const bool inside = !at.empty() && at.data() >= line_.data() && at.data() < line_.data() + line_.size();
  findings_.add(line_number_, inside ? at.data() - line_.data() + 1 : 0, std::move(message), std::move(help));
  line_failed_ = true;
}

}  // namespace

TraceRows read_mooncake(std::string text, const std::string& path, const LoadOptions& options) {
  return MooncakeReader(path, options).read(text);
}

}  // namespace kvplan
