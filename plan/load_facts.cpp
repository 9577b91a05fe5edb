#include "plan/load_facts.hpp"

#include <algorithm>
#include <limits>

namespace kvplan {
namespace {

struct Block {
  TurnId first = kNone, last = kNone;
  bool generated = false;  // by an answer
  bool single_file = true;
};

bool served(const Turn& t, std::int64_t most_tokens) {
  return t.prompt_tokens > 0 && std::int64_t{t.prompt_tokens} + t.output_tokens <= most_tokens;
}

void touch(Block& b, TurnId turn, TurnId after) {
  if (b.first == kNone)
    b.first = turn;
  else if (b.last != turn && b.last != after)
    b.single_file = false;
  b.last = turn;
}

std::vector<Block> blocks_of(const Workload& w, std::int64_t most_tokens) {
  std::vector<Block> blocks(w.block_count());
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    const Turn& turn = w.turns[t];
    if (!served(turn, most_tokens)) continue;
    for (const BlockId id : w.blocks(turn)) touch(blocks[id], t, turn.arrival.after);
    for (const BlockId id : w.outputs(turn)) {
      blocks[id].generated = blocks[id].generated || blocks[id].first == kNone;
      touch(blocks[id], t, turn.arrival.after);
    }
  }
  return blocks;
}

}  // namespace

LoadFacts facts_of(const Workload& w, std::int64_t most_tokens) {
  const std::vector<Block> blocks = blocks_of(w, most_tokens);
  LoadFacts f;
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    const Turn& turn = w.turns[t];
    if (!served(turn, most_tokens)) {
      ++f.refused;
      continue;
    }
    TurnFacts facts{static_cast<double>(turn.prompt_tokens), static_cast<double>(turn.output_tokens), 0, 0, 0, 0};
    for (const BlockId id : w.blocks(turn)) {
      const double tokens = w.tokens_of_block[id];
      if (!blocks[id].single_file)
        facts.free += tokens;
      else if (blocks[id].first == t && !blocks[id].generated)
        facts.computed += tokens;
      else
        facts.reused += tokens;
    }
    if (turn.arrival.after != kNone) facts.gap_s = seconds(turn.arrival.time);
    const double steps = std::max(0.0, facts.output - 1);
    f.prompt_tokens += facts.prompt;
    f.decoded_tokens += steps;
    f.decode_private += steps * (facts.computed + facts.reused);
    f.turns.push_back(facts);
    f.turn_ids.push_back(t);
  }
  for (std::size_t id = 0; id < blocks.size(); ++id) {
    const Block& b = blocks[id];
    if (b.first != kNone && !b.single_file && !b.generated) f.shared_computed += w.tokens_of_block[id];
  }
  return f;
}

Time first_arrival(const Workload& w) {
  Time first = Time::max();
  for (const Turn& t : w.turns) {
    if (t.arrival.after == kNone) first = std::min(first, t.arrival.time);
  }
  return first;
}

std::optional<double> time_at_pace(const Workload& w, const Pace& pace, std::int64_t most_tokens) {
  if (!pace.known()) return std::nullopt;
  const Time origin = first_arrival(w);
  std::vector<double> end(w.turns.size(), 0);
  double first = std::numeric_limits<double>::infinity(), last = 0;
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    const Arrival& a = w.turns[t].arrival;
    double at = a.after == kNone ? seconds(a.time - origin)
                                 : std::max(end[a.after] + seconds(a.time), seconds(a.not_before - origin));
    if (a.after != kNone && a.join != kNone) at = std::max(at, end[a.join]);
    end[t] = at;
    if (!served(w.turns[t], most_tokens)) continue;
    end[t] += pace.seconds_of(w.turns[t].output_tokens);
    first = std::min(first, at);
    last = std::max(last, end[t]);
  }
  return std::max(0.0, last - first);
}

}  // namespace kvplan
