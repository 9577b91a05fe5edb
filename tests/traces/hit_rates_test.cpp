// Goal: each policy does what its paper says, and none beats the bound.
#include "traces/hit_rates.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "base/error.hpp"
#include "tests/catch.hpp"
#include "tests/traces/data.hpp"
#include "tests/traces/random_workload.hpp"
#include "traces/load.hpp"
#include "traces/policies/policy.hpp"

using namespace kvplan;

namespace {

constexpr std::int64_t kEndless = std::numeric_limits<std::int64_t>::max();

std::vector<std::int64_t> all_capacities(const Workload& w) {
  std::vector<std::int64_t> capacities(w.block_count() + std::size_t{2});
  std::iota(capacities.begin(), capacities.end(), std::int64_t{0});
  return capacities;
}

// Prompts of one block each, so that a trace is a word: one letter a request.
Workload letters(const std::string& word) {
  Workload w;
  w.block_tokens = 1;
  std::vector<BlockId> ids(128, kNone);
  for (const char c : word) {
    BlockId& id = ids[static_cast<std::size_t>(c)];
    if (id == kNone) {
      id = w.block_count();
      w.parent_of_block.push_back(kNone);
      w.tokens_of_block.push_back(1);
    }
    Turn turn;
    turn.prompt_tokens = 1;
    turn.block_count = 1;
    turn.first_block = static_cast<std::uint32_t>(w.prompt_blocks.size());
    w.prompt_blocks.push_back(id);
    w.turns.push_back(turn);
  }
  return w;
}

// Which requests hit, as a word of '+' and '-'.
std::string hits(const std::string& policy, const std::string& word, std::int64_t capacity) {
  const Workload w = letters(word);
  const auto cache = policy_named(policy).make({w, capacity, TouchOrder::head_to_tail});
  std::string out;
  for (const Turn& turn : w.turns) {
    out += cache->holds(w.blocks(turn)[0]) ? '+' : '-';
    cache->touch(w.blocks(turn), turn.first_block);
  }
  return out;
}

}  // namespace

TEST_CASE("simulated LRU equals the one-pass curve at every capacity") {
  CHECK(rc::check([] {
    const Workload w = test::random_workload();
    for (const TouchOrder order : {TouchOrder::head_to_tail, TouchOrder::tail_to_head}) {
      const auto capacities = all_capacities(w);
      const auto simulated = simulated_hit_rates(w, "lru", capacities, order, 1);
      const auto exact = hit_rates(w, "lru", capacities, order, 1);
      for (std::size_t c = 0; c < capacities.size(); ++c) {
        RC_ASSERT(simulated[c].tokens == exact[c].tokens);
        RC_ASSERT(simulated[c].blocks == exact[c].blocks);
      }
    }
  }));
}

TEST_CASE("no policy has more block hits than the bound, and at infinity all are equal") {
  CHECK(rc::check([] {
    const Workload w = test::random_workload();
    const auto capacities = all_capacities(w);
    const auto bound = simulated_hit_rates(w, "belady", capacities, TouchOrder::head_to_tail, 1);
    for (const PolicyEntry& policy : policy_table()) {
      for (const TouchOrder order : {TouchOrder::head_to_tail, TouchOrder::tail_to_head}) {
        const auto rates = simulated_hit_rates(w, policy.name, capacities, order, 1);
        for (std::size_t c = 0; c < capacities.size(); ++c) RC_ASSERT(rates[c].blocks <= bound[c].blocks);
        RC_ASSERT(rates.back().tokens == bound.back().tokens);
        RC_ASSERT(rates.back().blocks == bound.back().blocks);
      }
    }
  }));
}

TEST_CASE("the bound grows with capacity") {
  CHECK(rc::check([] {
    const Workload w = test::random_workload();
    const auto rates = simulated_hit_rates(w, "belady", all_capacities(w), TouchOrder::head_to_tail, 1);
    for (std::size_t c = 1; c < rates.size(); ++c) RC_ASSERT(rates[c - 1].blocks <= rates[c].blocks);
  }));
}

