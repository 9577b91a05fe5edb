// Memory whose cells are tokens, behind the interface of an engine: it keeps the
// engine's books of pages and slots, and moves and computes tokens where those say.
//
// As unkind as the interface allows: what a load is to write is rubbish from its
// start to its end, but where another load has just brought the same, and what a
// transfer reads is read at its end. A step reads all
// tokens of its sequences at its end, when its layer-wise loads have come.
#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "sim/lower_tier.hpp"
#include "tests/sim/small.hpp"
#include "validate/cuda/engine/page_tables.hpp"
#include "validate/cuda/engine/slots.hpp"
#include "validate/cuda/engine/tokens.hpp"

namespace kvplan::testing {

class TokenEngine : public Executor {
 public:
  enum class Fault { none, store_skips_a_page, load_to_wrong_page, write_takes_another_slot };
  static constexpr std::int32_t kBlock = 16, kPage = 4, kVocabulary = 1 << 30;

  TokenEngine(const Workload& load, const SimulationConfig& c, Fault fault)
      : load_(load),
        tokens_(load, kVocabulary),
        tables_(load, static_cast<std::int32_t>(c.engine.g1_pages.count), kPage),
        fault_(fault) {
    const auto add_memory = [&](Bytes b) {
      memories_.push_back(
          {gpu::Slots(load.chains, static_cast<std::int32_t>(b / (c.kv_bytes_per_token * kBlock))), {}});
    };
    if (c.offload.enabled) add_memory(c.offload.capacity);
    for (const LowerTierConfig& t : c.offload.beyond) add_memory(t.capacity);
  }

  void begin(const PagedCache& g1, const std::vector<const LowerTier*>& tiers) override {
    tables_.begin(g1);
    tiers_ = tiers;
  }
  void start_step(const std::vector<StepPart>& parts, const BatchFeatures&, unsigned, Time at) override {
    parts_ = parts;
    awaited_.clear();
    for (const StepPart& p : parts) {
      if (p.loads > 0) awaited_[p.sequence] = p.loads;
    }
    announced_ = true;
    launch_if_ready(at);
  }
  void start_transfer(FlowNetwork::Purpose purpose, const Transfer& t, Time at) override {
    const auto takes = ms(0.7 + 0.4 * purpose.tier);
    const bool load = purpose.kind == FlowNetwork::Purpose::load;
    Flight f{purpose, t, at + takes, {}};
    gpu::for_each_place(load_.chains, t.ranges, [&](std::uint32_t place) {
      if (!load) {
        memories_[purpose.tier].slots.take(place, *tiers_[purpose.tier]);
        return;
      }
      f.pages.push_back(tables_.arriving(t.sequence, place));
    });
    if (load) spoil(f);
    gpu::for_each_place(load_.chains, t.promoted, [&](std::uint32_t p) { memories_[0].slots.take(p, *tiers_[0]); });
    flights_.push_back(std::move(f));
    launch_if_ready(at);
  }
  void keep_outputs(std::uint32_t s, TurnId turn, std::int64_t kept) override { tables_.keep_outputs(s, turn, kept); }
  void loaded(std::uint32_t sequence) override { tables_.loaded(sequence); }
  void leave(std::uint32_t sequence) override { tables_.leave(sequence); }

  Report wait(Time until) override {
    const auto next = std::min_element(flights_.begin(), flights_.end(),
                                       [](const Flight& a, const Flight& b) { return a.end < b.end; });
    const Time moved = next == flights_.end() ? Time::max() : next->end;
    const Time stepped = launched_ && awaited_.empty() ? step_ends_ : Time::max();
    if (std::min(moved, stepped) >= until) return {};
    if (moved <= stepped) {
      const Flight f = std::move(*next);
      flights_.erase(next);
      finish(f);
      return {Report::transfer, f.purpose, f.end};
    }
    for (const StepPart& p : parts_) read_all(tables_.advance(p), p);
    announced_ = launched_ = false;
    return {Report::step, {}, stepped};
  }

  std::int64_t wrong = 0, read = 0, from_files = 0;

 private:
  using Cells = std::vector<std::int32_t>;
  struct Memory {
    gpu::Slots slots;
    std::map<std::int32_t, std::map<std::size_t, Cells>> cells;  // by slot and page of the block
  };
  struct Flight {
    FlowNetwork::Purpose purpose;
    Transfer transfer;
    Time end;
    std::vector<std::vector<std::int32_t>> pages;  // of a load, by block
  };

  bool is_load(const Flight& f) const { return f.purpose.kind == FlowNetwork::Purpose::load; }

