// Pieces of chains against the plain account of the same rules, block by block:
// a map of blocks and a list from the least to the most recently used.
#include "sim/residency.hpp"

#include <algorithm>
#include <list>
#include <map>

#include <rapidcheck.h>

#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

using BlockName = std::pair<std::uint32_t, std::uint32_t>;  // chain, position

class PlainBlocks {
 public:
  PlainBlocks(const PrefixChains& chains) : chains_(chains) {}

  bool present(BlockName b) const { return references_.count(b) > 0; }
  int references(BlockName b) const { return references_.at(b); }
  void insert(BlockName b) { references_[b] = 1; }
  void reference(BlockName b) {
    if (references_.at(b)++ == 0) list_.remove(b);
  }
  void release(BlockName b) {
    if (--references_.at(b) == 0) list_.push_back(b);
  }
  void touch(BlockName b) {
    if (!present(b) || references(b) > 0) return;
    list_.remove(b);
    list_.push_back(b);
  }
  void forget(BlockName b) { references_.erase(b); }
  void evict(std::int64_t pages) {
    for (std::int64_t gone = 0; gone < pages; ++evicted) {
      gone += weight(list_.front());
      references_.erase(list_.front());
      list_.pop_front();
    }
  }
  std::int64_t weight(BlockName b) const { return ceil_div(chains_.tokens({b.first, b.second, b.second + 1}), 4); }
  std::int64_t evictable() const {
    std::int64_t sum = 0;
    for (const BlockName& b : list_) sum += weight(b);
    return sum;
  }

  std::int64_t evicted = 0;

 private:
  const PrefixChains& chains_;
  std::map<BlockName, int> references_;
  std::list<BlockName> list_;
};

int pick(int low, int high) { return *rc::gen::inRange(low, high + 1); }

Workload some_load() {
  Load load(16);
  for (int i = pick(1, 6); i > 0; --i) {
    std::string prompt;
    for (int n = pick(1, 7); n > 0; --n) prompt += static_cast<char>('a' + pick(0, 1));
    load.turn(Time(0), prompt, pick(0, 15), 1);
  }
  return load.build();
}

// A part of a chain in which `wanted` holds for all blocks, or an empty one.
template <class Wanted>
BlockRange some_range(const PrefixChains& chains, Wanted wanted) {
  const auto chain = static_cast<std::uint32_t>(pick(0, static_cast<int>(chains.chain_count()) - 1));
  const auto blocks = static_cast<int>(chains[chain].blocks);
  BlockRange r{chain, static_cast<std::uint32_t>(pick(0, blocks - 1)), 0};
  r.last = r.first;
  const int most = pick(1, blocks);
  while (r.last < chains[chain].blocks && r.blocks() < most && wanted(BlockName{chain, r.last})) ++r.last;
  return r;
}

template <class Act>
void each(const BlockRange& r, Act act) {
  for (std::uint32_t i = r.first; i < r.last; ++i) act(BlockName{r.chain, i});
}
template <class Act>
void each_from_the_last(const BlockRange& r, Act act) {
  for (std::uint32_t i = r.last; i-- > r.first;) act(BlockName{r.chain, i});
}

void do_something(Residency& pieces, PlainBlocks& plain, const PrefixChains& chains) {
  const auto present = [&](BlockName b) { return plain.present(b); };
  const auto held = [&](BlockName b) { return plain.present(b) && plain.references(b) > 0; };
  const auto alone = [&](BlockName b) { return plain.present(b) && plain.references(b) == 1; };
  BlockRange r;
  switch (pick(0, 6)) {
    case 0:
    case 1:
      r = some_range(chains, [&](BlockName b) { return !plain.present(b); });
      if (r.blocks() == 0) return;
      pieces.insert(r, true);
      return each(r, [&](BlockName b) { plain.insert(b); });
    case 2:
      r = some_range(chains, present);
      if (r.blocks() == 0) return;
      pieces.reference(r);
      return each(r, [&](BlockName b) { plain.reference(b); });
    case 3:
      r = some_range(chains, held);
      if (r.blocks() == 0) return;
      pieces.release(r);
      return each_from_the_last(r, [&](BlockName b) { plain.release(b); });
    case 4:
      r = some_range(chains, [](BlockName) { return true; });
      pieces.touch(r);
      return each_from_the_last(r, [&](BlockName b) { plain.touch(b); });
    case 5:
      r = some_range(chains, alone);
      if (r.blocks() == 0) return;
      r = r.until(r.first + 1);
      pieces.forget(r);
      return each(r, [&](BlockName b) { plain.forget(b); });
    default:
      if (plain.evictable() == 0) return;
      const int pages = pick(1, static_cast<int>(plain.evictable()));
      pieces.evict(pages);
      plain.evict(pages);
  }
}

}  // namespace

TEST_CASE("pieces of chains keep the account that single blocks would") {
  CHECK(rc::check("same blocks, references and order of eviction", [] {
    const Workload load = some_load();
    const PrefixChains chains(load);
    Residency pieces(chains, 4, 4);
    PlainBlocks plain(chains);
    for (int step = 0; step < 60; ++step) {
      do_something(pieces, plain, chains);
      std::int64_t weight = 0;
      for (std::uint32_t c = 0; c < chains.chain_count(); ++c) {
        for (std::uint32_t i = 0; i < chains[c].blocks; ++i) {
          const Residency::Stretch stretch = pieces.stretch({c, i, i + 1});
          RC_ASSERT(stretch.present == plain.present({c, i}));
          if (!stretch.present) continue;
          RC_ASSERT(static_cast<int>(stretch.references) == plain.references({c, i}));
          weight += plain.weight({c, i});
        }
      }
      RC_ASSERT(pieces.audit() == weight);
      RC_ASSERT(pieces.evictable_weight() == plain.evictable());
      RC_ASSERT(pieces.evicted_blocks() == plain.evicted);
    }
  }));
}

TEST_CASE("a conversation that only grows is one chain") {
  Load load(16);
  const TurnId first = load.turn(Time(0), "ab", 3, 40);
  const TurnId second = load.turn(Time(1), "abcdef", 0, 40, first);
  load.turn(Time(2), "abcdefgh", 5, 1, second);
  load.turn(Time(3), "abx", 0, 1);
  const PrefixChains chains(load.build());
  CHECK(chains.prompt(2).size() == 1);
  CHECK(chains.prompt(2)[0].range.blocks() == 9);
  CHECK(chains.output(0).size() == 1);
  CHECK(chains.output(0)[0].range.first == 2);
  CHECK(chains.tokens(chains.prompt(2)[0].range) == 8 * 16 + 5);
  CHECK(chains.prompt(0).size() == 2);  // its partial block is a leaf beside the chain
  CHECK(chains.prompt(3).size() == 2);
  CHECK(chains.prompt(3)[1].begin == 2);
}
