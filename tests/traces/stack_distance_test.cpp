// Goal: the one-pass curve equals a cache that is simulated for each capacity.
// Method: a naive twin keeps one list of blocks in order of use; random small
// traces are chosen so that blocks collide often and caches overflow.
#include "traces/stack_distance.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <list>

#include "tests/catch.hpp"
#include "tests/traces/random_workload.hpp"

using namespace kvplan;

namespace {

struct Hits {
  std::int64_t tokens = 0, blocks = 0;
};

Hits naive_lru(const Workload& w, std::size_t capacity, TouchOrder order) {
  std::list<BlockId> cache;  // most recent first
  Hits hits;
  for (const Turn& turn : w.turns) {
    const auto blocks = w.blocks(turn);
    for (const BlockId b : blocks) {
      if (std::find(cache.begin(), cache.end(), b) == cache.end()) break;
      hits.tokens += w.tokens_of_block[b];
      ++hits.blocks;
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const BlockId b = order == TouchOrder::head_to_tail ? blocks[i] : blocks[blocks.size() - 1 - i];
      cache.remove(b);
      cache.push_front(b);
      if (cache.size() > capacity) cache.pop_back();
    }
  }
  return hits;
}

}  // namespace

TEST_CASE("the curve equals a simulated LRU at every capacity") {
  CHECK(rc::check([] {
    const Workload w = test::random_workload();
    for (const TouchOrder order : {TouchOrder::head_to_tail, TouchOrder::tail_to_head}) {
      const HitCurve curve = lru_hit_curve(w, order);
      for (std::size_t capacity = 0; capacity <= w.block_count(); ++capacity) {
        const Hits hits = naive_lru(w, capacity, order);
        RC_ASSERT(curve.hit_tokens[capacity] == hits.tokens);
        RC_ASSERT(curve.hit_blocks[capacity] == hits.blocks);
      }
      RC_ASSERT(curve.hit_tokens.size() == w.block_count() + 1);
    }
  }));
}

TEST_CASE("the order of touches decides what a small cache keeps") {
  // One chain of three blocks, asked for twice: head to tail, two blocks of room keep
  // the tail, which is useless without its head; tail to head they keep the head.
  Workload w;
  w.block_tokens = 16;
  w.parent_of_block = {kNone, 0, 1};
  w.tokens_of_block = {16, 16, 16};
  w.prompt_blocks = {0, 1, 2, 0, 1, 2};
  for (const std::uint32_t first : {0u, 3u}) {
    Turn turn;
    turn.prompt_tokens = 48;
    turn.first_block = first;
    turn.block_count = 3;
    w.turns.push_back(turn);
  }
  CHECK(lru_hit_curve(w, TouchOrder::head_to_tail).hit_tokens == std::vector<std::int64_t>{0, 0, 0, 48});
  CHECK(lru_hit_curve(w, TouchOrder::tail_to_head).hit_tokens == std::vector<std::int64_t>{0, 16, 32, 48});
  CHECK(lru_hit_curve(w).token_hit_rate(1'000'000) == Approx(0.5));
  CHECK(lru_hit_curve(w, TouchOrder::tail_to_head).block_hit_rate(1) == Approx(1 / 6.0));
}

TEST_CASE("a workload without turns has no hits") { CHECK(lru_hit_curve(Workload{}).token_hit_rate(10) == 0); }