  void spoil(const Flight& f) {
    std::size_t i = 0;
    gpu::for_each_place(load_.chains, f.transfer.ranges, [&](std::uint32_t place) {
      Memory& from = memories_[f.purpose.tier];
      const auto& content = from.cells[from.slots.of(place)];
      for (std::size_t j = 0; j < f.pages[i].size(); ++j) {
        Cells& page = gpu_[f.pages[i][j]];
        if (content.count(j) == 0 || page != content.at(j)) page = Cells(kPage, -1);
      }
      ++i;
    });
  }

  // A step can be enqueued when all that it waits for has been.
  void launch_if_ready(Time at) {
    if (!announced_ || launched_) return;
    for (const auto& [sequence, loads] : awaited_) {
      const auto of_sequence = [&, s = sequence](const Flight& f) { return is_load(f) && f.transfer.sequence == s; };
      if (std::count_if(flights_.begin(), flights_.end(), of_sequence) < loads) return;
    }
    launched_ = true;
    step_ends_ = at + ms(1);
    for (const StepPart& p : parts_) {
      const std::vector<std::int32_t> pages = tables_.advance(p);
      for (std::int32_t t = p.computed_tokens; t < p.computed_tokens + p.new_tokens; ++t) {
        Cells& cells = gpu_[pages[static_cast<std::size_t>(t / kPage)]];
        cells.resize(kPage, -1);
        cells[static_cast<std::size_t>(t % kPage)] = tokens_.at(p.turn, t);
      }
    }
  }

  void finish(const Flight& f) {
    std::size_t i = 0;
    gpu::for_each_place(load_.chains, f.transfer.ranges, [&](std::uint32_t place) {
      if (is_load(f)) {
        bring(f, place, f.pages[i++]);
      } else if (f.purpose.kind == FlowNetwork::Purpose::store) {
        put(memories_[0], place, tables_.pages_of(place));
      } else {
        Memory& to = memories_[f.purpose.tier];
        const bool astray = fault_ == Fault::write_takes_another_slot && i++ == 0;
        to.cells[to.slots.of(place)] = memories_[0].cells[memories_[0].slots.of(place) ^ int{astray}];
      }
    });
    if (!is_load(f)) return;
    gpu::for_each_place(load_.chains, f.transfer.promoted, [&](std::uint32_t place) {
      memories_[0].cells[memories_[0].slots.of(place)] =
          memories_[f.purpose.tier].cells[memories_[f.purpose.tier].slots.of(place)];
    });
    const auto waits = awaited_.find(f.transfer.sequence);
    if (waits == awaited_.end() || --waits->second > 0) return;
    awaited_.erase(waits);
    step_ends_ = std::max(step_ends_, f.end + ms(0.1));
  }
  void bring(const Flight& f, std::uint32_t place, std::vector<std::int32_t> pages) {
    if (fault_ == Fault::load_to_wrong_page) std::swap(pages[0], pages[2]);
    Memory& from = memories_[f.purpose.tier];
    for (std::size_t j = 0; j < pages.size(); ++j) gpu_[pages[j]] = from.cells[from.slots.of(place)][j];
    from_files += f.purpose.tier > 0;
  }
  void put(Memory& to, std::uint32_t place, const std::vector<std::int32_t>& pages) {
    for (std::size_t j = 0; j < pages.size(); ++j) {
      if (fault_ == Fault::store_skips_a_page && j == 1) continue;
      to.cells[to.slots.of(place)][j] = gpu_[pages[j]];
    }
  }
  void read_all(const std::vector<std::int32_t>& pages, const StepPart& p) {
    for (std::int32_t t = 0; t < p.computed_tokens + p.new_tokens; ++t, ++read) {
      const Cells& cells = gpu_[pages[static_cast<std::size_t>(t / kPage)]];
      wrong += cells.empty() || cells[static_cast<std::size_t>(t % kPage)] != tokens_.at(p.turn, t);
    }
  }

  const Workload& load_;
  gpu::Tokens tokens_;
  gpu::PageTables tables_;
  Fault fault_;
  std::vector<const LowerTier*> tiers_;
  std::vector<Memory> memories_;  // by tier
  std::map<std::int32_t, Cells> gpu_;
  std::vector<Flight> flights_;
  std::vector<StepPart> parts_;
  std::map<std::uint32_t, std::int32_t> awaited_;  // by sequence: loads that the step waits for
  bool announced_ = false, launched_ = false;
  Time step_ends_{0};
};

}  // namespace kvplan::testing
