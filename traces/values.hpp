// Values of a trace as they stand in its text, with the sentences that refuse them.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.hpp"

namespace kvplan {

std::string_view trimmed(std::string_view text);
std::string shortened(std::string_view text);  // for messages: at most 40 bytes, no control characters, valid UTF-8

template <class T>
bool parse_whole(std::string_view token, T& value) {
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  return error == std::errc() && end == token.data() + token.size();
}

// A value, or what is wrong with it.
template <class T>
struct Parsed {
  T value{};
  std::string wrong;
  std::string help;
  bool good() const { return wrong.empty(); }
};

// 0 to 2^31 - 1.
Parsed<std::int32_t> parse_tokens(std::string_view name, std::string_view token);

// A duration or an instant since the start of the trace, in units of ps_per_unit (kPsPerMs or kPsPerS):
// an integer, kept exactly, or a decimal, rounded to the nanosecond. 0 to 106 days.
Parsed<Time> parse_time(std::string_view name, std::string_view token, std::int64_t ps_per_unit);

// "2023-11-16 18:15:46.6805900", "2024-05-10T00:00:00.009930+00:00", "...Z": nanoseconds since 1970, in UTC.
std::optional<std::int64_t> parse_date_ns(std::string_view text);

}  // namespace kvplan
