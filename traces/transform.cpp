#include "traces/transform.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/memory_need.hpp"
#include "base/random.hpp"
#include "traces/rearrange.hpp"
#include "traces/workload_builder.hpp"

namespace kvplan {
namespace {

std::int64_t count(const std::vector<Turn>& turns) { return static_cast<std::int64_t>(turns.size()); }

// Placements without those that are left out, and without those that would wait for one of them.
std::vector<Placement> without(std::vector<Placement> all, const std::vector<bool>& left_out) {
  std::vector<std::uint32_t> index(all.size(), kNone);
  std::vector<Placement> kept;
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    Placement& p = all[i];
    if (left_out[i] || (p.arrival.after != kNone && index[p.arrival.after] == kNone)) continue;
    if (p.arrival.after != kNone) p.arrival.after = index[p.arrival.after];
    if (p.arrival.join != kNone) p.arrival.join = index[p.arrival.join];
    index[i] = static_cast<std::uint32_t>(kept.size());
    kept.push_back(p);
  }
  return kept;
}

// Uniform in [0, 1), fixed by the seed and the number of the group.
double hash_of(std::uint64_t seed, std::size_t group) {
  return static_cast<double>(SplitMix64(SplitMix64(seed)() ^ group)() >> 11) * 0x1p-53;
}

}  // namespace

Workload transform(Workload w, const TransformOptions& o) {
  if (o.session_share < 1) w = sample_sessions(w, o.session_share, o.seed);
  if (o.copies > 1) w = replicate(w, o.copies);
  if (o.shared_prefix_tokens > 0) w = share_prefix(w, o.shared_prefix_tokens);
  if (o.to_block_tokens && *o.to_block_tokens != w.block_tokens) w = convert_blocks(w, *o.to_block_tokens);
  w = impose_arrivals(w, o.arrivals, o.seed);
  if (o.users) return run_by_users(w, *o.users, o.duration, o.seed, o.users_start);
  return o.duration < Time::max() ? cut_at(w, o.duration) : w;
}

Workload sample_sessions(const Workload& w, double share, std::uint64_t seed) {
  double lowest = 1;
  const std::size_t groups = groups_of_turns(w).size();
  for (std::size_t g = 0; g < groups; ++g) lowest = std::min(lowest, hash_of(seed, g));
  Workload sampled = sessions_between(w, 0, std::max(share, std::nextafter(lowest, 2)), seed);
  sampled.notes.push_back({fmt::format("{:g} of the sessions sampled by hash, seed {}; turns left out", share, seed),
                           count(w.turns) - count(sampled.turns)});
  return sampled;
}

Workload sessions_between(const Workload& w, double low, double high, std::uint64_t seed) {
  std::vector<bool> left_out(w.turns.size());
  std::size_t g = 0;
  for (const std::vector<TurnId>& group : groups_of_turns(w)) {
    const double hash = hash_of(seed, g++);
    for (const TurnId t : group) left_out[t] = hash < low || hash >= high;
  }
  return rearrange(w, without(placements_of(w), left_out));
}

Workload replicate(const Workload& w, std::int64_t copies) {
  const std::vector<Placement> once = placements_of(w);
  if (copies * static_cast<std::int64_t>(once.size()) >= std::int64_t{kNone}) {
    throw InfeasibleError(
        fmt::format("{} copies of {} turns are more than the 4 billion turns a load may have", copies, once.size()));
  }
  require_memory(static_cast<double>(copies) * memory_of(w),
                 fmt::format("{} copies of {} turns", copies, once.size()), "take fewer trace.copies");
  std::vector<Placement> all;
  all.reserve(once.size() * static_cast<std::size_t>(copies));
  for (std::int64_t c = 0; c < copies; ++c) {
    const auto first = static_cast<TurnId>(all.size());
    for (Placement p : once) {
      p.copy = static_cast<std::uint32_t>(c);
      if (p.arrival.after != kNone) p.arrival.after += first;
      if (p.arrival.join != kNone) p.arrival.join += first;
      all.push_back(p);
    }
  }
  Workload result = rearrange(w, all);
  result.notes.push_back(
      {fmt::format("each session {} times, with blocks of its own beyond what sessions share", copies),
       count(result.turns)});
  return result;
}

Workload cut_at(const Workload& w, Time duration) {
  const std::vector<Placement> all = placements_of(w);
  std::vector<bool> late(all.size());
  std::transform(all.begin(), all.end(), late.begin(), [&](const Placement& p) { return p.at >= duration; });
  Workload result = rearrange(w, without(all, late));
  const std::int64_t left_out = count(w.turns) - count(result.turns);
  if (left_out > 0) {
    result.notes.push_back({fmt::format("turns that start after {:g} s: left out", seconds(duration)), left_out});
  }
  return result;
}

}  // namespace kvplan
