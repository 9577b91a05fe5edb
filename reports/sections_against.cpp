// Sections that draw TTFT against what results differ in: the DRAM of a node, the users, the rate. A line joins the
// results that differ in no other option.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "reports/charts.hpp"
#include "reports/run_options.hpp"
#include "reports/sections.hpp"

namespace kvplan {
namespace {

constexpr const char* kTtft = "/latency/ttft_s/p95";
constexpr const char* kDram = "offload.dram_bytes";

struct Point {
  const Column* column;
  double x;
};
using Points = std::vector<Point>;

Points points_of(const std::vector<Column>& columns, const char* pointer, std::optional<double> otherwise) {
  Points points;
  for (const Column& c : columns) {
    std::optional<double> x = number_at(c, pointer);
    if (!x) x = otherwise;
    if (x && number_at(c, kTtft)) points.push_back({&c, *x});
  }
  return points;
}

// All that tells a result from others, but for its place on the axis. No DRAM is no kind of offload: it is the least.
RunOptions beside_axis(const Column& c, const std::string& axis) {
  RunOptions options = options_and_trace_of(c.document);
  options.erase(axis);
  if (axis == kDram && options["offload.mode"] == "none") options["offload.mode"] = "dram";
  return options;
}

std::string words_of(const std::string& name, const RunOptions& options, const Column& c) {
  if (name == "trace") return trace_of(c.document);
  const std::string last = name.substr(name.rfind('.') + 1);
  const auto at = options.find(name);
  if (at == options.end()) return "no " + last;
  const bool bytes = name.ends_with("_bytes") && at->second.find_first_not_of("0123456789.") == std::string::npos;
  return last + "=" + (bytes ? human_bytes(std::strtod(at->second.c_str(), nullptr)) : at->second);
}

std::string hardware_name(const Point& p) { return text_at(*p.column, "/provenance/hardware/name"); }

std::vector<std::string> lines_of(const Points& points, const std::string& axis) {
  std::vector<RunOptions> options;
  std::map<std::string, std::set<std::string>> files;  // of hardware, by the name that they give it
  for (const Point& p : points) {
    options.push_back(beside_axis(*p.column, axis));
    files[hardware_name(p)].insert(options.back()["hardware"]);
  }
  std::vector<const RunOptions*> all;
  for (const RunOptions& o : options) all.push_back(&o);
  const std::vector<std::string> names = differing(all);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::string hardware = hardware_name(points[i]);
    std::string& line = lines.emplace_back(hardware);
    if (files[hardware].size() > 1) line += fmt::format(" ({})", options[i]["hardware"]);
    for (const std::string& name : names) {
      if (name != "hardware") line += ", " + words_of(name, options[i], *points[i].column);
    }
  }
  return lines;
}

struct Axis {
  const char* option;
  std::string title, unit, id;
};

std::string at_words(const Axis& axis, double x) { return human_number(x) + " " + axis.unit; }

// The lowest and the highest latency, of results that may be set against each other.
std::string reading_of(const ChartRows& rows, const Points& points, const Axis& axis) {
  const ChartRow *low = nullptr, *high = nullptr;
  std::size_t others = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ChartRow& r = rows[i];
    if (!is_comparable(*points[i].column)) {
      ++others;
      continue;
    }
    if (!low || r.y < low->y) low = &r;
    if (!high || r.y > high->y) high = &r;
  }
  const auto words = [&](const ChartRow& r) {
    return fmt::format("{} ({} at {})", human_seconds(r.y), r.of, at_words(axis, r.x));
  };
  const std::string left_out =
      others == 0 ? ""
                  : fmt::format(" {} of {} results are not stable or refuse requests: they are drawn and not counted.",
                                others, rows.size());
  if (!low) return "None of these is stable and serves its load." + left_out;
  return fmt::format("TTFT p95 goes from {} to {}.", words(*low), words(*high)) + left_out;
}

void draw(Section& s, const Points& points, const Axis& axis) {
  std::set<double> places;
  for (const Point& p : points) places.insert(p.x);
  if (places.size() < 2) return;
  const std::vector<std::string> lines = lines_of(points, axis.option);
  ChartRows rows;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Column& c = *points[i].column;
    rows.push_back({points[i].x, *number_at(c, kTtft), lines[i], "", is_marked(c)});
  }
  s.charts.push_back({axis.id, "TTFT p95 against " + axis.title, reading_of(rows, points, axis),
                      point_chart("TTFT p95 against " + axis.title + ", a line for each set of other options",
                                  {axis.title, false, ""}, {"TTFT p95 (s)", false, ""}, rows, true),
                      curves_table(axis.title, rows, human_seconds)});
}

}  // namespace

Section memory_section(const std::vector<Column>& columns) {
  Section s{"memory", "TTFT against DRAM"};
  Points points = points_of(columns, "/provenance/derived/dram_bytes_per_node", 0.0);
  for (Point& p : points) p.x /= 1e9;
  draw(s, points, {kDram, "the DRAM for KV on a node (GB)", "GB", "dram"});
  return s;
}

Section users_section(const std::vector<Column>& columns) {
  Section s{"users", "TTFT against load"};
  draw(s, points_of(columns, "/provenance/scenario/trace/users", {}), {"trace.users", "users", "users", "users-curve"});
  draw(s, points_of(columns, "/provenance/scenario/trace/rate_scale", {}),
       {"trace.rate_scale", "arrival rate, times the recorded one", "times the recorded rate", "rate-curve"});
  return s;
}

}  // namespace kvplan
