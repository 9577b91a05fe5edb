#pragma once

#include <string>
#include <string_view>

namespace kvplan {

// Lower-case hexadecimal, 64 digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace kvplan
