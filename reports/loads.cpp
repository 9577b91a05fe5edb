#include "reports/loads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "reports/run_options.hpp"

namespace kvplan {
namespace {

std::string label_of(const RunOptions& load, const std::vector<std::string>& names, const Json& result) {
  std::string label;
  for (const std::string& name : names) {
    const auto at = load.find(name);
    label += label.empty() ? "" : ", ";
    label += at == load.end() ? "no " + name : name == "trace" ? "trace " + trace_of(result) : name + "=" + at->second;
  }
  return label;
}

}  // namespace

std::string trace_of(const Json& result) {
  const Json& trace = result["provenance"]["trace"];
  return fmt::format("{} ({})", trace.value("name", ""), trace.value("sha256", "").substr(0, 8));
}

const ColumnsOfLoad* Loads::of(const Column& c) const {
  for (const ColumnsOfLoad& load : each) {
    if (std::find(load.columns.begin(), load.columns.end(), &c) != load.columns.end()) return &load;
  }
  return nullptr;
}

Loads loads_of(const std::vector<Column>& columns) {
  Loads loads;
  std::map<RunOptions, std::size_t> places;
  for (const Column& c : columns) {
    if (c.document.is_null()) continue;
    const auto place = places.emplace(load_of(c.document), loads.each.size()).first->second;
    if (place == loads.each.size()) loads.each.emplace_back();
    loads.each[place].columns.push_back(&c);
  }
  if (!loads.several()) return loads;
  std::vector<const RunOptions*> options;
  for (const auto& [load, place] : places) options.push_back(&load);
  loads.differ_in = differing(options);
  for (const auto& [load, place] : places) {
    ColumnsOfLoad& these = loads.each[place];
    these.label = label_of(load, loads.differ_in, these.columns.front()->document);
  }
  return loads;
}

}  // namespace kvplan
