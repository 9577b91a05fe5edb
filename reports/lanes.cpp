#include "reports/lanes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"

namespace kvplan {
namespace {

constexpr const char* kKinds[] = {"prefill", "decode", "prefill and decode"};

// Groups of k in a row become one.
void merge(std::vector<Slice>& lane, std::size_t k) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < lane.size(); i += k) {
    Slice s = lane[i];
    for (std::size_t j = i + 1; j < std::min(i + k, lane.size()); ++j) {
      const Slice& o = lane[j];
      if (s.name != o.name && s.is_steps) s.name = kKinds[2];
      s.to = o.to, s.count += o.count, s.busy += o.busy, s.bytes += o.bytes, s.stall_ps += o.stall_ps;
      s.decodes = std::max(s.decodes, o.decodes), s.tokens = std::max(s.tokens, o.tokens);
      s.turn = -1;
    }
    lane[kept++] = s;
  }
  lane.resize(kept);
}

}  // namespace

std::string Slice::args() const {
  const auto us = [](std::int64_t ps) { return static_cast<double>(ps / kPsPerNs) / 1000; };
  std::string text = fmt::format(R"("{}":{},"busy_us":{})", is_steps ? "steps" : "transfers", count, us(busy.count));
  if (is_steps)
    return text +
           fmt::format(R"(,"decodes":{},"tokens_a_step":{},"waiting_for_layers_us":{})", decodes, tokens, us(stall_ps));
  text += fmt::format(R"(,"bytes_per_stream":{})", bytes);
  return turn < 0 ? text : text + fmt::format(R"(,"turn":{})", turn);
}

void Lanes::begin(const KeptLimits& limits) {
  limits_ = limits;
  batch_.resize(static_cast<std::size_t>(limits.replicas()));
  steps_.resize(batch_.size());
  levels_.resize(limits.memories.size());
  blocks_.resize(limits.memories.size());
}

std::string Lanes::route_name(std::int64_t node, std::size_t route) const {
  const KeptRoute& r = limits_.route(node, route);
  if (r.purpose == "write") return fmt::format("write dram to {}", limits_.tier_name(r.tier));
  return fmt::format("{} {} {} gpu of replica {}", r.purpose, limits_.tier_name(r.tier),
                     r.purpose == "load" ? "to" : "from", r.replica_on_node);
}

void Lanes::see(const Event& e) {
  if (e.what == Happening::batch || e.what == Happening::steps) return see_step(e);
  if (e.what >= Happening::transfer && e.what <= Happening::moved) return see_transfer(e);
  if (e.what == Happening::cut) std::erase_if(queues_, [&](const auto& q) { return q.first.first == e.who; });
  if (e.what >= Happening::lost && e.what <= Happening::pages) see_memory(e);
}

void Lanes::see_step(const Event& e) {
  if (e.what == Happening::batch) {
    batch_.at(e.who) = e;
    return;
  }
  const Event& batch = batch_.at(e.who);
  const Time took(e.a * e.b + e.c * (e.a * (e.a - 1) / 2));
  if (!touches(e.at, e.at + took)) return;
  const char* kind = kKinds[batch.a == 0 ? 0 : batch.a == batch.b ? 1 : 2];
  Slice s{e.at, e.at + took, kind, true};
  s.count = e.a, s.decodes = batch.a, s.tokens = batch.b, s.stall_ps = e.d, s.busy = took;
  steps_[e.who].push_back(s);
}

void Lanes::see_transfer(const Event& e) {
  const auto route = static_cast<std::size_t>(e.a);
  auto& queue = queues_[{e.who, route}];
  if (e.what == Happening::transfer) queue.push_back({e.b, e.turn == kNone ? -1 : std::int64_t{e.turn}, e.at});
  if (e.what != Happening::moved) return;
  KVPLAN_ASSERT(!queue.empty());
  const Waiting done = queue.front();
  queue.pop_front();
  if (!queue.empty()) queue.front().starts = e.at;
  if (!touches(done.starts, e.at)) return;
  static constexpr const char* kNames[] = {"load", "store", "write", "prefetch"};
  const std::string& purpose = limits_.route(e.who, route).purpose;
  const auto known = std::find_if(std::begin(kNames), std::end(kNames), [&](const char* n) { return purpose == n; });
  const char* name = known == std::end(kNames) ? "copy" : *known;
  Slice s{done.starts, e.at, name, false};
  s.bytes = done.bytes, s.turn = done.turn, s.busy = e.at - done.starts;
  transfers_[{e.who, route}].push_back(s);
}

void Lanes::see_memory(const Event& e) {
  const std::int64_t change = e.what == Happening::insert                                 ? e.c - e.b
                              : e.what == Happening::evict || e.what == Happening::forget ? e.b - e.c
                              : e.what == Happening::lost                                 ? -blocks_.at(e.who)
                                                                                          : 0;
  if (change == 0) return;
  blocks_.at(e.who) += change;
  auto& levels = levels_[e.who];
  if (!levels.empty() && levels.back().at >= e.at) {
    levels.back().blocks = blocks_[e.who];
  } else if (touches(e.at, e.at)) {
    levels.push_back({e.at, blocks_[e.who]});
  }
}

std::int64_t Lanes::thin(std::int64_t most) {
  std::size_t all = 0;
  for (const auto& lane : steps_) all += lane.size();
  for (const auto& [key, lane] : transfers_) all += lane.size();
  for (const auto& lane : levels_) all += lane.size();
  const std::size_t k = (all + static_cast<std::size_t>(most) - 1) / static_cast<std::size_t>(most);
  if (k <= 1) return 1;
  for (auto& lane : steps_) merge(lane, k);
  for (auto& [key, lane] : transfers_) merge(lane, k);
  for (auto& lane : levels_) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < lane.size(); i += k) lane[kept++] = lane[std::min(i + k, lane.size()) - 1];
    lane.resize(kept);
  }
  return static_cast<std::int64_t>(k);
}

}  // namespace kvplan
