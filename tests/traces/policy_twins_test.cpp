// Goal: each policy against a twin that follows its paper word by word, over plain containers, without regard to speed.
#include <rapidcheck.h>

#include <algorithm>
#include <list>
#include <string>

#include "tests/catch.hpp"
#include "traces/policies/policy.hpp"

using namespace kvplan;

namespace {

struct Held {
  int block = 0;
  int touches = 0;  // since it came; for SIEVE: the visited bit
  int last = 0;
};

// The fewest touches since insertion go first, among equals the one touched longest ago.
std::string lfu_twin(const std::vector<int>& word, std::size_t capacity) {
  std::vector<Held> held;
  std::string hits;
  for (int now = 0; now < static_cast<int>(word.size()); ++now) {
    const int block = word[static_cast<std::size_t>(now)];
    auto it = std::find_if(held.begin(), held.end(), [&](const Held& h) { return h.block == block; });
    hits += it == held.end() ? '-' : '+';
    if (it == held.end()) {
      if (held.size() == capacity) {
        held.erase(std::min_element(held.begin(), held.end(), [](const Held& a, const Held& b) {
          return a.touches != b.touches ? a.touches < b.touches : a.last < b.last;
        }));
      }
      held.push_back({block, 0, 0});
      it = held.end() - 1;
    }
    ++it->touches;
    it->last = now;
  }
  return hits;
}

// NSDI 2024, algorithm 1: new objects at the head; the hand starts at the tail, walks towards the head, and
// keeps its place.
std::string sieve_twin(const std::vector<int>& word, std::size_t capacity) {
  std::list<Held> queue;  // front: the head
  auto hand = queue.end();
  std::string hits;
  for (const int block : word) {
    const auto it = std::find_if(queue.begin(), queue.end(), [&](const Held& h) { return h.block == block; });
    hits += it == queue.end() ? '-' : '+';
    if (it != queue.end()) {
      it->touches = 1;
      continue;
    }
    if (queue.size() == capacity) {
      auto object = hand == queue.end() ? std::prev(queue.end()) : hand;
      while (object->touches == 1) {
        object->touches = 0;
        object = object == queue.begin() ? std::prev(queue.end()) : std::prev(object);
      }
      hand = object == queue.begin() ? queue.end() : std::prev(object);
      queue.erase(object);
    }
    queue.push_front({block, 0, 0});
  }
  return hits;
}

std::string policy_hits(const std::string& policy, const std::vector<int>& word, std::int64_t capacity) {
  Workload w;
  w.block_tokens = 1;
  w.parent_of_block.assign(64, kNone);
  w.tokens_of_block.assign(64, 1);
  for (const int block : word) {
    Turn turn;
    turn.prompt_tokens = 1;
    turn.block_count = 1;
    turn.first_block = static_cast<std::uint32_t>(w.prompt_blocks.size());
    w.prompt_blocks.push_back(static_cast<BlockId>(block));
    w.turns.push_back(turn);
  }
  const auto cache = policy_named(policy).make({w, capacity, TouchOrder::head_to_tail});
  std::string hits;
  for (const Turn& turn : w.turns) {
    hits += cache->holds(w.blocks(turn)[0]) ? '+' : '-';
    cache->touch(w.blocks(turn), turn.first_block);
  }
  return hits;
}

}  // namespace

TEST_CASE("lfu and sieve hit where their twins hit") {
  CHECK(rc::check([] {
    const auto word = *rc::gen::container<std::vector<int>>(*rc::gen::inRange(0, 200), rc::gen::inRange(0, 12));
    const int capacity = *rc::gen::inRange(1, 9);
    const auto size = static_cast<std::size_t>(capacity);
    RC_ASSERT(policy_hits("lfu", word, capacity) == lfu_twin(word, size));
    RC_ASSERT(policy_hits("sieve", word, capacity) == sieve_twin(word, size));
  }));
}

TEST_CASE("lfu and sieve are not the same policy") {
  const std::vector<int> word = {0, 0, 0, 1, 1, 2, 3, 1, 4, 0, 5, 1, 0};
  CHECK(lfu_twin(word, 2) != sieve_twin(word, 2));
}
