#include "validate/server_judgement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace kvplan {

bool judged(const ServerComparison& c) { return !c.fitted && !c.frontend_bound; }

std::vector<ServerGroup> server_groups(const ServerStudy& study) {
  std::vector<ServerGroup> groups;
  std::set<std::pair<std::string, std::int32_t>> seen;
  for (const ServerComparison& c : study.rows) seen.emplace(c.point.row.server(), c.point.row.tp);
  for (const auto& [server, fit] : study.fits) {
    const auto own = [server = server](const ServerComparison& c) { return c.point.row.server() == server; };
    groups.push_back({server + ", judged", [own](const ServerComparison& c) { return own(c) && judged(c); }});
    for (const auto& [name, tp] : seen) {
      if (name != server) continue;
      groups.push_back({fmt::format("  TP{}, judged", tp), [own, tp = tp](const ServerComparison& c) {
                          return own(c) && judged(c) && c.point.row.tp == tp;
                        }});
    }
    groups.push_back(
        {"  fitted", [own](const ServerComparison& c) { return own(c) && c.fitted && !c.frontend_bound; }});
    groups.push_back({"  front-end bound", [own](const ServerComparison& c) { return own(c) && c.frontend_bound; }});
  }
  groups.push_back({"all, judged", judged});
  return groups;
}

std::vector<ServerTarget> server_targets(const ServerStudy& study) {
  const std::optional<double> limits[] = {study.file.ttft_target, study.file.tpot_target, study.file.e2e_target};
  std::vector<ServerTarget> targets;
  for (const auto& [server, fit] : study.fits) {
    const auto own = [server = server](const ServerComparison& c) {
      return judged(c) && c.point.row.server() == server;
    };
    for (std::size_t i = 0; i < std::size(kLatencies); ++i) {
      if (!limits[i]) continue;
      targets.push_back(
          {server, kLatencies[i].second, *limits[i], summarise(study, kLatencies[i].first, own).median_absolute});
    }
  }
  return targets;
}

std::vector<ServerComparison> worst_judged(const ServerStudy& study, std::size_t count) {
  std::vector<ServerComparison> rows;
  std::copy_if(study.rows.begin(), study.rows.end(), std::back_inserter(rows), judged);
  const auto badness = [](const ServerComparison& c) {
    return std::max(std::abs(c.ttft_error) / 3, std::abs(c.tpot_error));
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const auto& x, const auto& y) { return badness(x) > badness(y); });
  rows.resize(std::min(rows.size(), count));
  return rows;
}

}  // namespace kvplan
