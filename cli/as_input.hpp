// Readers that kvplan-gpu has as well tell what is wrong, file and all, in a plain std::runtime_error: for users it is
// bad input.
#pragma once

#include <stdexcept>

#include "base/error.hpp"

namespace kvplan {

template <class Read>
auto as_input(Read read) {
  try {
    return read();
  } catch (const Error&) {
    throw;
  } catch (const std::runtime_error& e) {
    throw InputError(Diagnostic{"", 0, 0, e.what(), ""});
  }
}

}  // namespace kvplan
