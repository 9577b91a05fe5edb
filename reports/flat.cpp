#include "reports/flat.hpp"

#include "base/json_text.hpp"
#include <fmt/format.h>


namespace kvplan {
namespace {

void flatten(const Json& value, const std::string& name, Scalars& fields) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) flatten(member, name.empty() ? key : name + "." + key, fields);
  } else if (!value.is_array()) {
    fields.emplace_back(name, value);
  }
}

}  // namespace

Scalars scalars_of(const Json& document) {
  Scalars fields;
  for (const auto& [key, block] : document.items()) {
    if (key != "provenance" && key != "simulation" && key != "schema" && key != "targets") flatten(block, key, fields);
  }
  return fields;
}

std::string csv_field(const Json& scalar) {
  if (scalar.is_null()) return "";
  std::string text = scalar.is_string() ? scalar.get<std::string>() : json_text(scalar);
  // A spreadsheet would take a name that begins like this for a formula.
  if (scalar.is_string() && text.find_first_of("=+-@\t\r") == 0) text.insert(0, "'");
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string csv_table(const std::vector<Column>& columns) {
  const Column* base = base_of(columns);
  std::string out = "name,infeasible";
  const Scalars header = base ? scalars_of(base->document) : Scalars{};
  for (const auto& [name, value] : header) out += "," + csv_field(name);
  out += "\n";
  for (const Column& c : columns) {
    out += csv_field(c.name) + "," + csv_field(c.infeasible);
    if (c.document.is_null()) {
      out += std::string(header.size(), ',');
    } else {
      for (const auto& [name, value] : scalars_of(c.document)) out += "," + csv_field(value);
    }
    out += "\n";
  }
  return out;
}

Json comparison_document(const std::vector<Column>& columns) {
  const Column* base = base_of(columns);
  Json document = {{"schema", kComparisonSchema}, {"base", base ? Json(base->name) : Json(nullptr)}};
  document["combinations"] = Json::array();
  for (const Column& c : columns) {
    Json ratios = Json::object();
    for (const std::string& pointer : ratio_pointers()) {
      const Json::json_pointer at(pointer);
      if (c.document.is_null() || !c.document.at(at).is_number()) continue;
      const Json& denominator = base->document.at(at);
      if (denominator.is_number() && denominator.get<double>() > 0) {
        ratios[pointer] = c.document.at(at).get<double>() / denominator.get<double>();
      }
    }
    document["combinations"].push_back({{"name", c.name},
                                        {"result", c.document},
                                        {"infeasible", c.infeasible.empty() ? Json(nullptr) : Json(c.infeasible)},
                                        {"ratios", std::move(ratios)}});
  }
  return document;
}

}  // namespace kvplan
