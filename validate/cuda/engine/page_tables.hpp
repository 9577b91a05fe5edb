// Which physical page of G1 holds which tokens of which sequence, beside the
// simulator's books, which only count pages.
//
// Invariants
// - A page is free, belongs to a block (by its place), or to one live sequence.
// - The leading blocks of a sequence's prompt that its computed tokens cover are
//   the blocks' pages, shared by whoever has the same prefix; what lies behind
//   them is the sequence's own.
// - A block that the books have evicted keeps its pages until pages run out.
//   Its content is still right; whoever comes to compute it again writes there.
// - A block that a load writes, or that is computed beside a load of its sequence,
//   is held from there on until the books have it, whatever they say meanwhile.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "sim/executor.hpp"
#include "sim/paged_cache.hpp"

namespace kvplan::gpu {

class PageTables {
 public:
  // Pages 0 .. pages - 1 of the pool; blocks are a whole number of pages.
  PageTables(const Workload& load, std::int32_t pages, std::int32_t page_tokens);
  void begin(const PagedCache& books) { books_ = &books; }

  // Makes sure that the sequence has pages for all tokens of its part of a step, and returns them, in order of its
  // tokens. Throws std::logic_error where tokens that should be there have no page.
  const std::vector<std::int32_t>& advance(const StepPart& part);
  // Pages of a block that a load of the sequence is about to write.
  std::vector<std::int32_t> arriving(std::uint32_t sequence, std::uint32_t place);
  // What the sequence's loads have brought is in the books.
  void loaded(std::uint32_t sequence) { release(sequences_[sequence]); }
  // Pages of a block that is in the books.
  std::vector<std::int32_t> pages_of(std::uint32_t place) const;

  void keep_outputs(std::uint32_t sequence, TurnId turn, std::int64_t kept);
  void leave(std::uint32_t sequence);

 private:
  struct Sequence {
    std::vector<std::int32_t> pages;  // by page of its tokens
    std::int64_t shared = 0;          // leading blocks whose pages are the blocks'
    std::size_t shared_pages = 0;
    std::vector<std::uint32_t> held;  // places
  };

  std::uint32_t place_of(std::span<const PrefixRun> runs, std::int64_t block) const;
  void hold(Sequence& s, std::uint32_t place);
  void release(Sequence& s);
  std::int32_t take();
  void collect();
  void give_to_block(Sequence& s, std::uint32_t place, std::int64_t first, std::int64_t count);

  const Workload& load_;
  const PrefixChains& chains_;
  const PagedCache* books_ = nullptr;
  std::int32_t page_tokens_, block_pages_;
  std::vector<std::int32_t> block_page_;  // [place][block_pages]
  std::vector<std::uint16_t> holders_;    // by place: sequences that hold it
  std::vector<std::int32_t> free_;
  std::unordered_map<std::uint32_t, Sequence> sequences_;
};

// Calls visit(place) for each block of the ranges.
template <class Visit>
void for_each_place(const PrefixChains& chains, const Ranges& ranges, Visit visit) {
  for (const BlockRange& r : ranges) {
    for (std::uint32_t i = r.first; i < r.last; ++i) visit(chains[r.chain].first_place + i);
  }
}

}  // namespace kvplan::gpu
