// For documents whose numbers are all integers: one that is none would lose its fraction when it is read as one, and
// one that no integer holds would be undefined.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "base/json_text.hpp"

namespace kvplan {

// std::runtime_error where a number is no integer.
template <class AnyJson>
const AnyJson& require_integers(const AnyJson& j) {
  if (j.is_number_float()) throw std::runtime_error(json_text(j) + " is no integer");
  if (j.is_structured()) {
    for (const AnyJson& value : j) require_integers(value);
  }
  return j;
}

// A value, where it is one that there can be; else std::runtime_error.
inline std::int64_t within(std::int64_t v, std::int64_t low, std::int64_t high, std::string_view what) {
  if (v < low || v > high)
    throw std::runtime_error(fmt::format("{} is {}, expected from {} to {}", what, v, low, high));
  return v;
}

// The same of one number of a document.
template <class AnyJson>
std::int64_t integer_within(const AnyJson& j, std::int64_t low, std::int64_t high, std::string_view what) {
  return within(require_integers(j), low, high, what);
}

}  // namespace kvplan
