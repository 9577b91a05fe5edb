#include <fmt/format.h>

#include "reports/page.hpp"

namespace kvplan {
namespace {

std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c == '\n' ? ' ' : c);
  return out;
}

std::string table(const Grid& grid) {
  if (grid.rows.empty()) return "";
  std::string out = "|", rule = "|";
  for (std::size_t i = 0; i < grid.header.size(); ++i) {
    out += " " + cell(grid.header[i]) + " |";
    rule += i == 0 ? " --- |" : " ---: |";
  }
  out += "\n" + rule + "\n";
  for (const auto& row : grid.rows) {
    out += "|";
    for (const std::string& c : row) out += " " + cell(c) + " |";
    out += "\n";
  }
  return out + "\n";
}

}  // namespace

std::string page_markdown(const Page& page) {
  std::string out = "# " + page.title + "\n\n";
  for (const Section& s : page.sections) {
    out += "## " + s.title + "\n\n";
    for (const std::string& p : s.sentences) out += p + "\n\n";
    for (const std::string& p : s.points) out += "- " + p + "\n";
    if (!s.points.empty()) out += "\n";
    out += table(s.table);
    for (const std::string& p : s.more) out += "- " + p + "\n";
    if (!s.more.empty()) out += "\n";
    for (const Chart& c : s.charts) out += fmt::format("### {}\n\n{}\n\n{}", c.title, c.reading, table(c.table));
  }
  return out;
}

}  // namespace kvplan
