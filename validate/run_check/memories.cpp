// Rules: books, capacity, pinned, content, hits, pages.
#include <fmt/format.h>

#include <algorithm>

#include "validate/run_check/checker.hpp"

namespace kvplan::run_check {

void Checker::insert(const Entry& e) {
  Memory& m = memories_.at(static_cast<std::size_t>(e.memory));
  const MemoryLimit& limit = header_.memories[static_cast<std::size_t>(e.memory)];
  for (std::int64_t p = e.first; p < e.last; ++p) {
    expect("books", m.held.emplace(p, Memory::Held{1, e.ready == 1, 0}).second,
           fmt::format("block {} comes to memory {}, which has it", p, e.memory));
    m.block_weight += weight(e.memory, p);
    if (limit.tier == 0) {
      m.private_pages -= weight(e.memory, p);  // its pages were private until now
      replicas_[static_cast<std::size_t>(limit.first_replica)].unexplained.push_back(p);
    }
  }
  check_capacity(e);
}

void Checker::ready(const Entry& e) {
  Memory& m = memories_.at(static_cast<std::size_t>(e.memory));
  for (std::int64_t p = e.first; p < e.last; ++p) {
    const auto held = m.held.find(p);
    if (!expect("books", held != m.held.end() && !held->second.ready,
                fmt::format("block {} becomes ready in memory {}, where it is not awaited", p, e.memory))) {
      continue;
    }
    held->second.ready = true;
    expect("content", m.brought[p]-- > 0,
           fmt::format("block {} is ready in memory {}, and no transfer has brought it", p, e.memory));
  }
}

void Checker::reference(const Entry& e) {
  Memory& m = memories_.at(static_cast<std::size_t>(e.memory));
  for (std::int64_t p = e.first; p < e.last; ++p) {
    const auto held = m.held.find(p);
    if (expect("books", held != m.held.end(), fmt::format("memory {} has no block {} to reference", e.memory, p))) {
      ++held->second.references;
    }
  }
}

void Checker::unreference(const Entry& e) {
  Memory& m = memories_.at(static_cast<std::size_t>(e.memory));
  for (std::int64_t p = e.first; p < e.last; ++p) {
    const auto held = m.held.find(p);
    if (expect("books", held != m.held.end() && held->second.references > 0,
               fmt::format("block {} of memory {} has no reference to give back", p, e.memory))) {
      --held->second.references;
    }
  }
}

void Checker::evict(const Entry& e) {
  Memory& m = memories_.at(static_cast<std::size_t>(e.memory));
  for (std::int64_t p = e.first; p < e.last; ++p) {
    const auto held = m.held.find(p);
    if (!expect("books", held != m.held.end(), fmt::format("memory {} has no block {} to evict", e.memory, p)))
      continue;
    expect("pinned", held->second.references == 0 && held->second.readers == 0,
           fmt::format("memory {} evicts block {} with {} references and {} readers", e.memory, p,
                       held->second.references, held->second.readers));
    expect("content", held->second.ready, fmt::format("memory {} evicts block {}, whose content has not come", e.memory, p));
    m.block_weight -= weight(e.memory, p);
    m.held.erase(held);
  }
}

void Checker::forget(const Entry& e) {
  Memory& m = memories_.at(static_cast<std::size_t>(e.memory));
  for (std::int64_t p = e.first; p < e.last; ++p) {
    const auto held = m.held.find(p);
    if (!expect("books", held != m.held.end() && held->second.references == 1 && held->second.readers == 0,
                fmt::format("block {} of memory {} is forgotten while others use it", p, e.memory))) {
      continue;
    }
    m.block_weight -= weight(e.memory, p);
    if (header_.memories[static_cast<std::size_t>(e.memory)].tier == 0) m.private_pages += weight(e.memory, p);
    m.held.erase(held);
  }
}

void Checker::pages(const Entry& e) {
  memories_.at(static_cast<std::size_t>(e.memory)).private_pages += e.count;
  check_capacity(e);
}

void Checker::check_capacity(const Entry& e) {
  const Memory& m = memories_.at(static_cast<std::size_t>(e.memory));
  const MemoryLimit& limit = header_.memories[static_cast<std::size_t>(e.memory)];
  expect("capacity", m.private_pages >= 0 && m.block_weight + m.private_pages <= limit.capacity,
         fmt::format("memory {} of {} holds {} in blocks and {} private", e.memory, limit.capacity, m.block_weight,
                     m.private_pages));
}

// Blocks told as hits ahead of an admission.
void Checker::hit(const Entry& e) {
  auto& hits = request(e).hits;
  for (std::int64_t p = e.first; p < e.last; ++p) {
    // Behind a block that G1 lacks, or that is computed while others load, what G1 has is no hit.
    const Places& prompt = asked(e.turn).prompt;
    const bool skips = hits.size() < prompt.size() && prompt[hits.size()] != p;
    const bool behind_gap = skips || (!hits.empty() && hits.back().first > 0);
    for (std::int64_t tier = behind_gap ? 1 : 0; tier <= e.tier; ++tier) {
      const Memory& m = memories_[static_cast<std::size_t>(memory_of(tier, e.replica))];
      const auto held = m.held.find(p);
      const bool there = held != m.held.end() && held->second.ready;
      expect("hits", there == (tier == e.tier),
             fmt::format("request {}: block {} is told as a hit in tier {}, and tier {} {}", e.turn, p, e.tier, tier,
                         there ? "has it, too" : "has not got it"));
    }
    hits.emplace_back(e.tier, p);
  }
}

// When all has ended, nobody holds on to anything, and all that is there can be used.
void Checker::check_left() {
  for (std::size_t m = 0; m < memories_.size(); ++m) {
    for (const auto& [place, block] : memories_[m].held) {
      expect("books", block.references == 0 && block.ready,
             fmt::format("at the end block {} of memory {} has {} references and is {}", place, m, block.references,
                         block.ready ? "ready" : "not ready"));
    }
    expect("books", memories_[m].private_pages == 0,
           fmt::format("at the end {} private pages of memory {} are taken", memories_[m].private_pages, m));
  }
}

// The tokens whose KV a running request has, or gets in this step, have pages: those of blocks in G1, each counted
// once whoever shares it, and private ones.
void Checker::check_pages(std::int64_t r) {
  const Memory& g1 = memories_[static_cast<std::size_t>(memory_of(0, r))];
  const Replica& replica = replicas_[static_cast<std::size_t>(r)];
  std::int64_t needed = 0;
  for (std::int64_t turn : replica.reserved) {
    const std::int64_t held = requests_[static_cast<std::size_t>(turn)].handover.held_tokens;
    needed += pages_of(asked(turn).prompt_tokens) - pages_of(held);
  }
  check_kept(r);
  for (std::int64_t turn : replica.running) {
    const Request& q = requests_[static_cast<std::size_t>(turn)];
    const bool decodes = q.stage == Request::Stage::decoding;
    if (decodes && replica.decodes == 0) continue;  // it has what it had
    const Speculation& s = header_.speculation;
    const std::int64_t have = decodes ? (context_parts(turn) + s.step_parts) / s.token_parts - 1 : q.computed + q.chunk;
    std::int64_t begin = 0;
    for (std::int64_t p : asked(turn).prompt) {
      if (begin >= have) break;
      const auto held = g1.held.find(p);
      const bool used = held != g1.held.end() && held->second.references > 0;
      // Of a prompt that is cached in full the last page is computed again, in place; a layer-wise load brings its
      // blocks during the step, and until then their pages are private.
      const bool whole = begin + tokens(p) <= have;
      if (whole && !q.load_in_step) {
        expect("pages", used, fmt::format("request {} runs without block {} of its prompt in G1", turn, p));
      } else if (!used) {
        needed += pages_of(std::min(tokens(p), have - begin));
      }
      begin += tokens(p);
    }
    needed += std::max<std::int64_t>(0, pages_of(have) - pages_of(asked(turn).prompt_tokens));
  }
  expect("pages", needed <= g1.private_pages,
         fmt::format("replica {} computes what needs {} pages and holds {}", r, needed, g1.private_pages));
}

// A block that has come to G1 was computed by a request that runs there (or is, in this step), or loaded.
void Checker::explain_inserts(std::int64_t r, bool last_chance) {
  Replica& replica = replicas_[static_cast<std::size_t>(r)];
  if (replica.unexplained.empty()) return;
  std::set<std::int64_t> computed;
  for (std::int64_t turn : replica.running) {
    const Request& q = requests_[static_cast<std::size_t>(turn)];
    const Asked& a = asked(turn);
    std::int64_t covered = 0;
    for (std::int64_t p : a.prompt) {
      if ((covered += tokens(p)) <= q.computed + q.chunk) computed.insert(p);
    }
    covered = a.prompt_tokens / header_.block_tokens * header_.block_tokens;
    for (std::int64_t p : a.answer) {
      if ((covered += tokens(p)) <= a.prompt_tokens + emitted(q)) computed.insert(p);
    }
  }
  std::erase_if(replica.unexplained,
                [&](std::int64_t p) { return computed.count(p) > 0 || replica.loaded_places[p] > 0; });
  if (!last_chance) return;
  for (std::int64_t p : replica.unexplained) {
    expect("content", false,
           fmt::format("block {} came to the G1 of replica {}, and nobody computed or loaded it", p, r));
  }
  expect("content", true, "");
  replica.unexplained.clear();
}

}  // namespace kvplan::run_check
