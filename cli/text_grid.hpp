// Rows of cells as aligned text: the last column runs free, the others are as wide as their widest cell.
#pragma once

#include <string>
#include <vector>

namespace kvplan {

std::string text_grid(const std::vector<std::vector<std::string>>& rows, const std::string& indent = "");

// A value with its SI prefix and unit: (51.2e9, "B/s") gives "51.2 GB/s". `unit` as in hardware/figures.hpp.
std::string human_value(double value, const std::string& unit);

}  // namespace kvplan
