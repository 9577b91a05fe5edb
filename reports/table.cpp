#include "reports/table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reports/markdown_text.hpp"

namespace kvplan {
namespace {

std::string text_at(const Json& document, const char* pointer) {
  return one_line(document.at(Json::json_pointer(pointer)).get<std::string>());
}

// Names paint no terminal. The help of what does not fit keeps its line.
std::vector<Column> without_controls(std::vector<Column> columns) {
  for (Column& c : columns) {
    c.name = one_line(c.name);
    std::string lines;
    for (const std::string& line : lines_of(c.infeasible)) lines += (lines.empty() ? "" : "\n") + one_line(line);
    c.infeasible = lines;
  }
  return columns;
}

std::string painted(const std::string& state, bool colour) {
  if (!colour) return state;
  const char* code = state == "stable" ? "32" : state == "saturated" ? "33" : "31";
  return fmt::format("\033[1;{}m{}\033[0m", code, state);
}

std::string verdict_lines(const std::vector<Column>& columns, bool colour) {
  std::string out;
  for (const Column& c : columns) {
    const std::string who = columns.size() > 1 ? c.name + ": " : "";
    if (c.document.is_null()) {
      out += fmt::format("{}{}\n", who, painted("does not fit", colour)) + "  " + c.infeasible + "\n";
      continue;
    }
    out += fmt::format("{}{}: {}\n", who, painted(text_at(c.document, "/verdict/state"), colour),
                       text_at(c.document, "/verdict/reason"));
    out += fmt::format("  bottleneck: {} ({})\n", text_at(c.document, "/verdict/bottleneck"),
                       text_at(c.document, "/verdict/bottleneck_reason"));
    for (const auto& [name, target] : c.document["targets"].items()) {
      out += fmt::format("  target: {} p{:g} <= {}: {} ({})\n", name.substr(0, name.size() - 2),
                         100 * target["quantile"].get<double>(), human_seconds(target["target_s"].get<double>()),
                         target["met"].get<bool>() ? "met" : "MISSED",
                         !target["value_s"].is_null() ? human_seconds(target["value_s"].get<double>())
                         : c.document["requests"]["refused"] > 0 ? "refused requests count as taking for ever"
                                                                 : "no sample");
    }
  }
  return out;
}

// A note that every column shares is told once.
std::string note_lines(const std::vector<Column>& columns, const std::string& bullet) {
  std::vector<std::pair<std::string, std::vector<std::string>>> notes;
  std::size_t documents = 0;
  for (const Column& c : columns) {
    if (c.document.is_null()) continue;
    ++documents;
    for (const Json& note : c.document["notes"]) {
      const auto text = note.get<std::string>();
      auto at = std::find_if(notes.begin(), notes.end(), [&](const auto& n) { return n.first == text; });
      if (at == notes.end()) at = notes.insert(notes.end(), {text, {}});
      at->second.push_back(c.name);
    }
  }
  std::string out;
  for (const auto& [text, who] : notes) {
    const std::string subject = who.size() == documents ? "" : fmt::format("{}: ", fmt::join(who, ", "));
    out += bullet + one_line(subject + text) + "\n";
  }
  return out;
}

struct Widths {
  std::size_t label = 0;
  std::vector<std::size_t> cell, ratio;
};

Widths widths_of(const std::vector<RowOfCells>& rows, const std::vector<Column>& columns) {
  Widths w{0, std::vector<std::size_t>(columns.size()), std::vector<std::size_t>(columns.size())};
  for (const RowOfCells& row : rows) {
    w.label = std::max(w.label, row.label.size() + 2);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      w.cell[i] = std::max(w.cell[i], marked(row, i, columns[i]).size());
      w.ratio[i] = std::max(w.ratio[i], row.ratios[i].size());
    }
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::size_t gap = w.ratio[i] > 0 ? w.ratio[i] + 1 : 0;
    w.cell[i] = std::max(w.cell[i], columns[i].name.size() > gap ? columns[i].name.size() - gap : 0);
  }
  return w;
}

std::string head(const std::vector<Column>& columns, const Widths& w) {
  std::string out(w.label, ' ');
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::size_t gap = w.ratio[i] > 0 ? w.ratio[i] + 1 : 0;
    out += fmt::format("  {:>{}}", columns[i].name, w.cell[i] + gap);
  }
  return out + "\n";
}

std::string body(const std::vector<RowOfCells>& rows, const std::vector<Column>& columns, const Widths& w,
                 bool colour) {
  std::string out, group;
  for (const RowOfCells& row : rows) {
    if (row.group != group) out += colour ? fmt::format("\033[1m{}\033[0m\n", row.group) : row.group + "\n";
    group = row.group;
    out += fmt::format("  {:<{}}", row.label, w.label - 2);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      out += fmt::format("  {:>{}}", marked(row, i, columns[i]), w.cell[i]);
      if (w.ratio[i] > 0) out += fmt::format(" {:>{}}", row.ratios[i], w.ratio[i]);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += "\n";
  }
  return out;
}

// Each line by itself, as Markdown.
std::string markdown_lines(const std::string& text, const char* bullet) {
  std::string out;
  for (const std::string& line : lines_of(text)) out += bullet + markdown_text(line) + "\n";
  return out;
}

std::string setting_line(const std::vector<Column>& columns) {
  const Column* base = base_of(columns);
  return base ? text_at(base->document, "/provenance/summary") + "\n" : "";
}

}  // namespace

std::string text_table(const std::vector<Column>& results, bool colour) {
  const std::vector<Column> columns = without_controls(results);
  std::string out = verdict_lines(columns, colour) + "\n" + setting_line(columns);
  std::vector<RowOfCells> rows = rows_of(columns);
  if (rows.empty()) return out;
  for (RowOfCells& row : rows) {
    std::transform(row.cells.begin(), row.cells.end(), row.cells.begin(), [](const auto& c) { return one_line(c); });
  }
  const Widths w = widths_of(rows, columns);
  out += "\n" + (columns.size() > 1 ? head(columns, w) : "") + body(rows, columns, w, colour);
  if (columns.size() > 1) out += fmt::format("\nRatios are to the column {}.\n", base_of(columns)->name);
  if (std::any_of(columns.begin(), columns.end(), is_marked)) out += fmt::format("{}\n", kNotSteady);
  const std::string notes = note_lines(columns, "- ");
  return out + (notes.empty() ? "" : "\nNotes\n" + notes);
}

std::string markdown_table(const std::vector<Column>& results) {
  const std::vector<Column> columns = without_controls(results);
  std::string out = markdown_lines(verdict_lines(columns, false) + "\n" + setting_line(columns), "") + "\n| |";
  for (const Column& c : columns) out += fmt::format(" {} |", markdown_cell(c.name));
  out += "\n|---|";
  for (std::size_t i = 0; i < columns.size(); ++i) out += "---:|";
  out += "\n";
  for (const RowOfCells& row : rows_of(columns)) {
    out += fmt::format("| {}: {} |", row.group, row.label);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      std::string text = markdown_cell(row.cells[i]);
      if (marked(row, i, columns[i]) != row.cells[i]) text += "\\*";
      out += fmt::format(" {}{} |", text, row.ratios[i].empty() ? "" : fmt::format(" ({})", row.ratios[i]));
    }
    out += "\n";
  }
  if (std::any_of(columns.begin(), columns.end(), is_marked)) out += fmt::format("\n\\{}\n", kNotSteady);
  const std::string notes = markdown_lines(note_lines(columns, ""), "- ");
  return out + (notes.empty() ? "" : "\n" + notes);
}

}  // namespace kvplan
