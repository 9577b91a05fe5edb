// One comparison with a published figure, in words.
#pragma once

#include <string>

#include "validate/published.hpp"

namespace kvplan {

std::string figure_text(double value, const std::string& unit);
std::string error_text(const Comparison&);    // "+1.6 %", or a difference where errors are absolute
std::string gate_text(const Comparison&);     // "15 %", "4..5.7", "-" where figures are only shown
std::string verdict_text(const Comparison&);  // met, MISSED or shown

}  // namespace kvplan
