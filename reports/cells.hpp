// The rows that people read, as one table of (label, place in result.json, kind
// of quantity): the terminal and Markdown forms print the same cells, and no
// figure is shown that the JSON does not hold.
#pragma once

#include <string>
#include <vector>

#include "reports/result_document.hpp"

namespace kvplan {

// One combination of a run: its document, or why it has none.
struct Column {
  std::string name;        // "x86-h100-sxm dram"
  Json document;           // kvplan.result/1, or null
  std::string infeasible;  // what does not fit, with the bytes; empty when there is a document
};

struct RowOfCells {
  std::string group;
  std::string label;
  std::vector<std::string> cells;   // one a column
  std::vector<std::string> ratios;  // to the first column that has a document; "" where none is due
};

std::vector<RowOfCells> rows_of(const std::vector<Column>&);

// A ratio is taken between the values at these pointers of result.json.
std::vector<std::string> ratio_pointers();
// The document that ratios refer to: of the first column that has one; null when none has.
const Column* base_of(const std::vector<Column>&);

// Whether its latencies carry an asterisk: it has some, and is not stable.
bool is_marked(const Column&);
std::string marked(const std::string& cell, const Column&);  // with the asterisk, where it is due
std::string marked(const RowOfCells&, std::size_t i, const Column&);

std::string human_seconds(double s);
std::string human_bytes(double bytes);
std::string human_count(double n);                       // 12,031 or 12.3
std::string human_number(double x);                      // four significant digits: 24,690 or 2.469
std::string counted(double n, const std::string& noun);  // "1 request", "12,031 requests"

}  // namespace kvplan
