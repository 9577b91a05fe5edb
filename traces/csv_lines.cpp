#include "traces/csv_lines.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "traces/values.hpp"

namespace kvplan {

bool split_csv(std::string_view line, std::vector<std::string>& fields) {
  std::size_t count = 0;
  const auto next_field = [&]() -> std::string& {
    if (count == fields.size()) fields.emplace_back();
    fields[count].clear();
    return fields[count++];
  };
  std::size_t i = 0;
  while (true) {
    std::string& field = next_field();
    if (i < line.size() && line[i] == '"') {
      for (++i; i < line.size(); ++i) {
        if (line[i] != '"') {
          field += line[i];
        } else if (i + 1 < line.size() && line[i + 1] == '"') {
          field += line[i++];
        } else {
          break;
        }
      }
      if (i++ >= line.size()) return false;
      if (i < line.size() && line[i] != ',') return false;
    } else {
      const std::size_t end = std::min(line.find(',', i), line.size());
      field.assign(line.substr(i, end - i));
      i = end;
    }
    if (i >= line.size()) break;
    ++i;  // the comma
  }
  fields.resize(count);
  return true;
}

CsvLines::CsvLines(TextSource& in, TraceFindings& findings, const std::vector<std::string>& needed)
    : in_(in), findings_(findings) {
  if (!in_.next_line(line_)) return;
  if (!split_csv(trimmed(line_.text), header_)) findings_.add(1, 0, "the header has a quote that is not closed");
  for (const std::string& column : needed) {
    if (!has(column)) {
      findings_.add(1, 0, fmt::format("the column \"{}\" is missing", column),
                    fmt::format("the columns are {}", shortened(fmt::format("{}", fmt::join(header_, ", ")))));
    }
  }
}

std::size_t CsvLines::index(std::string_view column) const {
  return static_cast<std::size_t>(std::find(header_.begin(), header_.end(), column) - header_.begin());
}

bool CsvLines::next() {
  while (in_.next_line(line_)) {
    const std::string_view line = trimmed(line_.text);
    if (line.empty()) continue;
    if (!split_csv(line, fields_)) {
      findings_.add(line_.number, 0, fmt::format("a quote is not closed, or text follows it: {}", shortened(line)));
    } else if (fields_.size() != header_.size()) {
      findings_.add(line_.number, 0,
                    fmt::format("{} fields, expected {}: {}", fields_.size(), header_.size(), shortened(line)),
                    "the file seems truncated or damaged: fetch it again, or delete the line");
    } else {
      return true;
    }
  }
  return false;
}

}  // namespace kvplan
