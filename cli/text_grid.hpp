// Rows of cells as aligned text: the last column runs free, the others are as wide as their widest cell.
#pragma once

#include <string>
#include <vector>

namespace kvplan {

std::string text_grid(const std::vector<std::vector<std::string>>& rows, const std::string& indent = "");

// Rows below a title, with what is to be said of them.
struct TitledRows {
  std::string title;
  std::vector<std::vector<std::string>> rows;
  std::string below;  // a sentence, or nothing
};
std::string as_text(const std::vector<TitledRows>&);
std::string as_markdown(const std::vector<TitledRows>&);

// A value with its SI prefix and unit: (51.2e9, "B/s") gives "51.2 GB/s". `unit` as in hardware/figures.hpp.
std::string human_value(double value, const std::string& unit);

}  // namespace kvplan