TEST_CASE("no policy ever holds more than its capacity") {
  CHECK(rc::check([] {
    const Workload w = test::random_workload();
    const std::int64_t capacity = *rc::gen::inRange(1, 12);
    for (const PolicyEntry& policy : policy_table()) {
      const auto cache = policy.make({w, capacity, TouchOrder::head_to_tail});
      for (const Turn& turn : w.turns) {
        cache->touch(w.blocks(turn), turn.first_block);
        std::int64_t held = 0;
        for (BlockId b = 0; b < w.block_count(); ++b) held += cache->holds(b);
        RC_ASSERT(held <= capacity);
      }
    }
  }));
}

TEST_CASE("each policy evicts what it should") {
  SECTION("lru loses a loop one longer than the cache; the bound does not") {
    CHECK(hits("lru", "abcabcabc", 2) == "---------");
    CHECK(hits("belady", "abcabcabc", 2) == "---++-++-");
  }
  SECTION("lfu keeps what was touched most") {
    CHECK(hits("lfu", "aabcbca", 2) == "-+----+");
    CHECK(hits("lru", "aabcbca", 2) == "-+--++-");
  }
  SECTION("arc survives a scan that flushes lru") {
    CHECK(hits("arc", "ababwxyzab", 4) == "--++----++");
    CHECK(hits("lru", "ababwxyzab", 4) == "--++------");
  }
  SECTION("sieve passes over what is marked, once") {
    CHECK(hits("sieve", "aabcdab", 3) == "-+---+-");
    CHECK(hits("lru", "aabcdab", 3) == "-+-----");
  }
  SECTION("s3-fifo lets one-hit wonders go first and remembers them") {
    // Capacity 10: the small queue has room for one, so the scan passes through it; a and b were touched twice.
    CHECK(hits("s3-fifo", "aaabbbcdefghijklmab", 10) == "-++-++-----------++");
    CHECK(hits("lru", "aaabbbcdefghijklmab", 10) == "-++-++-------------");
  }
}

TEST_CASE("unknown policies are refused") { CHECK_THROWS_AS(policy_named("s3fifo"), UsageError); }

TEST_CASE("threads change nothing") {
  const Workload w = load_workload(KVPLAN_SOURCE_DIR "/examples/conversation-lookalike.jsonl.gz");
  const std::vector<std::int64_t> capacities = {100, 500, 1000, 4000, kEndless};
  for (const PolicyEntry& policy : policy_table()) {
    const auto one = simulated_hit_rates(w, policy.name, capacities, TouchOrder::tail_to_head, 1);
    const auto four = simulated_hit_rates(w, policy.name, capacities, TouchOrder::tail_to_head, 4);
    for (std::size_t c = 0; c < capacities.size(); ++c) CHECK(one[c].tokens == four[c].tokens);
  }
}

TEST_CASE("conversation trace: hit rates by policy, none above the bound") {
  const std::string path = test::real_trace("mooncake_fast25_conversation_trace.jsonl.gz");
  if (path.empty()) return;
  const Workload w = load_workload(path);
  const std::vector<std::int64_t> capacities = {195, 1953, 9766, 19531, kEndless};
  const auto bound = hit_rates(w, "belady", capacities, TouchOrder::head_to_tail, 2);
  CHECK(bound.back().tokens == Approx(0.3736).margin(0.00005));
  for (const PolicyEntry& policy : policy_table()) {
    const auto rates = simulated_hit_rates(w, policy.name, capacities, TouchOrder::head_to_tail, 2);
    for (std::size_t c = 0; c < capacities.size(); ++c) CHECK(rates[c].blocks <= bound[c].blocks);
    CHECK(rates.back().blocks == bound.back().blocks);
  }
}
