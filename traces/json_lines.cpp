#include "traces/json_lines.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kvplan {
namespace {
constexpr std::size_t kNotedFields = 20;
}  // namespace

JsonLines::JsonLines(TextSource& in, const LoadOptions& options, std::vector<JsonField> fields, std::string needs)
    : options_(options), findings_(in.name()), fields_(std::move(fields)), in_(in), needs_(std::move(needs)) {
  KVPLAN_ASSERT(fields_.size() <= 32);
  rows_.path = in.name();
}

TraceRows JsonLines::read() {
  while (in_.next_line(line_)) {
    if (!trimmed(line_.text).empty()) read_line();
  }
  rows_.session_count = static_cast<std::uint32_t>(sessions_.size());
  finish_notes();
  finish();
  if (rows_.rows.empty() && findings_.empty() && !rows_.thinned_from) findings_.add(0, 0, "the file has no rows");
  findings_.raise();
  return std::move(rows_);
}

void JsonLines::read_line() {
  line_failed_ = false;
  TraceRow row;
  row.line = line_.number;
  row.first_id = rows_.ids.size();
  if (flat_.scan(line_.text)) {
    std::uint32_t seen = 0;
    for (const FlatObject::Member& m : flat_.members()) take_member(m.key, {m.token}, row, seen);
    end_line(row, seen);
  } else {
    parse_line(row);
  }
  if (!line_failed_ && keep_row(row)) {
    make_room(rows_.rows, 1);
    rows_.rows.push_back(row);
  } else {
    rows_.ids.resize(row.first_id);
  }
}

void JsonLines::parse_line(TraceRow& row) {
  const std::string_view content = trimmed(line_.text);
  if (content.front() != '{') {
    fail(content, fmt::format("expected one JSON object a line, found \"{}\"", shortened(content)),
         "each line holds one request, in braces");
    return;
  }
  simdjson::ondemand::document document;
  try {
    const simdjson::padded_string_view padded(line_.text.data(), line_.text.size(), line_.room);
    if (const auto error = parser_.iterate(padded).get(document)) throw simdjson::simdjson_error(error);
    std::uint32_t seen = 0;
    for (auto field : document.get_object()) {
      const std::string_view key = field.unescaped_key();
      simdjson::ondemand::value value = field.value();
      take_member(key, {trimmed(value.raw_json_token()), &value}, row, seen);
    }
    // Before end_line: a row that later ones refer to must not fail behind it.
    if (document.current_location().error() == simdjson::SUCCESS) fail("", "more text follows the object");
    end_line(row, seen);
  } catch (const simdjson::simdjson_error& error) {
    if (content.back() != '}') {
      const std::string_view end = content.substr(content.size() - std::min(content.size(), std::size_t{30}));
      fail(content.substr(content.size() - 1), fmt::format("the line is cut off after \"{}\"", shortened(end)),
           "the file seems truncated: fetch it again, or delete the line");
    } else {
      fail("", fmt::format("not valid JSON: {}", error.what()));
    }
  }
}

void JsonLines::take_member(std::string_view key, const JsonValue& value, TraceRow& row, std::uint32_t& seen) {
  const auto known = std::find_if(fields_.begin(), fields_.end(), [&](const JsonField& f) { return f.name == key; });
  if (known == fields_.end()) return note_unknown_field(key);
  const auto index = static_cast<std::size_t>(known - fields_.begin());
  if ((seen >> index & 1) != 0) fail(value.token, fmt::format("\"{}\" stands twice in this row", key));
  seen |= std::uint32_t{1} << index;
  read_field(index, value, row);
}

void JsonLines::end_line(TraceRow& row, std::uint32_t seen) {
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (!fields_[i].required || (seen >> i & 1) != 0) continue;
    fail("", fmt::format("\"{}\" is missing", fields_[i].name), needs_);
  }
  end_row(row, seen);
}

std::int32_t JsonLines::tokens(std::size_t index, const JsonValue& value) {
  auto parsed = parse_tokens(fields_[index].name, value.token);
  if (!parsed.good()) fail(value.token, std::move(parsed.wrong));
  return parsed.value;
}

Time JsonLines::time(std::size_t index, const JsonValue& value, std::int64_t ps_per_unit) {
  auto parsed = parse_time(fields_[index].name, value.token, ps_per_unit);
  if (!parsed.good()) fail(value.token, std::move(parsed.wrong), std::move(parsed.help));
  return parsed.value;
}

std::int64_t JsonLines::integer(std::size_t index, const JsonValue& value) {
  std::int64_t whole = 0;
  if (!parse_whole(value.token, whole)) {
    fail(value.token, fmt::format("\"{}\" is {}, expected an integer", fields_[index].name, shortened(value.token)));
  }
  return whole;
}

std::string_view JsonLines::text(std::size_t index, const JsonValue& value) {
  if (!value.token.starts_with('"')) {
    fail(value.token, fmt::format("\"{}\" is {}, expected a string", fields_[index].name, shortened(value.token)));
    return {};
  }
  if (value.parsed != nullptr) return value.parsed->get_string();
  return value.token.substr(1, value.token.size() - 2);
}

std::span<const std::uint64_t> JsonLines::hashes(std::size_t index, const JsonValue& value) {
  parsed_hashes_.clear();
  if (!value.token.starts_with('[')) {
    fail(value.token,
         fmt::format("\"{}\" is {}, expected an array of integers", fields_[index].name, shortened(value.token)));
    return {};
  }
  if (value.parsed == nullptr) return flat_.integers();
  for (auto element : value.parsed->get_array()) {
    simdjson::ondemand::value item = element.value();
    std::uint64_t hash = 0;
    if (item.get_uint64().get(hash) != simdjson::SUCCESS) {
      const std::string_view wrong = trimmed(item.raw_json_token());
      fail(wrong, fmt::format("a hash id is {}, expected an integer from 0 to 2^64 - 1", shortened(wrong)));
      hash = 0;
    }
    parsed_hashes_.push_back(hash);
  }
  return parsed_hashes_;
}

std::uint32_t JsonLines::session_number(std::string_view name) {
  const auto known = sessions_.find(name);
  if (known != sessions_.end()) return known->second;
  return sessions_.emplace(name, static_cast<std::uint32_t>(sessions_.size())).first->second;
}

void JsonLines::note_unknown_field(std::string_view key) {
  if (unknown_.empty()) first_unknown_line_ = line_.number;
  const auto known = std::find_if(unknown_.begin(), unknown_.end(), [&](const auto& u) { return u.first == key; });
  if (known != unknown_.end()) {
    ++known->second;
  } else if (unknown_.size() < kNotedFields) {
    unknown_.emplace_back(key, 1);
  } else {
    ++other_unknown_;
  }
}

void JsonLines::finish_notes() {
  std::vector<std::string> names;
  for (const auto& [name, count] : unknown_) {
    names.push_back(shortened(name));
    rows_.note(fmt::format("unknown field \"{}\": ignored", names.back()), count);
  }
  rows_.note("further unknown fields: ignored", other_unknown_);
  if (options_.strict && !unknown_.empty()) {
    findings_.add(first_unknown_line_, 0, fmt::format("unknown fields: {}", fmt::join(names, ", ")),
                  "remove them, or read without strict");
  }
}

void JsonLines::fail(std::string_view at, std::string message, std::string help) {
  const std::string_view line = line_.text;
  const bool inside = !at.empty() && at.data() >= line.data() && at.data() < line.data() + line.size();
  findings_.add(line_.number, inside ? at.data() - line.data() + 1 : 0, std::move(message), std::move(help));
  line_failed_ = true;
}

}  // namespace kvplan
