#include "reports/flat.hpp"

#include <fmt/format.h>

#include <map>

#include "base/json_text.hpp"

namespace kvplan {
namespace {

void flatten(const Json& value, const std::string& name, Scalars& fields) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) flatten(member, name.empty() ? key : name + "." + key, fields);
  } else if (!value.is_array()) {
    fields.emplace_back(name, value);
  }
}

// A column for every name, in order of first appearance.
std::string csv_of(const std::vector<Scalars>& rows) {
  std::vector<std::string> names;
  std::map<std::string, std::size_t> places;
  for (const Scalars& row : rows) {
    for (const auto& [name, value] : row) {
      if (places.emplace(name, names.size()).second) names.push_back(csv_field(name));
    }
  }
  std::string out = fmt::format("{}\n", fmt::join(names, ","));
  for (const Scalars& row : rows) {
    std::vector<std::string> cells(names.size());
    for (const auto& [name, value] : row) cells[places.at(name)] = csv_field(value);
    out += fmt::format("{}\n", fmt::join(cells, ","));
  }
  return out;
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
  std::vector<Scalars> rows;
  for (const Column& c : columns) {
    rows.push_back({{"name", c.name}, {"infeasible", c.infeasible}});
    if (c.document.is_null()) continue;
    const Scalars scalars = scalars_of(c.document);
    rows.back().insert(rows.back().end(), scalars.begin(), scalars.end());
  }
  return csv_of(rows);
}

std::string csv_of_plans(const std::vector<Json>& plans) {
  std::vector<Scalars> rows;
  const auto add = [&](const char* is, const Json& fleet) {
    if (!fleet.is_object()) return;
    rows.push_back({{"is", is}});
    for (const auto& [key, value] : fleet.items()) {
      if (key == "cost") flatten(value, "", rows.back());  // as runners-up have it
      if (key != "cost" && key != "scenario" && key != "serving_flags") flatten(value, key, rows.back());
    }
  };
  for (const Json& plan : plans) {
    for (const char* key : {"recommended", "closest"}) add(key, plan.value(key, Json()));
    for (const Json& fleet : plan.value("runners_up", Json::array())) add("runner-up", fleet);
  }
  return csv_of(rows);
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
