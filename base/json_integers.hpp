// For documents whose numbers are all integers: one that is none would lose its fraction when it is read as one, and
// one that no integer holds would be undefined.
#pragma once

#include <stdexcept>

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

}  // namespace kvplan
