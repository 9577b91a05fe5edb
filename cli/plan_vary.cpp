#include "cli/plan_vary.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_text.hpp"
#include "cli/text_grid.hpp"

namespace kvplan {
namespace {

using nlohmann::json;
using Variant = std::vector<std::pair<std::string, json>>;

std::vector<Variant> variants_of(const std::vector<Varied>& varied, bool grid) {
  std::vector<Variant> all = {{}};
  for (const Varied& v : varied) {
    std::vector<Variant> more;
    for (const Variant& old : all) {
      if (grid || old.empty()) {
        for (const json& value : v.values) {
          more.push_back(old);
          more.back().emplace_back(v.pointer, value);
        }
      }
    }
    if (grid)
      all = std::move(more);
    else
      all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

Json row_of(const JsonFile& request, const Variant& variant, int threads, std::ostream& err) {
  json root = request.root();
  Json values = Json::object();
  for (const auto& [pointer, value] : variant) {
    try {
      root[json::json_pointer(pointer)] = value;
    } catch (const json::exception&) {
      throw UsageError(fmt::format("--vary: {} has no place for {}", request.name(), pointer),
                       "what lies above it must be an object");
    }
    values[pointer] = value;
  }
  PlanSolver solver(read_plan_request(JsonFile::parse(json_text(root, 1), request.name())), threads, err);
  const std::optional<Found> best = solver.solve();
  Json row = {{"variant", values}, {"plan", nullptr}};
  if (!best) return row;
  const FleetOutcome o = solver.evaluator().run(best->arm, best->running, solver.load());
  row["plan"] = solver.set().arms[best->arm].name();
  row["replicas"] = best->replicas;
  row["gpus"] = solver.set().arms[best->arm].fleet(best->replicas).gpus;
  row["usd_per_hour"] = solver.evaluator().cost(best->arm, best->replicas, best->running, o).usd_per_hour;
  row["value"] = best->value;
  return row;
}

}  // namespace

Varied parse_vary(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw UsageError(fmt::format("--vary needs path=value,value, not \"{}\"", text),
                     "for example --vary slo.ttft_s.p95=0.5,1,2");
  }
  Varied v{text.substr(0, equals), {}};
  if (v.pointer[0] != '/') {
    std::replace(v.pointer.begin(), v.pointer.end(), '.', '/');
    v.pointer = "/" + v.pointer;
  }
  for (std::size_t at = equals + 1; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string word = text.substr(at, comma - at);
    const json value = json::parse(word, nullptr, false);
    v.values.push_back(value.is_discarded() ? json(word) : value);
    at = comma + 1;
  }
  return v;
}

Json vary_plans(const std::string& request, const std::vector<Varied>& varied, bool grid, int threads,
                std::ostream& err) {
  const JsonFile file = JsonFile::load(request);
  Json rows = Json::array();
  for (const Variant& v : variants_of(varied, grid)) rows.push_back(row_of(file, v, threads, err));
  return {{"schema", "kvplan.plan-vary/1"}, {"rows", rows}};
}

std::string vary_text(const Json& document) {
  std::vector<std::vector<std::string>> table = {{"variant", "USD/h", "replicas", "GPUs", "value", "plan"}};
  for (const Json& r : document["rows"]) {
    std::string variant;
    for (const auto& [pointer, value] : r["variant"].items())
      variant += fmt::format("{}{}={}", variant.empty() ? "" : " ", pointer.substr(1), json_text(value));
    if (variant.empty()) variant = "as requested";
    if (r["plan"].is_null()) {
      table.push_back({variant, "-", "-", "-", "-", "no fleet meets the SLO"});
      continue;
    }
    table.push_back({variant, fmt::format("{:.2f}", r["usd_per_hour"].get<double>()),
                     std::to_string(r["replicas"].get<std::int64_t>()), std::to_string(r["gpus"].get<std::int64_t>()),
                     fmt::format("{:.4g}", r["value"].get<double>()), r["plan"]});
  }
  return text_grid(table);
}

}  // namespace kvplan
