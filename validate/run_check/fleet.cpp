// Rule: away; what is left of requests, transfers and memories when a replica goes.
#include <fmt/format.h>

#include <algorithm>

#include "validate/run_check/checker.hpp"

namespace kvplan::run_check {

using Stage = Request::Stage;

void Checker::expect_up(const Entry& e, const char* doing) {
  expect("away", replica(e).up, fmt::format("replica {} {}, and is down", e.replica, doing));
}

bool Checker::any_open_for(std::int64_t turn) const {
  const std::int64_t pages = pages_to_run(asked(turn).prompt_tokens + asked(turn).output_tokens);
  for (std::size_t r = 0; r < replicas_.size(); ++r) {  // G1s are the first memories, in order
    if (replicas_[r].open && pages <= header_.memories[r].capacity) return true;
  }
  return false;
}

void Checker::up(const Entry& e) {
  const Memory& g1 = memories_[static_cast<std::size_t>(memory_of(0, e.replica))];
  expect("away", !replica(e).up && g1.held.empty() && g1.private_pages == 0,
         fmt::format("replica {} comes back, and was not gone or is not empty", e.replica));
  replica(e).up = replica(e).open = replica(e).stirred = true;
}

void Checker::drain(const Entry& e) {
  expect("away", replica(e).open, fmt::format("replica {} drains, and took no requests", e.replica));
  replica(e).open = false;
}

// The step under way is lost, and so is what the requests had here.
void Checker::down(const Entry& e) {
  expect_up(e, "goes down");
  const auto& spans = busy_[e.replica];
  note_busy(e.replica, spans.empty() ? 0 : spans.back().to, e.at, false);
  replica(e) = Replica{};
  replica(e).up = replica(e).open = false;
  for (Request& q : requests_) {
    const bool here = q.stage == Stage::waiting || q.stage == Stage::loading || q.stage == Stage::loaded ||
                      q.stage == Stage::prefilling || q.stage == Stage::decoding;
    if (!here || q.replica != e.replica) continue;
    enter(q, Request::Part::queue, e.at);
    q.stage = Stage::adrift;
    q.computed = q.chunk = q.lead = 0;
    q.emitted_parts = emitted(q) * header_.speculation.token_parts;
    q.load_in_step = false;
    q.hits.clear();
  }
}

void Checker::hold(const Entry& e) {
  Request& q = request(e);
  expect("order", q.stage == Stage::front_end || q.stage == Stage::adrift,
         fmt::format("request {} finds no replica, and has one", e.turn));
  expect("away", !any_open_for(e.turn), fmt::format("request {} finds no replica, and one takes requests", e.turn));
  if (q.stage == Stage::front_end) {
    q.frontend = e.at - q.arrival;
    q.since = e.at;
  }
  q.stage = Stage::adrift;
}

void Checker::lost(const Entry& e) { memories_.at(static_cast<std::size_t>(e.memory)) = Memory{}; }

void Checker::cut(const Entry& e) {
  for (auto& [key, queue] : queues_) {
    if (key.first != e.node) continue;
    for (const Transfer& t : queue) {
      for (const auto& [from, to, place] : t.parts) --memories_[static_cast<std::size_t>(from)].held[place].readers;
      if (t.turn >= 0) --requests_.at(static_cast<std::size_t>(t.turn)).loads_queued;
      if (t.moves >= 0) flows_[e.node].push_back({key.second, t.moves, e.at, -1});
    }
    queue.clear();
  }
}

}  // namespace kvplan::run_check
