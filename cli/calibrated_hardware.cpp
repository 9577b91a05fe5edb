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

void check_range(const MeasuredFigure& f, const FigureRange& range) {
  if ((f.value >= range.low && f.value <= range.high) || (f.value == 0 && range.zero_allowed)) return;
  throw InputError(Diagnostic{"", 0, 0,
                              fmt::format("{} of {:.4g} is not {:g} to {:g} ({})", f.key, f.value, range.low, range.high,
                                          f.note),
                              "measure again, on an idle machine"});
}

// What was published of a link is most of what it can do.
void check_rate(const MeasuredFigure& f, const Json& link_kind) {
  constexpr double kMostOverPublished = 1.3;
  const double published = link_kind.at(f.key).at("value");
  if (f.value <= kMostOverPublished * published) return;
  throw InputError(Diagnostic{"", 0, 0,
                              fmt::format("{} of {:.4g} is more than {} can do: {:.4g} is published", f.key, f.value,
                                          link_kind["name"].get<std::string>(), published),
                              "name the hardware that was measured with --hardware"});
}

// False where it is none of these figures of `part`.
template <class T>
bool place_in(Json& part, const std::vector<Figure<T>>& figures, const MeasuredFigure& f, const std::string& source) {
  for (const Figure<T>& own : figures) {
    if (own.key != f.key) continue;
    check_range(f, own.range);
    part[f.key] = figure_json(f, source);
    return true;
  }
  return false;
}

void place(Json& hardware, const MeasuredFigure& f, const std::string& source) {
  if (place_in(hardware, node_figures(), f, source) || place_in(hardware["gpu"], gpu_figures(), f, source)) return;
  constexpr std::string_view kStorage = "storage_";
  if (f.key.rfind(kStorage, 0) == 0) {
    for (Json& v : hardware["vertices"]) {
      if (v["kind"] == "ssd") v[f.key.substr(kStorage.size())] = figure_json(f, source);
    }
    return;
  }
  const std::set<std::string> kinds = host_link_kinds(hardware);
  for (Json& kind : hardware["link_kinds"]) {
    if (!kinds.count(kind["name"].get<std::string>())) continue;
    if (f.key == "to_device_bytes_per_s" || f.key == "from_device_bytes_per_s") check_rate(f, kind);
    kind[f.key] = figure_json(f, source);
  }
}

// The surface of every link that leads to a GPU, in place of one by the same method and direction.
void place(Json& hardware, const MeasuredSurface& m, const std::string& source) {
  Json points = Json::array();
  for (const CopySurface::Point& p : m.points) {
    points.push_back({{"segment_bytes", p.segment_bytes}, {"count", p.count}, {"bytes_per_s", p.bytes_per_s}});
  }
  const std::string direction = m.to_device ? "to_device" : "from_device";
  Json kept = Json::array();
  const std::set<std::string> kinds = host_link_kinds(hardware);
  for (const Json& s : hardware.value("copy_surfaces", Json::array())) {
    const bool replaced = s["method"] == m.method && s["direction"] == direction && kinds.count(s["link_kind"]);
    if (!replaced) kept.push_back(s);
  }
  for (const std::string& kind : kinds) {
    kept.push_back(
        {{"method", m.method}, {"link_kind", kind}, {"direction", direction}, {"source", source}, {"points", points}});
  }
  hardware["copy_surfaces"] = kept;
}

}  // namespace

std::string calibrated_hardware(const std::string& hardware, const std::string& calibration,
                                const std::vector<FigureSource>& sources) {
  Json j = json_of(hardware);
  std::map<std::string, std::pair<std::string, double>> given_by;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string key = i == 0 ? "measured" : fmt::format("measured-{}", i + 1);
    j["sources"][key] = {{"text", sources[i].text}, {"date", sources[i].date}, {"confidence", "read"}};
    for (const MeasuredFigure& f : sources[i].figures) {
      const auto [at, inserted] = given_by.emplace(f.key, std::pair(sources[i].text, f.value));
      if (!inserted && at->second.second == f.value) continue;  // such as the memory of a GPU that ran twice
      if (!inserted) {
        throw UsageError(fmt::format("{} is given by {} and by {}", f.key, at->second.first, sources[i].text),
                         "give one file of each link");
      }
      in_file(sources[i].path, [&] { place(j, f, key); });
    }
    for (const MeasuredSurface& m : sources[i].surfaces) place(j, m, key);
  }
  if (!calibration.empty()) j["calibration"] = calibration;
  const std::string text = j.dump(2) + "\n";
  parse_hardware(text, "the calibrated hardware");  // all that kvplan would refuse in it, told before it is written
  return text;
}

}  // namespace kvplan
