// The engine's pages beside the simulator's books: whatever is evicted, stored and
// loaded, each token of a sequence is where its page table says.
#include "validate/cuda/engine/page_tables.hpp"

#include <map>

#include "sim/lower_tier.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"
#include "validate/cuda/engine/slots.hpp"
#include "validate/cuda/engine/tokens.hpp"

using namespace kvplan;
using namespace kvplan::gpu;
using namespace kvplan::testing;

namespace {

constexpr std::int32_t kVocabulary = 1 << 30, kBlock = 16, kPage = 4;

// Memory whose cells are tokens: a step writes its tokens and reads all before them; copies copy pages.
class TokenEngine : public Executor {
 public:
  enum class Fault { none, store_skips_a_page, load_to_wrong_page };

  TokenEngine(const Workload& load, const SimulationConfig& c, Fault fault)
      : load_(load),
        tokens_(load, kVocabulary),
        tables_(load, static_cast<std::int32_t>(c.engine.g1_pages.count), kPage),
        slots_(load.chains, static_cast<std::int32_t>(c.offload.capacity.count / (kBlock * 1000))),
        fault_(fault) {}

  void begin(const PagedCache& g1, const std::vector<const LowerTier*>& tiers) override {
    tables_.begin(g1);
    if (!tiers.empty()) host_tier_ = tiers.front();
  }
  void start_step(const std::vector<StepPart>& parts, const BatchFeatures&, unsigned, Time at) override {
    parts_ = parts;
    step_ends_ = at + ms(1);
    for (const StepPart& p : parts) awaited_ += p.loads;
    for (const StepPart& p : parts) {
      const std::vector<std::int32_t> pages = tables_.advance(p);
      for (int t = 0; t < p.new_tokens; ++t) write(pages, p.turn, p.computed_tokens + t);
    }
  }
  void start_transfer(FlowNetwork::Purpose purpose, const Transfer& transfer, Time at) override {
    const bool store = purpose.kind == FlowNetwork::Purpose::store;
    for_each_place(load_.chains, transfer.ranges, [&](std::uint32_t place) {
      if (store) {
        const std::int32_t slot = slots_.take(place, *host_tier_);
        const auto pages = tables_.pages_of(place);
        for (std::size_t j = 0; j < pages.size(); ++j) {
          if (fault_ == Fault::store_skips_a_page && j == 1) continue;
          for (int i = 0; i < kPage; ++i) host_[slot][static_cast<int>(j) * kPage + i] = gpu_[pages[j]][i];
        }
        return;
      }
      auto pages = tables_.arriving(place);
      if (fault_ == Fault::load_to_wrong_page) std::swap(pages[0], pages[2]);
      for (std::size_t j = 0; j < pages.size(); ++j) {
        for (int i = 0; i < kPage; ++i) gpu_[pages[j]][i] = host_[slots_.of(place)][static_cast<int>(j) * kPage + i];
      }
      loading_.push_back(place);
    });
    (store ? store_ends_ : load_ends_) = at + ms(0.7);
    (store ? store_ : load_purpose_) = purpose;
  }
  void keep_outputs(std::uint32_t s, TurnId turn, std::int64_t kept) override { tables_.keep_outputs(s, turn, kept); }
  void leave(std::uint32_t sequence) override { tables_.leave(sequence); }

  Report wait(Time until) override {
    const Time step = awaited_ > 0 ? Time::max() : step_ends_;  // not before its own loads
    const Time next = std::min({load_ends_, store_ends_, step});
    if (next >= until) return {};
    if (load_ends_ == next) {
      for (const std::uint32_t place : loading_) tables_.arrived(place);
      loading_.clear();
      if (awaited_ > 0 && --awaited_ == 0) step_ends_ = std::max(step_ends_, load_ends_ + ms(0.1));
      return {Report::transfer, load_purpose_, std::exchange(load_ends_, Time::max())};
    }
    if (store_ends_ == next) return {Report::transfer, store_, std::exchange(store_ends_, Time::max())};
    for (const StepPart& p : parts_) read_all(tables_.advance(p), p);
    tables_.step_ended();
    return {Report::step, {}, std::exchange(step_ends_, Time::max())};
  }

  std::int64_t wrong = 0, read = 0;

 private:
  void write(const std::vector<std::int32_t>& pages, TurnId turn, std::int32_t position) {
    gpu_[pages[static_cast<std::size_t>(position / kPage)]][position % kPage] = tokens_.at(turn, position);
  }
  // What attention would read: a step's layer-wise loads have come by its end.
  void read_all(const std::vector<std::int32_t>& pages, const StepPart& p) {
    for (std::int32_t t = 0; t < p.computed_tokens + p.new_tokens; ++t, ++read) {
      wrong += gpu_[pages[static_cast<std::size_t>(t / kPage)]][t % kPage] != tokens_.at(p.turn, t);
    }
  }

  const Workload& load_;
  kvplan::gpu::Tokens tokens_;
  PageTables tables_;
  Slots slots_;
  Fault fault_;
  const LowerTier* host_tier_ = nullptr;
  std::map<std::int32_t, std::map<int, std::int32_t>> gpu_, host_;
  std::vector<StepPart> parts_;
  std::vector<std::uint32_t> loading_;
  std::int32_t awaited_ = 0;  // loads that the step in flight waits for
  FlowNetwork::Purpose load_purpose_{}, store_{};
  Time step_ends_ = Time::max(), load_ends_ = Time::max(), store_ends_ = Time::max();
};

}  // namespace

TEST_CASE("a page that a store skips, or that a load puts elsewhere, is noticed") {
  Load build(kBlock);
  const TurnId first = build.turn(ms(0), "abcd", 3, 4);
  build.turn(ms(100), "wxyz", 3, 4);  // drives the first out
  build.turn(ms(200), "abcd", 5, 4, kNone, first);
  const Workload load = with_chains(build.build());
  SimulationConfig c = small_machine(20, 1'000'000, 20 * kBlock);
  c.offload.chunk_tokens = kBlock;
  c.step_by_step = true;
  const auto wrong = [&](TokenEngine::Fault fault) {
    TokenEngine engine(load, c, fault);
    execute(load, c, engine);
    return engine.wrong;
  };
  CHECK(wrong(TokenEngine::Fault::none) == 0);
  CHECK(wrong(TokenEngine::Fault::store_skips_a_page) > 0);
  CHECK(wrong(TokenEngine::Fault::load_to_wrong_page) > 0);
}
