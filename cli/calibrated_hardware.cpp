#include "cli/calibrated_hardware.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json_file.hpp"
#include "hardware/figures.hpp"
#include "hardware/hardware.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::string& hardware) {
  load_hardware(hardware);  // all that is wrong with it, told
  const std::string text = is_json_path(hardware)
                               ? read_text_file(hardware)
                               : std::string(embedded_file(fmt::format("hardware/devices/{}.json", hardware)));
  return Json::parse(text, nullptr, true, true);
}

// Names of the link kinds that reach a GPU from a memory or a bridge.
std::set<std::string> host_link_kinds(const Json& hardware) {
  std::map<std::string, std::string> kind_of;
  for (const Json& v : hardware["vertices"]) kind_of[v["name"]] = v["kind"];
  std::set<std::string> kinds;
  for (const Json& l : hardware["links"]) {
    const std::string from = kind_of[l["from"]];
    if (kind_of[l["to"]] == "gpu" && (from == "memory" || from == "bridge")) kinds.insert(l["kind"].get<std::string>());
  }
  return kinds;
}

Json figure_json(const MeasuredFigure& f, const std::string& source) {
  std::string note = f.note;
  if (f.high > f.low) note += fmt::format("; {:.4g} to {:.4g}", f.low, f.high);
  return {{"value", f.value}, {"source", source}, {"note", note}};
}

void place(Json& hardware, const MeasuredFigure& f, const std::string& source) {
  const auto& of_node = node_figures();
  if (std::any_of(of_node.begin(), of_node.end(), [&](const Figure<Hardware>& own) { return own.key == f.key; })) {
    hardware[f.key] = figure_json(f, source);
    return;
  }
  constexpr std::string_view kStorage = "storage_";
  if (f.key.rfind(kStorage, 0) == 0) {
    for (Json& v : hardware["vertices"]) {
      if (v["kind"] == "ssd") v[f.key.substr(kStorage.size())] = figure_json(f, source);
    }
    return;
  }
  const std::set<std::string> kinds = host_link_kinds(hardware);
  for (Json& kind : hardware["link_kinds"]) {
    if (kinds.count(kind["name"].get<std::string>())) kind[f.key] = figure_json(f, source);
  }
}

}  // namespace

std::string calibrated_hardware(const std::string& hardware, const std::string& calibration,
                                const std::vector<FigureSource>& sources) {
  Json j = json_of(hardware);
  std::map<std::string, std::string> given_by;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string key = i == 0 ? "measured" : fmt::format("measured-{}", i + 1);
    j["sources"][key] = {{"text", sources[i].text}, {"date", sources[i].date}, {"confidence", "read"}};
    for (const MeasuredFigure& f : sources[i].figures) {
      const auto [at, inserted] = given_by.emplace(f.key, sources[i].text);
      if (!inserted) {
        throw UsageError(fmt::format("{} is given by {} and by {}", f.key, at->second, sources[i].text),
                         "give one file of each link");
      }
      place(j, f, key);
    }
  }
  if (!calibration.empty()) j["calibration"] = calibration;
  return j.dump(2) + "\n";
}

}  // namespace kvplan
