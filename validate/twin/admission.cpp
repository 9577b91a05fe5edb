// How a request gets in: what the tiers hold of its prompt, the room that the rest takes, and what it takes hold of.
#include <algorithm>

#include "validate/twin/replica.hpp"

namespace kvplan::twin {

std::size_t Replica::g1_hits(const Blocks& prompt) const {
  std::size_t n = 0;
  while (n < prompt.size() && g1_.has(prompt[n])) ++n;
  return n;
}

// Each block from the first tier that has it ready, up to the first that none has.
std::vector<std::size_t> Replica::hits_below(const Blocks& prompt, std::size_t from) const {
  std::vector<std::size_t> hits;
  for (std::size_t i = from; i < prompt.size(); ++i) {
    std::size_t tier = 0;
    while (tier < tiers_.size() && !tiers_[tier]->ready(prompt[i])) ++tier;
    if (tier == tiers_.size()) break;
    hits.push_back(tier);
  }
  return hits;
}

Replica::Plan Replica::plan(const Request& q, Time at) const {
  const std::int64_t page = run_.config.engine.page_tokens;
  Plan p;
  if (q.phase == Request::Phase::loaded) {
    p.g1 = q.referenced;
    p.cached_tokens = q.computed;
    p.present_pages = q.pages;
  } else {
    p.g1 = g1_hits(q.prompt);
    p.below = hits_below(q.prompt, p.g1);
    const auto cached = [&] {
      std::int64_t hit = 0;
      for (std::size_t i = 0; i < p.g1 + p.below.size(); ++i) hit += run_.load.tokens_of_block[q.prompt[i]];
      return std::min(hit, (q.target - 1) / page * page);  // the last page is computed again
    };
    p.cached_tokens = cached();
    if (computes_again(q, p, at)) p.below.clear();
    p.cached_tokens = cached();
    p.present_pages = pages_of_blocks(q, p.g1);
    for (std::size_t i = 0; i < p.g1; ++i)
      p.kept_pages += g1_.references(q.prompt[i]) == 0 ? g1_.pages(q.prompt[i]) : 0;
  }
  p.load_pages = pages_of_blocks(q, p.g1 + p.below.size()) - pages_of_blocks(q, p.g1);
  p.waits = !p.below.empty() && run_.config.offload.load == LoadPolicy::blocking;
  p.need_pages = p.load_pages;
  if (!p.waits) {
    p.chunk = std::min(q.target - p.cached_tokens, budget_);
    p.need_pages = std::max(p.need_pages, pages_of(p.cached_tokens + p.chunk) - p.present_pages);
  }
  return p;
}

bool Replica::try_admit(Request& q, Time at) {
  Plan p = plan(q, at);
  while (p.need_pages > obtainable() - (writes_back() ? 0 : p.kept_pages)) {
    if (!writes_back() || !make_clean(p.need_pages, at)) return false;
    p = plan(q, at);
  }
  if (q.phase == Request::Phase::waiting) take_hits(q, p, at);
  if (p.load_pages > 0) {
    g1_.allocate(p.load_pages);
    q.pages += p.load_pages;
    q.load_in_step = !p.waits;
    q.coming = p.below.size();
    load(q, p, at);
  }
  if (p.waits) {
    q.phase = Request::Phase::loading;
    enter(q, Request::Part::load, at);
    ++loading_;
    return true;
  }
  q.phase = Request::Phase::prefilling;
  enter(q, Request::Part::prefill, at);
  running_.push_back(&q);
  begin_chunk(q, p.chunk);
  return true;
}

void Replica::take_hits(Request& q, const Plan& p, Time at) {
  g1_.announce({at, false});
  for (Tier* tier : tiers_) tier->announce({at, false});
  for (std::size_t i = 0; i < p.g1; ++i) g1_.take(q.prompt[i]);
  q.referenced = p.g1;
  q.cached = p.g1 + p.below.size();
  q.pages = p.present_pages;
  q.computed = p.cached_tokens;
  for (std::size_t i = q.prompt.size(); i-- > 0;) {
    for (Tier* tier : tiers_) tier->touch(q.prompt[i]);
    if (!tiers_.empty()) ++tiers_[0]->lookups[q.prompt[i]];
  }
  RequestRecord& r = *q.record;
  if (r.computed_tokens > 0) return;
  r.hit_g1_tokens = r.hit_g2_tokens = r.hit_beyond_tokens[0] = r.hit_beyond_tokens[1] = 0;
  std::int64_t counted = 0;
  for (std::size_t i = 0; i < q.cached; ++i) {
    const std::int64_t tokens =
        std::min<std::int64_t>(run_.load.tokens_of_block[q.prompt[i]], p.cached_tokens - counted);
    counted += tokens;
    const std::size_t tier = i < p.g1 ? 0 : p.below[i - p.g1] + 1;
    auto& count = tier == 0   ? r.hit_g1_tokens
                  : tier == 1 ? r.hit_g2_tokens
                              : r.hit_beyond_tokens[static_cast<int>(run_.config.offload.beyond[tier - 2].kind)];
    count += static_cast<std::int32_t>(tokens);
  }
}

}  // namespace kvplan::twin
