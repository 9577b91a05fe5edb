// Vega-Lite specifications of the few kinds of chart that reports have. Data are
// rows of {x, y, of}: position, height, and the line, bar or point that it is part
// of. Lines differ in colour and in dashes, so that neither is needed alone.
#pragma once

#include <string>
#include <vector>

#include "reports/page.hpp"

namespace kvplan {

struct ChartAxis {
  std::string title;
  bool log = false;
  std::string format;  // of d3: "%" for shares, "s" for prefixes
};

struct ChartRow {
  double x = 0, y = 0;
  std::string of;
  std::string label;    // of bars: their place on the x axis
  bool marked = false;  // of a run that is not stable
};

using ChartRows = std::vector<ChartRow>;

// `title` becomes the description that a screen reader tells. A row of steps is the end of an interval, which begins
// at the row before, the first at 0.
Json line_chart(const std::string& title, const ChartAxis& x, const ChartAxis& y, const ChartRows&, bool steps = false);
Json point_chart(const std::string& title, const ChartAxis& x, const ChartAxis& y, const ChartRows&, bool joined);
Json stacked_areas(const std::string& title, const ChartAxis& x, const ChartAxis& y, const ChartRows&);
// Bars in the order of their labels' first rows, stacked in the order of `of`.
Json stacked_bars(const std::string& title, const std::string& x, const ChartAxis& y, const ChartRows&);

// A bar from `from` to `to` for each label, the widest first.
struct ChartRange {
  std::string label;
  double from = 0, to = 0;
};
Json range_bars(const std::string& title, const ChartAxis& x, const std::vector<ChartRange>&);

// The numbers of a chart: a row for each x, a column for each `of`; more rows where one has several points at an x.
Grid curves_table(const std::string& x, const ChartRows&, std::string (*format)(double));

// Formats of cells.
std::string plain(double v);  // four significant digits, as human_number
std::string share(double v);  // in percent; - for what is no number

}  // namespace kvplan
