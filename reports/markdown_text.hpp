#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kvplan {

// With a space for each control character, those of C1 as well: a name ends no line, and paints no terminal.
std::string one_line(std::string_view text);

std::vector<std::string> lines_of(const std::string& text);

// A line that stays text in Markdown, however it got its name: nothing in it begins a heading, a list or an HTML tag,
// or ends a link.
std::string markdown_text(std::string_view text);
// The same for a cell of a table, where headings and lists have no place.
std::string markdown_cell(std::string_view text);

}  // namespace kvplan
