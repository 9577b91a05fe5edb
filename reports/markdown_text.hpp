#pragma once

#include <string>
#include <string_view>

namespace kvplan {

// Text that stays text in Markdown: nothing in it begins an HTML tag or ends a link, however it got its name.
std::string markdown_text(std::string_view text);
// The same for a cell of a table.
std::string markdown_cell(std::string_view text);

}  // namespace kvplan
