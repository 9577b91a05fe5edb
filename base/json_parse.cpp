// nlohmann's lexer tells no positions, so it reads the text through an iterator
// that notes how far it has come. A value begins at the first byte after the
// token before it that is neither white space, comment, comma nor colon.
#include "base/json_parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace kvplan {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxDepth = 64;

struct NotingIterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  const char* at;
  const char** furthest;

  const char& operator*() const { return *at; }
  NotingIterator& operator++() { return *furthest = ++at, *this; }
  NotingIterator operator++(int) {
    NotingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const NotingIterator& o) const { return at == o.at; }
  bool operator!=(const NotingIterator& o) const { return at != o.at; }
};

// Made when a position is first asked for: most documents are read without one.
class LineIndex {
 public:
  explicit LineIndex(std::string_view text) : text_(text) {}
  JsonPosition of(std::size_t offset) {
    if (starts_.empty()) find_lines();
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
    return {next - starts_.begin(), static_cast<std::int64_t>(offset - *(next - 1)) + 1};
  }

 private:
  void find_lines() {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '\n') starts_.push_back(i + 1);
    }
  }

  std::string_view text_;
  std::vector<std::size_t> starts_;
};

// Builds the value; nlohmann's own builder is not part of its public interface.
class Builder : public json::json_sax_t {
 public:
  Builder(std::string_view text, std::string name, bool with_positions, ParsedJson& out)
      : furthest(text.data()), text_(text), name_(std::move(name)), with_positions_(with_positions), lines_(text), out_(out) {}

  const char* furthest;
  std::vector<Diagnostic> findings;
  bool twice = false;  // without positions: some key is there twice

  bool null() override { return add(nullptr); }
  bool boolean(bool v) override { return add(v); }
  bool number_integer(number_integer_t v) override { return add_number(v); }
  bool number_unsigned(number_unsigned_t v) override { return add_number(v); }
  bool number_float(number_float_t v, const string_t&) override { return add_number(v); }
  bool string(string_t& v) override { return add(v); }
  bool binary(binary_t&) override { return false; }  // JSON text has none
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& k) override;
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) override;

 private:
  struct Level {
    json* value;
    std::string pointer;  // where positions are asked for
    std::string key;      // of the member that comes next
  };

  std::size_t offset() const { return static_cast<std::size_t>(furthest - text_.data()); }
  std::size_t begin_of_token();
  std::string pointer() const;
  json* place(json v);
  bool add(json v) { return place(std::move(v)), token_ended(); }
  bool add_number(json v);
  bool open(json v);
  bool close() { return levels_.pop_back(), token_ended(); }
  bool token_ended() { return previous_end_ = offset(), true; }
  Diagnostic finding(std::size_t at, std::string message, std::string help) {
    const JsonPosition p = lines_.of(at);
    return {name_, p.line, p.column, std::move(message), std::move(help)};
  }

  std::string_view text_;
  std::string name_;
  bool with_positions_;
  LineIndex lines_;
  ParsedJson& out_;
  std::vector<Level> levels_;
  std::size_t previous_end_ = 0;
};

std::size_t Builder::begin_of_token() {
  std::size_t i = text_.substr(0, 3) == "\xEF\xBB\xBF" ? std::max<std::size_t>(3, previous_end_) : previous_end_;
  while (i < text_.size()) {
    if (std::strchr(" \t\r\n,:", text_[i]) != nullptr) {
      ++i;
    } else if (text_.substr(i, 2) == "//") {
      i = std::min(text_.find('\n', i), text_.size());
    } else if (text_.substr(i, 2) == "/*") {
      i = std::min(text_.find("*/", i + 2), text_.size() - 2) + 2;
    } else {
      break;
    }
  }
  return i;
}

std::string Builder::pointer() const {
  if (levels_.empty()) return "";
  const Level& level = levels_.back();
  return pointer_to(level.pointer, level.value->is_array() ? std::to_string(level.value->size()) : level.key);
}

json* Builder::place(json v) {
  if (with_positions_) out_.positions.values[pointer()] = lines_.of(begin_of_token());
  if (levels_.empty()) return &(out_.root = std::move(v));
  Level& level = levels_.back();
  if (level.value->is_object()) return &((*level.value)[level.key] = std::move(v));
  level.value->push_back(std::move(v));
  return &level.value->back();
}

bool Builder::add_number(json v) {
  place(std::move(v));
  token_ended();
  // The lexer looks one byte ahead to see a number end, unless the text ends there.
  if (std::strchr("0123456789.eE+-", text_[previous_end_ - 1]) == nullptr) --previous_end_;
  return true;
}

bool Builder::open(json v) {
  if (levels_.size() == kMaxDepth) {
    findings.push_back(finding(begin_of_token(), fmt::format("nested more than {} deep", kMaxDepth), ""));
    return false;
  }
  std::string p = with_positions_ ? pointer() : "";
  json* value = place(std::move(v));
  levels_.push_back({value, std::move(p), ""});
  return token_ended();
}

bool Builder::key(string_t& k) {
  Level& level = levels_.back();
  level.key = k;
  if (!with_positions_) return twice = twice || level.value->contains(k), token_ended();
  const std::size_t at = begin_of_token();
  const auto [first, is_first] = out_.positions.keys.try_emplace(pointer(), lines_.of(at));
  if (!is_first) {
    findings.push_back(finding(at, fmt::format("duplicate key \"{}\"", k),
                               fmt::format("line {} sets it already: remove one of the two", first->second.line)));
  }
  return token_ended();
}

bool Builder::parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) {
  // "[json.exception...] parse error at line 1, column 5: syntax error while ...": the place is told apart.
  std::string message = e.what();
  const std::size_t colon = message.find(": ");
  if (colon != std::string::npos) message.erase(0, colon + 2);
  const std::size_t id_end = message.find("] ");
  if (message.rfind("[json.", 0) == 0 && id_end != std::string::npos) message.erase(0, id_end + 2);
  const bool ended = position > text_.size() || message.find("end of input") != std::string::npos;
  const std::size_t at = ended ? text_.size() : position > 0 ? position - 1 : 0;
  std::string help;
  if (ended) {
    help = "the text ends too early, or its last value is cut off";
  } else if (message.starts_with("number overflow")) {
    help = "no number exceeds 1.8e308";
  } else if (std::string_view("NIni").find(text_[at]) != std::string_view::npos) {
    help = "JSON has neither NaN nor Infinity: give a finite number";
  } else if (text_[at] == '}' || text_[at] == ']') {
    help = "a comma after the last member is not allowed";
  }
  findings.push_back(finding(at, std::move(message), std::move(help)));
  return false;
}

}  // namespace

ParsedJson parse_json(const std::string& text, const std::string& name, bool with_positions) {
  ParsedJson parsed;
  Builder builder(text, name, with_positions, parsed);
  const char* begin = text.data();
  const bool complete =
      json::sax_parse(NotingIterator{begin, &builder.furthest}, NotingIterator{begin + text.size(), &builder.furthest},
                      &builder, json::input_format_t::json, /*strict=*/true, /*ignore_comments=*/true);
  KVPLAN_ASSERT(complete || !builder.findings.empty());
  // Once more, to tell all that is wrong and where.
  if (!with_positions && (builder.twice || !builder.findings.empty())) return parse_json(text, name, true);
  if (!builder.findings.empty()) throw InputError(builder.findings);
  return parsed;
}

}  // namespace kvplan
