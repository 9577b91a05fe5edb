// Comma-separated values, strictly: a header, then as many fields in every line.
// Fields may stand in quotes ("" for one quote), lines may end in CR LF; a quoted
// field does not go over the end of a line. Blank lines are passed over.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "traces/rows.hpp"
#include "traces/text_source.hpp"

namespace kvplan {

// The fields of one line; false when a quote is not closed, or text follows one.
bool split_csv(std::string_view line, std::vector<std::string>& fields);

class CsvLines {
 public:
  // Reads the header, and finds what is wrong with it: `needed` columns that are not there.
  CsvLines(TextSource& in, TraceFindings& findings, const std::vector<std::string>& needed);

  bool has(std::string_view column) const { return index(column) < header_.size(); }
  std::size_t index(std::string_view column) const;  // header().size() if there is none
  const std::vector<std::string>& header() const { return header_; }

  // The next good line; lines that are not are findings. False at the end.
  bool next();
  std::int64_t line() const { return line_.number; }
  const std::string& field(std::size_t index) const { return fields_[index]; }

 private:
  TextSource& in_;
  TraceFindings& findings_;
  std::vector<std::string> header_, fields_;
  TextLine line_;
};

}  // namespace kvplan
