// One JSON object a line: what all such formats share. A format derives from it,
// names its fields, and reads their values.
//
// Line by line, not as one stream: a broken line must not hide the ones behind
// it. A line with any finding gives no row, and the file is refused as a whole.
// Lines as programs write them go through FlatObject, others through simdjson.
#pragma once

#include <simdjson.h>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "traces/flat_object.hpp"
#include "traces/load_options.hpp"
#include "traces/rows.hpp"
#include "traces/text_source.hpp"
#include "traces/values.hpp"

namespace kvplan {

struct JsonField {
  std::string_view name;
  bool required;
};

// The value of a field. Numbers and strings of both parsers look alike; objects come from simdjson only.
struct JsonValue {
  std::string_view token;                        // as it stands; of simdjson's arrays and objects only the bracket
  simdjson::ondemand::value* parsed = nullptr;   // null: from FlatObject
};

class JsonLines {
 public:
  // `fields`: at most 32. `needs`: the help for a row that lacks one.
  JsonLines(TextSource& in, const LoadOptions& options, std::vector<JsonField> fields, std::string needs);
  virtual ~JsonLines() = default;

  // Reads every line, then finish(). InputError with every finding.
  TraceRows read();

 protected:
  // The value of fields[index] of this row; each comes once a row.
  virtual void read_field(std::size_t index, const JsonValue& value, TraceRow& row) = 0;
  // All fields are read; `seen` has bit i where fields[i] stood in the row. The row is kept if nothing failed.
  virtual void end_row(TraceRow& row, std::uint32_t seen) = 0;
  // Of a row without a finding; may change it.
  virtual bool keep_row(TraceRow&) { return true; }
  // All rows are read and rows_ is complete but for what only the whole trace tells.
  virtual void finish() {}

  std::int32_t tokens(std::size_t index, const JsonValue& value);
  Time time(std::size_t index, const JsonValue& value, std::int64_t ps_per_unit);
  std::int64_t integer(std::size_t index, const JsonValue& value);
  std::string_view text(std::size_t index, const JsonValue& value);  // valid until the next line
  std::span<const std::uint64_t> hashes(std::size_t index, const JsonValue& value);  // the same
  std::uint32_t session_number(std::string_view name);
  // `at`: the part of the line that is wrong, or empty.
  void fail(std::string_view at, std::string message, std::string help = "");
  bool row_failed() const { return line_failed_; }

  const LoadOptions& options_;
  TraceRows rows_;
  TraceFindings findings_;
  std::vector<JsonField> fields_;

 private:
  void read_line();
  void parse_line(TraceRow& row);  // by simdjson
  void take_member(std::string_view key, const JsonValue& value, TraceRow& row, std::uint32_t& seen);
  void end_line(TraceRow& row, std::uint32_t seen);
  void note_unknown_field(std::string_view key);
  void finish_notes();

  TextSource& in_;
  std::string needs_;
  FlatObject flat_;
  simdjson::ondemand::parser parser_;
  std::vector<std::uint64_t> parsed_hashes_;
  std::map<std::string, std::uint32_t, std::less<>> sessions_;
  std::vector<std::pair<std::string, std::int64_t>> unknown_;  // in order of first appearance
  std::int64_t other_unknown_ = 0;
  std::int64_t first_unknown_line_ = 0;
  TextLine line_;
  bool line_failed_ = false;
};

}  // namespace kvplan
