#include "cli/text_grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/markdown_text.hpp"

namespace kvplan {

std::string text_grid(const std::vector<std::vector<std::string>>& rows, const std::string& indent) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i + 1 < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line = indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i + 1 < row.size() ? fmt::format("{:<{}}  ", row[i], widths[i]) : row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string as_text(const std::vector<TitledRows>& all) {
  std::string text;
  for (const TitledRows& one : all) {
    text += fmt::format("\n{}\n{}", one_line(one.title), text_grid(one.rows, "  "));
    if (!one.below.empty()) text += fmt::format("  {}\n", one.below);
  }
  return text;
}

std::string as_markdown(const std::vector<TitledRows>& all) {
  std::string text;
  for (const TitledRows& one : all) {
    text += fmt::format("\n{}\n", markdown_text(one.title));
    for (std::size_t r = 0; r < one.rows.size(); ++r) {
      std::string cells = "|", head = "|", rule = "|";
      for (const std::string& cell : one.rows[r]) {
        cells += fmt::format(" {} |", markdown_cell(cell));
        head += " |", rule += "---|";
      }
      text += (r == 0 ? fmt::format("\n{}\n{}\n", head, rule) : "") + cells + "\n";
    }
    if (!one.below.empty()) text += fmt::format("\n{}\n", markdown_text(one.below));
  }
  return text;
}

std::string human_value(double value, const std::string& unit) {
  if (value == 0 && unit != "s") return unit.empty() ? "0" : "none";
  if (unit.empty()) return fmt::format("{:.4g}", value);
  if (unit == "USD") return fmt::format("{:.2f} USD", value);
  if (unit == "W") return fmt::format("{:.0f} W", value);
  if (unit == "s") {
    if (value < 1e-3) return fmt::format("{:.4g} us", value * 1e6);
    return value < 1 ? fmt::format("{:.4g} ms", value * 1e3) : fmt::format("{:.4g} s", value);
  }
  if (unit == "FLOP/s") return fmt::format("{:.4g} TFLOP/s", value / 1e12);
  const char* prefixes[] = {"", "k", "M", "G", "T", "P"};
  std::size_t p = 0;
  while (std::abs(value) >= 999.95 && p < 5) value /= 1000, ++p;
  return fmt::format("{:.4g} {}{}", value, prefixes[p], unit);
}

}  // namespace kvplan
