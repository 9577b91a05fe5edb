// Tells a file that is damaged, or another one, from what was written: XXH3 of
// 128 bits, at the speed of memory. Against intent there is base/sha256.hpp.
#pragma once

#include <string>
#include <string_view>

namespace kvplan {

// 32 hexadecimal digits.
std::string checksum_hex(std::string_view bytes);

}  // namespace kvplan
