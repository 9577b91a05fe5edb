// Results by their load. Fleets are ranked on one load only: what serves half the requests is not the cheaper fleet.
#pragma once

#include <string>
#include <vector>

#include "reports/cells.hpp"

namespace kvplan {

struct ColumnsOfLoad {
  std::string label;  // in what it differs from the other loads, "trace.rate_scale=2.0"; "" of the only one
  std::vector<const Column*> columns;
};

struct Loads {
  std::vector<std::string> differ_in;  // options; none where there is one load
  std::vector<ColumnsOfLoad> each;     // by their first results; what does not fit is in none

  bool several() const { return each.size() > 1; }
  const ColumnsOfLoad* of(const Column&) const;  // null of what does not fit
};

Loads loads_of(const std::vector<Column>&);

// "chat.jsonl.gz (01234567)": a digest tells nobody which trace it is, and a name not which of its versions.
std::string trace_of(const Json& result);

}  // namespace kvplan
