// Rule: handover; prompts on their way from the replica that computed them to the one that decodes.
#include <fmt/format.h>

#include <algorithm>

#include "validate/run_check/checker.hpp"

namespace kvplan::run_check {

using Stage = Request::Stage;

bool Checker::gives_away(std::int64_t replica, std::int64_t turn) const {
  return header_.decode.replicas > 0 && replica < header_.prefill_replicas() && asked(turn).output_tokens > 1;
}

// A decode replica is chosen when the prompt is computed, or, layer by layer, when its last step begins.
void Checker::choose(const Entry& e) {
  Request& q = request(e);
  const bool last_step =
      header_.decode.parts > 1 && q.stage == Stage::prefilling && q.chunk > 0 && q.computed + q.chunk == target(e.turn);
  expect("handover", e.replica >= header_.prefill_replicas() && q.handover.to < 0,
         fmt::format("request {} is to decode on replica {}, after {}", e.turn, e.replica, q.handover.to));
  expect("handover", q.stage == Stage::leaving || last_step,
         fmt::format("request {} is given a decode replica before the last step of its prompt", e.turn));
  q.handover.from = q.replica;
  q.handover.to = e.replica;
  replica(e).chosen.push_back(e.turn);
  replica(e).stirred = true;
}

void Checker::reserve(const Entry& e) {
  Request& q = request(e);
  Replica& r = replica(e);
  expect("order", !r.chosen.empty() && r.chosen.front() == e.turn && r.waiting.empty() && r.loaded.empty(),
         fmt::format("replica {} has room for request {} ahead of {}", e.replica, e.turn,
                     r.chosen.empty() ? -1 : r.chosen.front()));
  const auto held = static_cast<std::int64_t>(r.running.size() + r.reserved.size() + r.arrived.size());
  expect("limits", held < limits_of(e.replica).max_num_seqs,
         fmt::format("replica {} has room for request {} beside {} others", e.replica, e.turn, held));
  std::erase(r.chosen, e.turn);
  r.reserved.push_back(e.turn);
  const Memory& g1 = memories_[static_cast<std::size_t>(memory_of(0, e.replica))];
  std::int64_t here = 0;
  for (const std::int64_t p : asked(e.turn).prompt) {
    const auto block = g1.held.find(p);
    if (block == g1.held.end()) break;
    expect("pinned", block->second.references > 0,
           fmt::format("request {} counts on block {}, which nobody keeps on replica {}", e.turn, p, e.replica));
    here += tokens(p);
  }
  q.handover.held_tokens = here;
  q.handover.lacking_bytes = (asked(e.turn).prompt_tokens - here) * header_.decode.kv_bytes_per_token;
  expect("handover", e.tokens == asked(e.turn).prompt_tokens - here && e.bytes == q.handover.lacking_bytes,
         fmt::format("request {} lacks {} bytes on replica {}, which has {} of its {} tokens", e.turn, e.bytes,
                     e.replica, here, asked(e.turn).prompt_tokens));
}

// Before the prompt is computed, what its last layer brings cannot be on its way.
void Checker::send(const Entry& e) {
  Request& q = request(e);
  Handover& h = q.handover;
  h.sent_bytes += e.bytes;
  const std::int64_t parts = header_.decode.parts;
  const std::int64_t ready =
      q.stage == Stage::leaving ? h.lacking_bytes : h.lacking_bytes - (h.lacking_bytes + parts - 1) / parts;
  expect("handover", h.to == e.replica && h.from == e.from && e.bytes > 0 && h.sent_bytes <= ready,
         fmt::format("request {} sends {} bytes in all from {} to {}; it has {} for {}", e.turn, h.sent_bytes, e.from,
                     e.replica, ready, h.to));
  auto& queue = handovers_[{e.from, e.replica}];
  queue.push_back({e.turn, e.bytes, queue.empty() ? e.at : -1});
}

void Checker::sent(const Entry& e) {
  auto& queue = handovers_[{e.from, e.replica}];
  if (!expect("order", !queue.empty() && queue.front().turn == e.turn && queue.front().bytes == e.bytes,
              fmt::format("{} bytes of request {} arrive on replica {} out of turn", e.bytes, e.turn, e.replica))) {
    return;
  }
  const Sent done = queue.front();
  queue.pop_front();
  if (!queue.empty()) queue.front().starts = e.at;
  const std::int64_t route = e.from * header_.decode.replicas + e.replica - header_.prefill_replicas();
  const std::int64_t moves =
      done.starts + setup_ps(header_.decode.routes.at(static_cast<std::size_t>(route)), done.bytes, 1);
  expect("links", e.at >= moves, fmt::format("request {} arrives before its first byte has moved", e.turn));
  handover_flows_.push_back({route, moves, e.at, done.bytes});
  request(e).handover.arrived_bytes += done.bytes;
}

// The prompt is whole on the one side, and was kept until now on the other.
void Checker::handed_over(const Entry& e) {
  Request& q = request(e);
  const Handover& h = q.handover;
  Replica& from = replicas_.at(static_cast<std::size_t>(e.from));
  Replica& to = replica(e);
  const bool reserved = std::erase(to.reserved, e.turn) == 1;
  expect("handover", q.stage == Stage::leaving && reserved && h.to == e.replica && h.from == e.from,
         fmt::format("request {} is handed over from {} to {}, and was not on its way", e.turn, e.from, e.replica));
  expect("handover", h.arrived_bytes == h.lacking_bytes && h.sent_bytes == h.lacking_bytes,
         fmt::format("request {} is handed over with {} of {} bytes", e.turn, h.arrived_bytes, h.lacking_bytes));
  check_kept(e.from);
  std::erase(from.leaving, e.turn);
  from.stirred = true;  // its pages are free again
  std::int64_t begin = 0;
  for (const std::int64_t p : asked(e.turn).prompt) {
    if ((begin += tokens(p)) > h.held_tokens) ++to.loaded_places[p];
  }
  to.arrived.push_back(e.turn);
  q.stage = Stage::arrived;
  q.replica = e.replica;
  q.computed = 0;
}

// Of all prompts that wait at a prefill replica to be handed over, each keeps its blocks for itself.
void Checker::check_kept(std::int64_t replica) {
  const Memory& g1 = memories_[static_cast<std::size_t>(memory_of(0, replica))];
  std::map<std::int64_t, std::int64_t> users;
  for (const std::int64_t turn : replicas_[static_cast<std::size_t>(replica)].leaving) {
    for (const std::int64_t p : asked(turn).prompt) ++users[p];
  }
  for (const auto& [p, count] : users) {
    const auto block = g1.held.find(p);
    const std::int64_t kept = block == g1.held.end() ? 0 : block->second.references;
    expect("handover", kept >= count,
           fmt::format("block {} is kept {} times on replica {}, and {} requests wait there with it", p, kept, replica,
                       count));
  }
}

void Checker::join(const Entry& e) {
  Request& q = request(e);
  Replica& r = replica(e);
  expect("handover", q.stage == Stage::arrived,
         fmt::format("request {} decodes on replica {}, and its prompt is not there", e.turn, e.replica));
  expect("order", !r.arrived.empty() && r.arrived.front() == e.turn,
         fmt::format("request {} joins replica {} ahead of {}", e.turn, e.replica,
                     r.arrived.empty() ? -1 : r.arrived.front()));
  std::erase(r.arrived, e.turn);
  r.stirred = true;
  r.running.push_back(e.turn);
  q.stage = Stage::decoding;
  q.handover.took = e.at - q.first_token;
}

}  // namespace kvplan::run_check
