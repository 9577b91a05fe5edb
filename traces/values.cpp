#include "traces/values.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <chrono>
#include <cmath>

#include "traces/rows.hpp"

namespace kvplan {
namespace {

bool starts_like_number(std::string_view s) {
  if (!s.empty() && s.front() == '-') s.remove_prefix(1);
  return !s.empty() && s.front() >= '0' && s.front() <= '9';
}

// Takes `digits` digits and, if given, the character that must follow.
bool take(std::string_view& text, std::size_t digits, char behind, int& value) {
  if (text.size() < digits + (behind != '\0') || !parse_whole(text.substr(0, digits), value) || value < 0) return false;
  if (behind != '\0' && text[digits] != behind) return false;
  text.remove_prefix(digits + (behind != '\0'));
  return true;
}

// What follows the seconds: up to nine digits of a fraction.
bool take_fraction(std::string_view& text, std::int64_t& ns) {
  ns = 0;
  if (text.empty() || text.front() != '.') return true;
  text.remove_prefix(1);
  std::size_t digits = 0;
  std::int64_t unit = 100'000'000;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    ns += unit * (text[digits++] - '0');
    unit /= 10;
  }
  text.remove_prefix(digits);
  return digits >= 1 && digits <= 9;
}

bool take_zone(std::string_view& text, std::int64_t& minutes) {
  minutes = 0;
  if (text.empty()) return true;
  if (text == "Z" || text == "z") return text.remove_prefix(1), true;
  if (text.front() != '+' && text.front() != '-') return false;
  const int sign = text.front() == '+' ? 1 : -1;
  text.remove_prefix(1);
  int hour = 0, minute = 0;
  if (!take(text, 2, ':', hour) || !take(text, 2, '\0', minute) || hour > 14 || minute > 59) return false;
  minutes = sign * (60 * hour + minute);
  return true;
}

}  // namespace

std::string_view trimmed(std::string_view s) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!s.empty() && blank(s.back())) s.remove_suffix(1);
  while (!s.empty() && blank(s.front())) s.remove_prefix(1);
  return s;
}

std::string shortened(std::string_view s) {
  std::size_t end = s.size() <= 40 ? s.size() : 37;
  while (end < s.size() && end > 34 && (static_cast<unsigned char>(s[end]) & 0xc0) == 0x80) --end;  // whole characters
  std::string shown(s.substr(0, end));
  const bool text = simdjson::validate_utf8(shown);
  for (char& c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !text)) c = '?';
  }
  return end < s.size() ? shown + "..." : shown;
}

namespace {

std::string told(std::string_view token) { return token.empty() ? "empty" : shortened(token); }

}  // namespace

Parsed<std::int32_t> parse_tokens(std::string_view name, std::string_view token) {
  token = trimmed(token);
  std::int64_t value = 0;
  if (parse_whole(token, value) && value >= 0 && value <= kMaxTokens) return {static_cast<std::int32_t>(value), "", ""};
  return {0, fmt::format("\"{}\" is {}, expected an integer from 0 to {}", name, told(token), kMaxTokens), ""};
}

Parsed<Time> parse_time(std::string_view name, std::string_view token, std::int64_t ps_per_unit) {
  token = trimmed(token);
  const std::int64_t most = Time::max().count / ps_per_unit;
  std::int64_t whole = 0;
  if (parse_whole(token, whole) && whole >= 0 && whole <= most) return {Time(whole * ps_per_unit), "", ""};
  double value = 0;
  const auto ns_per_unit = static_cast<double>(ps_per_unit / kPsPerNs);
  if (starts_like_number(token) && parse_whole(token, value) && value >= 0 && value < static_cast<double>(most)) {
    return {Time(std::llround(value * ns_per_unit) * kPsPerNs), "", ""};
  }
  return {Time(0),
          fmt::format("\"{}\" is {}, expected {} from 0 to {} (106 days)", name, told(token),
                      ps_per_unit == kPsPerS ? "seconds" : "milliseconds", most),
          starts_like_number(token) ? "timestamps count from the start of the trace; subtract the first one" : ""};
}

std::optional<std::int64_t> parse_date_ns(std::string_view text) {
  namespace date = std::chrono;
  text = trimmed(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  std::int64_t ns = 0, zone_minutes = 0;
  const char between = text.size() > 10 && text[10] == 'T' ? 'T' : ' ';
  const bool good = take(text, 4, '-', year) && take(text, 2, '-', month) && take(text, 2, between, day) &&
                    take(text, 2, ':', hour) && take(text, 2, ':', minute) && take(text, 2, '\0', second) &&
                    take_fraction(text, ns) && take_zone(text, zone_minutes) && text.empty();
  const date::year_month_day when{date::year(year), date::month(static_cast<unsigned>(month)),
                                  date::day(static_cast<unsigned>(day))};
  if (!good || year < 1970 || year > 2200 || !when.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const std::int64_t days = date::sys_days(when).time_since_epoch().count();
  const std::int64_t s = ((days * 24 + hour) * 60 + minute - zone_minutes) * 60 + second;
  return s * 1'000'000'000 + ns;
}

}  // namespace kvplan
