#include "reports/kept_result.hpp"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json_file.hpp"
#include "base/json_schema.hpp"

namespace kvplan {
namespace {

constexpr const char* kAgain = "the result is not whole, or somebody has changed it; run it again";

struct CurveBlock {
  const char *name, *axis;
  bool may_be_empty;  // a curve of which there is no sample: no request has a TPOT where every answer is one token
};

constexpr CurveBlock kCurveBlocks[] = {
    {"series", "at_s", false}, {"distribution", "quantile", true}, {"break_even", "tokens", false}};

// Every curve in a block has as many values as its axis. Arrays that are none are lists of objects with curves in them.
void require_lengths(const Json& block, std::size_t length, bool may_be_empty, const std::string& at,
                     std::vector<std::string>& problems) {
  static const std::set<std::string> lists = {"below", "links", "tiers", "ttft_bands"};
  for (const auto& [key, value] : block.items()) {
    const std::string here = at + "/" + key;
    if (value.is_object() || lists.contains(key)) {
      require_lengths(value, length, may_be_empty, here, problems);
    } else if (value.is_array() && value.size() != length && !(may_be_empty && value.empty())) {
      problems.push_back(fmt::format("{}: {} values on an axis of {}", here, value.size(), length));
    }
  }
}

// A percentage of what is near the end of all numbers is none.
void require_figures(const Json& j, const std::string& path) {
  constexpr double kMost = 1e300;
  if (j.is_number_float() && std::abs(j.get<double>()) > kMost) {
    throw InputError({path, 0, 0, fmt::format("holds {:g}, which is no figure of a run", j.get<double>()), kAgain});
  }
  if (j.is_structured()) {
    for (const Json& part : j) require_figures(part, path);
  }
}

}  // namespace

Json parse_kept(const std::string& path) {
  const std::string text = read_text_file(path);
  Json document = Json::parse(text, nullptr, false);
  if (document.is_discarded()) {
    JsonFile::parse(text, path);  // throws with line and column
    throw InputError({path, 0, 0, "is not JSON (results have no comments)", "is it cut off? run it again"});
  }
  require_figures(document, path);
  return document;
}

std::string schema_of(const Json& document) {
  const bool named = document.is_object() && document.contains("schema") && document["schema"].is_string();
  return named ? document["schema"].get<std::string>() : "";
}

void require_result(const Json& document, const std::string& path) {
  static const auto schema = nlohmann::json::parse(embedded_file("reports/result.schema.json"));
  if (const std::string name = schema_of(document); name != kResultSchema) {
    throw InputError({path, 0, 0, fmt::format("has the schema \"{}\", not {}", name, kResultSchema), kAgain});
  }
  std::vector<std::string> problems = schema_problems(schema, nlohmann::json(document));
  for (const CurveBlock& b : kCurveBlocks) {
    if (!problems.empty() || !document.contains(b.name) || document[b.name].is_null()) continue;
    const Json& block = document[b.name];
    require_lengths(block, block[b.axis].size(), b.may_be_empty, std::string("/") + b.name, problems);
  }
  constexpr std::size_t kMostTold = 3;
  std::vector<Diagnostic> findings;
  for (const std::string& problem : problems) {
    if (findings.size() < kMostTold) findings.push_back({path, 0, 0, problem, kAgain});
  }
  if (!findings.empty()) throw InputError(findings);
}

Json read_kept_result(const std::string& path) {
  Json document = parse_kept(path);
  require_result(document, path);
  return document;
}

}  // namespace kvplan
