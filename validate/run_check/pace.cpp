// Rule: links, for transfers that meet no other: their exact time, as replicas begin and stop to run steps.
#include <algorithm>

#include "validate/run_check/checker.hpp"

namespace kvplan::run_check {

__extension__ using Wide = __int128;

// Steps are told when they have ended, each replica's in order.
void Checker::note_busy(std::int64_t replica, std::int64_t from, std::int64_t to, bool known) {
  if (replica >= header_.prefill_replicas() || header_.kind_of_replica(replica).busy_limits.empty() || from == to) return;
  auto& spans = busy_[replica];
  if (!spans.empty() && spans.back().to == from && spans.back().known == known) {
    spans.back().to = to;
  } else {
    spans.push_back({from, to, known});
  }
}

Pace Checker::pace(std::int64_t node, const RouteLimit& route, const std::vector<std::int64_t>& limits,
                   std::int64_t at) const {
  static const std::map<std::int64_t, BusyLimit> none;
  const auto& busy_limits = node < 0 ? none : header_.kind_of_node(node).busy_limits;
  Pace p{INT64_MAX, INT64_MAX, true};
  for (const auto& [l, w] : route.uses) {
    std::int64_t capacity = limits.at(static_cast<std::size_t>(l));
    const auto lower = busy_limits.find(l);
    const auto replica = lower == busy_limits.end()
                             ? busy_.end()
                             : busy_.find(header_.kind_of_node(node).first_on(node) + lower->second.replica_on_node);
    if (replica != busy_.end()) {
      const auto& spans = replica->second;
      const auto behind = [](std::int64_t t, const BusySpan& s) { return t < s.to; };
      const auto span = std::upper_bound(spans.begin(), spans.end(), at, behind);
      if (span != spans.end() && span->from <= at) {
        capacity = lower->second.bytes_per_s;
        p.known = p.known && span->known;
        p.until = std::min(p.until, span->to);
      } else if (span != spans.end()) {
        p.until = std::min(p.until, span->from);
      }
    }
    p.rate = std::min(p.rate, capacity / w);
  }
  return p;
}

// -1 where the log does not tell.
std::int64_t Checker::lonely_end(std::int64_t node, const Flow& f, const RouteLimit& route,
                                 const std::vector<std::int64_t>& limits) const {
  constexpr std::int64_t kPsPerSecond = 1'000'000'000'000;
  Wide left = Wide(f.bytes) * kPsPerSecond;
  std::int64_t at = f.moves;
  while (left > 0) {
    const Pace p = pace(node, route, limits, at);
    if (!p.known || p.rate <= 0) return -1;
    const Wide ps = (left + p.rate - 1) / p.rate;
    const std::int64_t end = ps <= p.until - at ? at + static_cast<std::int64_t>(ps) : p.until;
    if (end <= at) return -1;  // beyond all time
    left -= Wide(p.rate) * (end - at);
    at = end;
  }
  return at;
}

}  // namespace kvplan::run_check
