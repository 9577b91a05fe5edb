#include "validate/cuda/engine/page_tables.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace kvplan::gpu {
namespace {

constexpr std::int32_t kNoPage = -1;

std::size_t index(std::int64_t n) { return static_cast<std::size_t>(n); }

}  // namespace

PageTables::PageTables(const Workload& load, std::int32_t pages, std::int32_t page_tokens)
    : load_(load),
      chains_(load.chains),
      page_tokens_(page_tokens),
      block_pages_(load.block_tokens / page_tokens),
      block_page_(index(std::int64_t{chains_.block_count()} * block_pages_), kNoPage),
      holders_(chains_.block_count(), 0) {
  for (std::int32_t p = pages; p-- > 0;) free_.push_back(p);
}

std::uint32_t PageTables::place_of(std::span<const PrefixRun> runs, std::int64_t block) const {
  std::uint32_t place = 0;
  for_each_range(runs, block, block + 1, [&](const BlockRange& r) {
    place = chains_[r.chain].first_place + r.first;
    return false;
  });
  return place;
}

std::int32_t PageTables::take() {
  if (free_.empty()) collect();
  if (free_.empty()) throw std::logic_error("G1 holds more than it has pages for");
  const std::int32_t page = free_.back();
  free_.pop_back();
  return page;
}

void PageTables::collect() {
  for (std::uint32_t c = 0; c < chains_.chain_count(); ++c) {
    const Chain& chain = chains_[c];
    for (BlockRange rest{c, 0, chain.blocks}; rest.first < rest.last;) {
      const Residency::Stretch stretch = books_->stretch(rest);
      for (std::uint32_t i = rest.first; i < stretch.end && !stretch.present; ++i) {
        if (holders_[chain.first_place + i] > 0) continue;
        for (std::int32_t j = 0; j < block_pages_; ++j) {
          std::int32_t& page = block_page_[index((std::int64_t{chain.first_place} + i) * block_pages_ + j)];
          if (page != kNoPage) free_.push_back(page);
          page = kNoPage;
        }
      }
      rest = rest.from(stretch.end);
    }
  }
}

// Pages [first, first + count) of the sequence become the block's, or give way to those that the block has.
void PageTables::give_to_block(Sequence& s, std::uint32_t place, std::int64_t first, std::int64_t count) {
  s.shared_pages = index(first + count);
  for (std::int64_t j = 0; j < count; ++j) {
    std::int32_t& of_block = block_page_[index(std::int64_t{place} * block_pages_ + j)];
    if (index(first + j) == s.pages.size()) s.pages.push_back(of_block == kNoPage ? take() : of_block);
    std::int32_t& own = s.pages[index(first + j)];
    if (of_block == kNoPage) {
      of_block = own;
    } else if (own != of_block) {
      free_.push_back(own);
      own = of_block;
    }
  }
}

const std::vector<std::int32_t>& PageTables::advance(const StepPart& part) {
  const Turn& turn = load_.turns[part.turn];
  const auto prompt = chains_.prompt(part.turn);
  const std::int64_t tokens = std::int64_t{part.computed_tokens} + part.new_tokens;
  const std::int64_t covered = tokens >= turn.prompt_tokens ? turn.block_count : tokens / load_.block_tokens;
  Sequence& s = sequences_[part.sequence];
  for (; s.shared < covered; ++s.shared) {
    const std::uint32_t place = place_of(prompt, s.shared);
    const std::int64_t end = std::min<std::int64_t>((s.shared + 1) * load_.block_tokens, turn.prompt_tokens);
    const std::int64_t first = s.shared * block_pages_, count = ceil_div(end, page_tokens_) - first;
    const bool fresh = index(first) >= s.pages.size();
    if (fresh && end <= part.computed_tokens && block_page_[index(std::int64_t{place} * block_pages_)] == kNoPage) {
      throw std::logic_error("block " + std::to_string(s.shared) + " of turn " + std::to_string(part.turn) +
                             " should be in G1 and is not");
    }
    if (part.loads > 0) hold(s, place);
    give_to_block(s, place, first, count);
  }
  while (static_cast<std::int64_t>(s.pages.size()) * page_tokens_ < tokens) s.pages.push_back(take());
  return s.pages;
}

void PageTables::hold(Sequence& s, std::uint32_t place) {
  ++holders_[place];
  s.held.push_back(place);
}

void PageTables::release(Sequence& s) {
  for (const std::uint32_t place : s.held) --holders_[place];
  s.held.clear();
}

std::vector<std::int32_t> PageTables::arriving(std::uint32_t sequence, std::uint32_t place) {
  hold(sequences_[sequence], place);
  for (std::int32_t j = 0; j < block_pages_; ++j) {
    std::int32_t& page = block_page_[index(std::int64_t{place} * block_pages_ + j)];
    if (page == kNoPage) page = take();
  }
  return pages_of(place);
}

std::vector<std::int32_t> PageTables::pages_of(std::uint32_t place) const {
  const auto first = block_page_.begin() + std::int64_t{place} * block_pages_;
  std::vector<std::int32_t> pages(first, first + block_pages_);
  if (pages.front() == kNoPage) throw std::logic_error("a block that is to be moved is not in G1");
  return pages;
}

void PageTables::keep_outputs(std::uint32_t sequence, TurnId turn_id, std::int64_t kept) {
  const Turn& turn = load_.turns[turn_id];
  Sequence& s = sequences_.at(sequence);
  const std::int64_t full = turn.prompt_tokens / load_.block_tokens;
  if (kept == 0) return;
  if (s.shared > full) {  // the prompt's partial last block, whose pages are the sequence's own again
    const std::uint32_t tail = place_of(chains_.prompt(turn_id), full);
    for (std::int32_t j = 0; j < block_pages_; ++j) block_page_[index(std::int64_t{tail} * block_pages_ + j)] = kNoPage;
    s.shared = full;
  }
  for (std::int64_t i = 0; i < kept; ++i, ++s.shared) {
    give_to_block(s, place_of(chains_.output(turn_id), i), s.shared * block_pages_, block_pages_);
  }
}

void PageTables::leave(std::uint32_t sequence) {
  const auto at = sequences_.find(sequence);
  if (at == sequences_.end()) return;
  Sequence& s = at->second;
  release(s);
  free_.insert(free_.end(), s.pages.begin() + static_cast<std::ptrdiff_t>(s.shared_pages), s.pages.end());
  sequences_.erase(at);
}

}  // namespace kvplan::gpu
