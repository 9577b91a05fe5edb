#include "plan/merge.hpp"

#include <algorithm>
#include <map>

#include "base/json_text.hpp"
#include "reports/flat.hpp"

namespace kvplan {
namespace {

const char* status_of(const std::optional<Json>& record) {
  if (!record) return "missing";
  return (*record)["failure"].is_null() ? "done" : "failed";
}

Json reason_of(const std::optional<Json>& record) {
  if (!record || (*record)["failure"].is_null()) return nullptr;
  return (*record)["failure"]["reason"];
}

// The names of all columns: of what varies as the plan has it, then of results by first appearance.
std::vector<std::string> columns_of(const MergedSweep& sweep) {
  std::vector<std::string> names = {"index", "id", "status", "reason"};
  if (!sweep.plan.points.empty()) {
    for (const auto& [path, value] : sweep.plan.points[0].values.items()) names.push_back("scenario." + path);
  }
  std::map<std::string, bool> known;
  for (const auto& record : sweep.records) {
    if (!record) continue;
    for (const auto& [name, value] : scalars_of((*record)["result"])) {
      if (known.emplace(name, true).second) names.push_back(name);
    }
  }
  return names;
}

std::map<std::string, Json> row_of(const MergedSweep& sweep, std::size_t i) {
  const SweepPoint& p = sweep.plan.points[i];
  const auto& record = sweep.records[i];
  std::map<std::string, Json> row = {
      {"index", p.index}, {"id", p.id}, {"status", status_of(record)}, {"reason", reason_of(record)}};
  for (const auto& [path, value] : p.values.items()) row["scenario." + path] = value;
  if (record) {
    for (auto& [name, value] : scalars_of((*record)["result"])) row[name] = std::move(value);
  }
  return row;
}

// Calls put(column, value) for every cell of every row, and end() after each row.
template <class Put, class End>
void each_cell(const MergedSweep& sweep, const std::vector<std::string>& columns, Put put, End end) {
  const Json null;
  for (std::size_t i = 0; i < sweep.records.size(); ++i) {
    const std::map<std::string, Json> row = row_of(sweep, i);
    for (const std::string& column : columns) {
      const auto cell = row.find(column);
      put(column, cell == row.end() ? null : cell->second);
    }
    end();
  }
}

}  // namespace

MergedSweep merge(const ResultFolder& folder) {
  MergedSweep sweep{read_plan(folder), {}, {}, {}};
  for (const SweepPoint& p : sweep.plan.points) {
    sweep.records.push_back(folder.read(p.id));
    const std::string status = status_of(sweep.records.back());
    if (status == "missing") sweep.missing.push_back(p.index);
    if (status == "failed") sweep.failed.push_back(p.index);
  }
  return sweep;
}

std::string merged_csv(const MergedSweep& sweep) {
  const std::vector<std::string> columns = columns_of(sweep);
  std::string out, line;
  for (const std::string& c : columns) line += "," + csv_field(c);
  const auto end = [&] {
    out += line.substr(1) + "\n";
    line.clear();
  };
  end();
  each_cell(
      sweep, columns, [&](const std::string&, const Json& cell) { line += "," + csv_field(cell); }, end);
  return out;
}

std::string merged_jsonl(const MergedSweep& sweep) {
  std::string out;
  Json line = Json::object();
  const auto end = [&] {
    out += json_text(line) + "\n";
    line = Json::object();
  };
  each_cell(
      sweep, columns_of(sweep), [&](const std::string& name, const Json& cell) { line[name] = cell; }, end);
  return out;
}

std::string merged_json(const MergedSweep& sweep) {
  Json document = {{"schema", kMergedSchema},
                   {"tool", sweep.plan.tool},
                   {"inputs", sweep.plan.inputs},
                   {"base", sweep.plan.base},
                   {"points", Json::array()}};
  for (std::size_t i = 0; i < sweep.records.size(); ++i) {
    const SweepPoint& p = sweep.plan.points[i];
    const auto& record = sweep.records[i];
    document["points"].push_back({{"index", p.index},
                                  {"id", p.id},
                                  {"values", p.values},
                                  {"status", status_of(record)},
                                  {"reason", reason_of(record)},
                                  {"result", record ? (*record)["result"] : Json(nullptr)}});
  }
  return json_text(document, 2) + "\n";
}

}  // namespace kvplan
