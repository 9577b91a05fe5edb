#include <fmt/format.h>

#include <algorithm>

#include "reports/markdown_text.hpp"
#include "reports/page.hpp"

namespace kvplan {
namespace {

std::string table(const Grid& grid) {
  if (grid.rows.empty()) return "";
  std::string out = "|", rule = "|";
  for (std::size_t i = 0; i < grid.header.size(); ++i) {
    out += " " + markdown_cell(grid.header[i]) + " |";
    rule += i == 0 ? " --- |" : " ---: |";
  }
  out += "\n" + rule + "\n";
  for (const auto& row : grid.rows) {
    out += "|";
    for (const std::string& c : row) out += " " + markdown_cell(c) + " |";
    out += "\n";
  }
  return out + "\n";
}

// A block of code: no text can end it, as each line begins with its indent.
std::string indented(const std::string& text) {
  std::string out;
  for (const std::string& line : lines_of(text)) out += "    " + one_line(line) + "\n";
  return out;
}

}  // namespace

std::string page_markdown(const Page& page) {
  std::string out = "# " + markdown_text(page.title) + "\n\n";
  for (const Section& s : page.sections) {
    out += "## " + markdown_text(s.title) + "\n\n";
    for (const std::string& p : s.sentences) out += markdown_text(p) + "\n\n";
    for (const std::string& p : s.points) out += "- " + markdown_text(p) + "\n";
    if (!s.points.empty()) out += "\n";
    out += table(s.table);
    for (const std::string& p : s.more) out += "- " + markdown_text(p) + "\n";
    if (!s.more.empty()) out += "\n";
    for (const Listing& l : s.listings) out += fmt::format("### {}\n\n{}\n", markdown_text(l.title), indented(l.text));
    for (const Chart& c : s.charts)
      out += fmt::format("### {}\n\n{}\n\n{}", markdown_text(c.title), markdown_text(c.reading), table(c.table));
  }
  return out;
}

}  // namespace kvplan
