#include "cli/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/error.hpp"
#include "base/json_text.hpp"

namespace kvplan {
namespace {

using nlohmann::json;

std::string list_of(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

// The digit ahead of a decimal point, which JSON wants and people leave out.
std::string with_leading_digit(std::string text) {
  const std::size_t at = text.starts_with('-') ? 1 : 0;
  if (text.size() > at + 1 && text[at] == '.' && text[at + 1] >= '0' && text[at + 1] <= '9') text.insert(at, "0");
  return text;
}

// "480 GB", "1.5TiB", "2e12": a number and a unit.
std::optional<double> bytes_from_text(const std::string& text) {
  static const std::pair<const char*, double> units[] = {
      {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"kB", 1e3},
      {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12},    {"B", 1}};
  std::string number = text;
  double factor = 1;
  for (const auto& [unit, size] : units) {
    const std::string suffix = unit;
    if (text.size() <= suffix.size() || text.compare(text.size() - suffix.size(), suffix.size(), suffix) != 0) continue;
    number.resize(text.size() - suffix.size());
    factor = size;
    break;
  }
  const json value = json::parse(with_leading_digit(std::move(number)), nullptr, false);
  if (!value.is_number()) return std::nullopt;
  return std::round(value.get<double>() * factor);
}

std::optional<json> accept_integer(const Option& option, const json& value) {
  if (!value.is_number()) return std::nullopt;
  const double x = value.get<double>();
  if (!(x >= option.low && x <= option.high) || x != std::floor(x)) return std::nullopt;
  return json(static_cast<std::int64_t>(x));
}

std::optional<json> accept_one(const Option& option, const json& value) {
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) return std::nullopt;
  const bool known = option.choices.empty() || std::find(option.choices.begin(), option.choices.end(),
                                                         value.get<std::string>()) != option.choices.end();
  return known ? std::optional<json>(value) : std::nullopt;
}

std::optional<json> accept_several(const Option& option, const json& value) {
  if (!value.is_array()) return accept_several(option, json::array({value}));
  if (value.empty()) return std::nullopt;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (!accept_one(option, value[i])) return std::nullopt;
    if (std::find(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(i), value[i]) !=
        value.begin() + static_cast<std::ptrdiff_t>(i)) {
      return std::nullopt;  // the same combination twice
    }
  }
  return value;
}

json split_at_commas(const std::string& text) {
  json parts = json::array();
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

std::string range_of(const Option& option) {
  const std::string unit = option.unit.empty() ? "" : " " + option.unit;
  return fmt::format("from {:.16g} to {:.16g}{}", option.low, option.high, unit);
}

}  // namespace

const Option* find_option(const std::string& path) {
  const auto& table = option_table();
  const auto it = std::find_if(table.begin(), table.end(), [&](const Option& o) { return o.path == path; });
  return it == table.end() ? nullptr : &*it;
}

std::vector<std::string> option_paths() {
  std::vector<std::string> paths;
  for (const Option& o : option_table()) paths.push_back(o.path);
  return paths;
}

// The right name in the wrong group comes first, then a slip in the whole path, then one in the last part.
std::string suggest_option(const std::string& path) {
  const auto leaf_of = [](const std::string& p) { return p.substr(p.find_last_of('.') + 1); };
  std::vector<std::string> leaves;
  for (const Option& o : option_table()) leaves.push_back(leaf_of(o.path));
  const auto with_leaf = [&](const std::string& leaf) {
    const auto it = std::find(leaves.begin(), leaves.end(), leaf);
    return it == leaves.end() ? "" : option_table()[static_cast<std::size_t>(it - leaves.begin())].path;
  };
  std::string best = with_leaf(leaf_of(path));
  if (best.empty()) best = nearest(path, option_paths());
  if (best.empty()) best = with_leaf(nearest(leaf_of(path), leaves));
  if (!best.empty()) return fmt::format("did you mean \"{}\"?", best);
  return "`kvplan schema scenario --format md` lists all options";
}

std::string expectation(const Option& option) {
  switch (option.type) {
    case OptionType::text:
      return option.choices.empty() ? "a text" : "one of " + list_of(option.choices);
    case OptionType::texts:
      return option.choices.empty() ? "one or several different texts"
                                    : "one or several different of " + list_of(option.choices);
    case OptionType::integer:
      return "an integer " + range_of(option);
    case OptionType::bytes:
      return fmt::format("an integer {}, or text such as \"480 GB\" or \"1.5 TiB\"", range_of(option));
    case OptionType::number:
      return "a number " + range_of(option);
    case OptionType::boolean:
      return "true or false";
  }
  KVPLAN_ASSERT(!"a known type");
}

Diagnostic refusal(const Option& option, const json& value) {
  const bool misspelt = !option.choices.empty() && value.is_string();
  return {"", 0, 0, fmt::format("{} must be {}, not {}", option.path, expectation(option), json_text(value)),
          misspelt ? suggestion(value.get<std::string>(), option.choices) : option.help};
}

std::optional<json> accept(const Option& option, const json& value) {
  if (value.is_null() && option.fallback.is_null()) return value;  // back to what fallback_text says
  switch (option.type) {
    case OptionType::text:
      return accept_one(option, value);
    case OptionType::texts:
      return accept_several(option, value);
    case OptionType::integer:
      return accept_integer(option, value);
    case OptionType::bytes: {
      if (!value.is_string()) return accept_integer(option, value);
      const std::optional<double> bytes = bytes_from_text(value.get<std::string>());
      return bytes ? accept_integer(option, json(*bytes)) : std::nullopt;
    }
    case OptionType::number:
      if (!value.is_number() || !(value.get<double>() >= option.low && value.get<double>() <= option.high))
        return std::nullopt;
      return json(value.get<double>());
    case OptionType::boolean:
      return value.is_boolean() ? std::optional<json>(value) : std::nullopt;
  }
  KVPLAN_ASSERT(!"a known type");
}

std::optional<json> accept_text(const Option& option, const std::string& text) {
  switch (option.type) {
    case OptionType::text:
    case OptionType::bytes:
      return accept(option, json(text));
    case OptionType::texts:
      return accept(option, split_at_commas(text));
    default:
      return accept(option, json::parse(with_leading_digit(text), nullptr, false));
  }
}

}  // namespace kvplan
