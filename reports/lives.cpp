#include "reports/lives.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "base/error.hpp"
#include "models/break_even.hpp"
#include "reports/cells.hpp"
#include "reports/witness.hpp"

namespace kvplan {
namespace {

Time sum_of(const Life& life, LifePart part) {
  Time sum;
  for (const LifeSpan& s : life.spans) {
    if (s.part == part) sum += s.to - s.from;
  }
  return sum;
}

bool agrees(const Life& life) {
  const KeptRequest& r = life.request;
  return sum_of(life, LifePart::frontend) == r.frontend && sum_of(life, LifePart::queue) == r.queue &&
         sum_of(life, LifePart::load) == r.load && sum_of(life, LifePart::prefill) == r.prefill &&
         sum_of(life, LifePart::decode) == r.finish - r.first_token;
}

// The parts in their usual order: without a log nobody knows which waits came between.
void tell_from_sums(Life& life) {
  const KeptRequest& r = life.request;
  Time at = r.arrival;
  const auto add = [&](LifePart part, Time length, std::string words) {
    if (length > Time(0)) life.spans.push_back({part, at, at + length, std::move(words), r.replica});
    at += length;
  };
  const auto loaded = r.hit_g2_tokens + r.hit_beyond_tokens[0] + r.hit_beyond_tokens[1];
  add(LifePart::frontend, r.frontend, fmt::format("of {} prompt tokens", human_count(r.prompt_tokens)));
  add(LifePart::queue, r.queue, "in all");
  add(LifePart::load, r.load, fmt::format("in which compute waited for {} tokens", human_count(loaded)));
  // Of who was preempted or lost its replica, `computed_tokens` holds answers that were computed again behind the first
  // token as well.
  const bool once = r.preemptions == 0 && r.requeues == 0;
  add(LifePart::prefill, r.prefill,
      once ? fmt::format("of {} tokens", human_count(static_cast<double>(r.computed_tokens)))
           : fmt::format("of what was not cached of {} prompt tokens", human_count(r.prompt_tokens)));
  add(LifePart::decode, r.finish - r.first_token, fmt::format("of {} tokens", human_count(r.output_tokens)));
}

void price(Life& life, const KeptLimits& limits) {
  const KeptRequest& r = life.request;
  const std::int64_t loaded = r.hit_g2_tokens + r.hit_beyond_tokens[0] + r.hit_beyond_tokens[1],
                     cached = r.hit_g1_tokens + loaded;
  const KeptKind& kind = limits.kind_of_replica(r.replica);
  const auto from = [&](std::int64_t tokens) {
    if (tokens >= r.prompt_tokens) return Time(0);
    const Tokens there(std::max<std::int64_t>(0, tokens));
    return prefill_time(kind.step_time, Tokens(r.prompt_tokens) - there, there, Tokens(kind.max_num_batched_tokens));
  };
  life.recompute_cached = from(0) - from(cached);
  life.recompute_loaded = from(r.hit_g1_tokens) - from(cached);
  for (LifeLoad& load : life.loads) {
    const KeptKind& node = limits.kind_of_node(load.node);
    const KeptRoute& route = node.routes.at(static_cast<std::size_t>(load.route));
    double rate = 1e30;
    for (const auto& [limit, weight] : route.uses) {
      const auto bytes_per_s = static_cast<double>(node.limits.at(limit).bytes_per_s);
      rate = std::min(rate, bytes_per_s / static_cast<double>(weight));
    }
    load.alone += time_from_seconds(std::min(kMostSeconds, static_cast<double>(load.bytes) / rate));
  }
}

}  // namespace

const char* name_of(LifePart part) {
  constexpr const char* kNames[] = {"front end", "queue", "load", "prefill", "decode"};
  return kNames[static_cast<int>(part)];
}

std::vector<Life> lives_of(const std::string& folder, const std::vector<KeptRequest>& requests,
                           const std::vector<TurnId>& turns) {
  std::vector<Life> lives;
  for (const TurnId turn : turns) lives.push_back({requests.at(turn), {}, {}, Time(0), Time(0)});
  if (!keeps_events(folder)) {
    for (Life& life : lives) {
      if (life.request.outcome == Outcome::completed) tell_from_sums(life);
    }
    return lives;
  }
  Witness witness(requests.size(), lives);
  KeptLimits limits;
  read_kept_events(
      folder,
      [&](const KeptLimits& l) {
        limits = l;
        witness.begin(limits);
      },
      [&](const Event& e) { witness.see(e); });
  for (Life& life : lives) {
    if (life.request.outcome != Outcome::completed) {
      life.spans.clear();
      continue;
    }
    if (!agrees(life)) {
      throw InputError(
          Diagnostic{folder + "/events.jsonl", 0, 0,
                     fmt::format("tells another life of request {} than requests.jsonl", life.request.turn),
                     "are they of different runs? run it again with --events --out"});
    }
    price(life, limits);
  }
  return lives;
}

}  // namespace kvplan
