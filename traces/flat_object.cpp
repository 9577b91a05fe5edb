#include "traces/flat_object.hpp"

#include <bit>
#include <cstring>

namespace kvplan {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

void skip_blanks(const char*& at, const char* end) {
  while (at != end && is_blank(*at)) ++at;
}

// Passes over `c`, with blanks around it.
bool take(const char*& at, const char* end, char c) {
  skip_blanks(at, end);
  if (at == end || *at != c) return false;
  ++at;
  skip_blanks(at, end);
  return true;
}

bool take_string(const char*& at, const char* end) {
  if (at == end || *at != '"') return false;
  for (++at; at != end && *at != '"'; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte < 0x20 || byte >= 0x7f || byte == '\\') return false;
  }
  if (at == end) return false;
  ++at;
  return true;
}

bool take_digits(const char*& at, const char* end) {
  const char* const first = at;
  while (at != end && is_digit(*at)) ++at;
  return at != first;
}

// The number of RFC 8259.
bool take_number(const char*& at, const char* end) {
  if (at != end && *at == '-') ++at;
  const char* const first = at;
  if (!take_digits(at, end) || (*first == '0' && at - first > 1)) return false;
  if (at != end && *at == '.' && !take_digits(++at, end)) return false;
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    return take_digits(at, end);
  }
  return true;
}

// The leading digits among eight bytes, the first in the lowest: how many, and their value. Three steps put pairs,
// then fours, then all together; digits that are missing are zeros in front.
int digits_of(std::uint64_t bytes, std::uint64_t& value) {
  std::uint64_t digits = bytes ^ 0x3030303030303030;
  const std::uint64_t others = ((digits + 0x7676767676767676) | digits) & 0x8080808080808080;
  const int count = std::countr_zero(others) / 8;
  if (count == 0) return 0;
  digits <<= 64 - 8 * count;
  digits = (digits * 10 + (digits >> 8)) & 0x00ff00ff00ff00ff;
  digits = (digits * 100 + (digits >> 16)) & 0x0000ffff0000ffff;
  value = (digits * 10000 + (digits >> 32)) & 0xffffffff;
  return count;
}

// Of at most eight bytes at a time: 0 where no digit stands.
std::uint64_t take_integer(const char*& at, const char* end) {
  std::uint64_t value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    if (end - at >= 8) {
      std::uint64_t bytes = 0;
      std::memcpy(&bytes, at, 8);
      at += digits_of(bytes, value);
    }
  }
  while (at != end && is_digit(*at)) value = 10 * value + static_cast<std::uint64_t>(*at++ - '0');
  return value;
}

}  // namespace

bool FlatObject::scan_array(const char*& at, const char* end) {
  constexpr std::ptrdiff_t kMostDigits = 19;  // never beyond 64 bits
  ++at;
  skip_blanks(at, end);
  if (at != end && *at == ']') return ++at, true;
  while (true) {
    const char* const first = at;
    const std::uint64_t value = take_integer(at, end);
    const std::ptrdiff_t digits = at - first;
    if (digits == 0 || digits > kMostDigits || (*first == '0' && digits > 1)) return false;
    integers_.push_back(value);
    skip_blanks(at, end);
    if (at == end) return false;
    if (*at == ']') return ++at, true;
    if (*at++ != ',') return false;
    skip_blanks(at, end);
  }
}

bool FlatObject::scan(std::string_view line) {
  const char* at = line.data();
  const char* const end = at + line.size();
  bool array = false;
  count_ = 0;
  integers_.clear();
  if (!take(at, end, '{')) return false;
  while (true) {
    if (count_ == members_.size()) return false;
    Member& member = members_[count_++];
    const char* first = at;
    if (!take_string(at, end)) return false;
    member.key = {first + 1, static_cast<std::size_t>(at - first) - 2};
    if (!take(at, end, ':') || at == end) return false;
    first = at;
    if (*at == '[') {
      if (array || !scan_array(at, end)) return false;
      array = true;
    } else if (!(*at == '"' ? take_string(at, end) : take_number(at, end))) {
      return false;
    }
    member.token = {first, static_cast<std::size_t>(at - first)};
    skip_blanks(at, end);
    if (at == end) return false;
    if (*at == '}') break;
    if (*at++ != ',') return false;
    skip_blanks(at, end);
  }
  ++at;
  skip_blanks(at, end);
  return at == end;
}

}  // namespace kvplan
