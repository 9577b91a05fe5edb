#include "base/json_schema.hpp"

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace kvplan {
namespace {

// valijson names a place as "<root>", "[links]", "[0]".
std::string place(const std::vector<std::string>& context) {
  std::string text;
  for (std::size_t i = 1; i < context.size(); ++i) text += "/" + context[i].substr(1, context[i].size() - 2);
  return text.empty() ? "/" : text;
}

}  // namespace

std::vector<std::string> schema_problems(const nlohmann::json& schema, const nlohmann::json& document) {
  valijson::Schema parsed;
  valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(schema), parsed);
  valijson::Validator validator(valijson::Validator::kStrongTypes);
  valijson::ValidationResults results;
  std::vector<std::string> problems, around;
  if (validator.validate(parsed, valijson::adapters::NlohmannJsonAdapter(document), &results)) return problems;
  for (valijson::ValidationResults::Error error; results.popError(error);) {
    // That a part does not fit is told of all that it lies in, too.
    auto& which = error.description.starts_with("Failed to validate") ? around : problems;
    which.push_back(place(error.context) + ": " + error.description);
  }
  return problems.empty() ? around : problems;
}

}  // namespace kvplan
