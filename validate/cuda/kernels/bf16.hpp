// A bfloat16 as it lies in memory, and its conversions on the host.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace kvplan::gpu {

struct Bf16 {
  std::uint16_t bits;
};

inline Bf16 to_bf16(float value) {  // to nearest, ties to even
  std::uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (std::isnan(value)) return {0x7fc0};
  return {static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

inline float to_float(Bf16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, 4);
  return result;
}

}  // namespace kvplan::gpu
