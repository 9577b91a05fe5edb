#include "reports/charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "reports/over_time.hpp"

namespace kvplan {
namespace {

std::vector<std::string> in_order(const ChartRows& rows, std::string ChartRow::*member) {
  std::vector<std::string> names;
  for (const ChartRow& r : rows) {
    if (std::find(names.begin(), names.end(), r.*member) == names.end()) names.push_back(r.*member);
  }
  return names;
}

Json axis(const ChartAxis& a, const char* field) {
  Json j = {{"field", field}, {"type", "quantitative"}, {"title", a.title}};
  if (a.log) j["scale"] = {{"type", "log"}};
  if (!a.format.empty()) j["axis"] = {{"format", a.format}};
  return j;
}

Json base(const std::string& title, const ChartRows& rows) {
  Json values = Json::array();
  for (const ChartRow& r : rows) {
    Json row = {{"x", five_digits(r.x)}, {"y", five_digits(r.y)}, {"of", r.of}};
    if (!r.label.empty()) row["label"] = r.label;
    values.push_back(std::move(row));
  }
  return {{"$schema", "https://vega.github.io/schema/vega-lite/v6.json"},
          {"description", title},
          {"width", "container"},
          {"height", 260},
          {"data", {{"values", std::move(values)}}}};
}

// Steps are drawn backwards from their ends: the first needs a beginning.
ChartRows with_beginnings(const ChartRows& rows) {
  ChartRows all;
  for (const std::string& of : in_order(rows, &ChartRow::of)) {
    const auto first = std::find_if(rows.begin(), rows.end(), [&](const ChartRow& r) { return r.of == of; });
    double begin = 0;
    for (const ChartRow& r : rows) {
      if (r.x < first->x) begin = std::max(begin, r.x);
    }
    if (begin < first->x) all.push_back({begin, first->y, of, ""});
  }
  all.insert(all.end(), rows.begin(), rows.end());
  return all;
}

// A line of one point has no length.
bool any_alone(const ChartRows& rows) {
  std::map<std::string, std::size_t> points;
  for (const ChartRow& r : rows) ++points[r.of];
  return std::any_of(points.begin(), points.end(), [](const auto& p) { return p.second == 1; });
}

// A legend only where there is something to tell apart.
Json parts(const ChartRows& rows) {
  const std::vector<std::string> names = in_order(rows, &ChartRow::of);
  Json j = {{"field", "of"}, {"type", "nominal"}, {"title", nullptr}, {"sort", names}};
  if (names.size() < 2) j["legend"] = nullptr;
  return j;
}

}  // namespace

Json line_chart(const std::string& title, const ChartAxis& x, const ChartAxis& y, const ChartRows& rows, bool steps) {
  const ChartRows drawn = steps ? with_beginnings(rows) : rows;
  Json spec = base(title, drawn);
  spec["mark"] = {{"type", "line"}, {"strokeWidth", 2}, {"interpolate", steps ? "step-before" : "linear"}};
  if (any_alone(drawn)) spec["mark"]["point"] = true;
  spec["encoding"] = {{"x", axis(x, "x")}, {"y", axis(y, "y")}, {"color", parts(rows)}, {"strokeDash", parts(rows)}};
  return spec;
}

Json point_chart(const std::string& title, const ChartAxis& x, const ChartAxis& y, const ChartRows& rows, bool joined) {
  Json spec = base(title, rows);
  spec["mark"] = joined ? Json{{"type", "line"}, {"point", {{"size", 70}}}, {"strokeWidth", 2}}
                        : Json{{"type", "point"}, {"filled", true}, {"size", 110}};
  spec["encoding"] = {{"x", axis(x, "x")}, {"y", axis(y, "y")}, {"color", parts(rows)}, {"shape", parts(rows)}};
  return spec;
}

Json stacked_areas(const std::string& title, const ChartAxis& x, const ChartAxis& y, const ChartRows& rows) {
  Json spec = base(title, with_beginnings(rows));
  spec["mark"] = {{"type", "area"}, {"interpolate", "step-before"}, {"opacity", 0.85}};
  spec["encoding"] = {{"x", axis(x, "x")}, {"y", axis(y, "y")}, {"color", parts(rows)}};
  spec["encoding"]["y"]["stack"] = "zero";
  return spec;
}

Json stacked_bars(const std::string& title, const std::string& x, const ChartAxis& y, const ChartRows& rows) {
  Json spec = base(title, rows);
  const std::vector<std::string> names = in_order(rows, &ChartRow::of);
  for (Json& row : spec["data"]["values"]) {
    row["order"] = std::find(names.begin(), names.end(), row["of"].get<std::string>()) - names.begin();
  }
  spec["mark"] = {{"type", "bar"}};
  spec["encoding"] = {{"x",
                       {{"field", "label"},
                        {"type", "nominal"},
                        {"title", x},
                        {"sort", in_order(rows, &ChartRow::label)},
                        {"axis", {{"labelAngle", -20}, {"labelLimit", 260}}}}},
                      {"y", axis(y, "y")},
                      {"color", parts(rows)},
                      {"order", {{"field", "order"}, {"type", "quantitative"}}}};
  return spec;
}

Json range_bars(const std::string& title, const ChartAxis& x, const std::vector<ChartRange>& ranges) {
  Json spec = base(title, {});
  std::vector<std::string> labels;
  for (const ChartRange& r : ranges) {
    spec["data"]["values"].push_back({{"label", r.label}, {"x", five_digits(r.from)}, {"to", five_digits(r.to)}});
    labels.push_back(r.label);
  }
  spec["height"] = {{"step", 28}};
  spec["mark"] = {{"type", "bar"}};
  spec["encoding"] = {{"x", axis(x, "x")},
                      {"x2", {{"field", "to"}}},
                      {"y",
                       {{"field", "label"},
                        {"type", "nominal"},
                        {"title", nullptr},
                        {"sort", labels},
                        {"axis", {{"labelLimit", 260}}}}}};
  spec["encoding"]["x"]["scale"] = {{"zero", false}};
  return spec;
}

Grid curves_table(const std::string& x, const ChartRows& rows, std::string (*format)(double)) {
  Grid g{{x}, {}};
  const std::vector<std::string> curves = in_order(rows, &ChartRow::of);
  g.header.insert(g.header.end(), curves.begin(), curves.end());
  std::map<std::pair<double, std::string>, std::size_t> told;  // points of a curve at an x
  std::map<std::pair<double, std::size_t>, std::vector<std::string>> lines;
  for (const ChartRow& r : rows) {
    std::vector<std::string>& line = lines[{r.x, told[{r.x, r.of}]++}];
    if (line.empty()) {
      line.assign(g.header.size(), "-");
      line[0] = r.x < 1e6 ? fmt::format("{:g}", r.x) : human_count(r.x);
    }
    const auto curve = std::find(curves.begin(), curves.end(), r.of) - curves.begin();
    line[static_cast<std::size_t>(curve) + 1] = format(r.y) + (r.marked ? "*" : "");
  }
  for (auto& [place, line] : lines) g.rows.push_back(std::move(line));
  return g;
}

std::string plain(double v) { return human_number(v); }

std::string share(double v) { return std::isnan(v) ? "-" : fmt::format("{:.1f} %", 100 * v); }

}  // namespace kvplan
