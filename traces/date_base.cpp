#include "traces/date_base.hpp"

#include <algorithm>

namespace kvplan {

void count_from_first(const std::vector<std::int64_t>& ns, TraceRows& rows, TraceFindings& findings) {
  KVPLAN_ASSERT(ns.size() == rows.rows.size());
  if (ns.empty()) return;
  const std::int64_t first = *std::min_element(ns.begin(), ns.end());
  for (std::size_t i = 0; i < ns.size(); ++i) {
    if (ns[i] - first <= Time::max().count / kPsPerNs) {
      rows.rows[i].timestamp = Time((ns[i] - first) * kPsPerNs);
    } else {
      findings.add(rows.rows[i].line, 0, "this row arrives more than 106 days after the first one",
                   "split the trace, or correct the date");
    }
  }
}

}  // namespace kvplan
