#include "cli/reference.hpp"

#include <fmt/format.h>

#include "cli/options.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;

Json text_schema(const Option& o) {
  Json s = {{"type", "string"}, {"minLength", 1}};
  if (!o.choices.empty()) s["enum"] = o.choices;
  return s;
}

Json integer_schema(const Option& o) {
  return {{"type", "integer"},
          {"minimum", static_cast<std::int64_t>(o.low)},
          {"maximum", static_cast<std::int64_t>(o.high)}};
}

Json type_schema(const Option& o) {
  switch (o.type) {
    case OptionType::text:
      return text_schema(o);
    case OptionType::texts:
      return {
          {"anyOf",
           {text_schema(o), {{"type", "array"}, {"items", text_schema(o)}, {"minItems", 1}, {"uniqueItems", true}}}}};
    case OptionType::integer:
      return integer_schema(o);
    case OptionType::bytes:
      return {
          {"anyOf", {integer_schema(o), {{"type", "string"}, {"pattern", "^[0-9.eE+]+ ?([kKMGT]B|[KMGT]iB|B)?$"}}}}};
    case OptionType::number:
      return {{"type", "number"}, {"minimum", o.low}, {"maximum", o.high}};
    case OptionType::boolean:
      return {{"type", "boolean"}};
  }
  return {};
}

Json option_schema(const Option& o) {
  Json s = type_schema(o);
  if (o.fallback.is_null()) s = {{"anyOf", {s, {{"type", "null"}}}}};
  s["description"] = o.help + (o.unit.empty() ? "" : fmt::format(" Unit: {}.", o.unit));
  if (!o.fallback.is_null()) s["default"] = o.fallback;
  return s;
}

Json object_schema() { return {{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}}; }

std::string default_of(const Option& o) {
  if (o.fallback.is_null()) return o.fallback_text;
  if (o.type == OptionType::text) return fmt::format("`{}`", o.fallback.get<std::string>());
  if (o.type == OptionType::texts) return fmt::format("`{}`", o.fallback[0].get<std::string>());
  return fmt::format("`{}`", o.fallback.dump());
}

std::string type_of(const Option& o) { return o.type == OptionType::boolean ? "`true` or `false`" : expectation(o); }

}  // namespace

Json scenario_schema() {
  Json root = {{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "kvplan scenario"}};
  root.update(object_schema());
  for (const Option& o : option_table()) {
    Json* at = &root;
    std::string rest = o.path;
    for (std::size_t dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
      Json& group = (*at)["properties"][rest.substr(0, dot)];
      if (group.is_null()) group = object_schema();
      at = &group;
      rest = rest.substr(dot + 1);
    }
    (*at)["properties"][rest] = option_schema(o);
  }
  return root;
}

std::string reference_markdown() {
  std::string out =
      "# Scenario options\n\n"
      "Every option of a scenario, as `kvplan schema scenario --format md` prints it. An option is set in a scenario\n"
      "file, by `--set path=value`, or by its flag; later layers win, and `kvplan run --print-config` shows each "
      "value\n"
      "and the layer that set it. `kvplan schema scenario` prints the same as JSON Schema.\n\n"
      "| option | flag | value | default | |\n|---|---|---|---|---|\n";
  for (const Option& o : option_table()) {
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", o.path, o.flag.empty() ? "" : fmt::format("`--{}`", o.flag),
                       type_of(o), default_of(o), o.help);
  }
  return out;
}

}  // namespace kvplan
