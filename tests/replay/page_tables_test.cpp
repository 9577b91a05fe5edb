// The engine's pages and slots beside the simulator's books: on random loads and
// machines, whatever is evicted, shared, stored, written on, loaded, computed again,
// preempted or kept of an answer, each token of a sequence is where its page table says.
#include "validate/cuda/engine/page_tables.hpp"

#include <rapidcheck.h>

#include "tests/catch.hpp"
#include "tests/replay/token_engine.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

constexpr std::int32_t kBlock = TokenEngine::kBlock;
using Fault = TokenEngine::Fault;

int pick(int low, int high) { return *rc::gen::inRange(low, high + 1); }

// Conversations: each turn continues an earlier one's prompt and answer, or begins anew.
Workload conversations(int turns) {
  Load load(kBlock);
  std::vector<std::string> prompts;
  std::vector<int> children;
  Time at{0};
  for (int i = 0; i < turns; ++i) {
    at += Time(pick(0, 30) * kPsPerMs / 2);
    TurnId parent = i > 0 && pick(0, 3) > 0 ? static_cast<TurnId>(pick(0, i - 1)) : kNone;
    if (parent != kNone && children[parent]++ > 0) parent = kNone;  // one answer, one continuation
    std::string prompt = parent == kNone ? std::string(1, static_cast<char>('a' + pick(0, 1))) : prompts[parent];
    for (int n = pick(1, 4); n > 0; --n) prompt += static_cast<char>('a' + pick(0, 3));
    load.turn(at, prompt, pick(0, kBlock - 1), pick(1, 40), parent, parent);
    prompts.push_back(prompt);
    children.push_back(0);
  }
  return with_chains(load.build());
}

void add_files(SimulationConfig& c, std::int64_t blocks, std::int64_t bytes_per_s) {
  c.links.limits.push_back({"files", bytes_per_s});
  const Route route{{{static_cast<std::uint32_t>(c.links.limits.size() - 1), 1}}, 0};
  c.links.beyond = {{{route}, route, 1}};
  c.offload.beyond = {{Storage::ssd, Scope::node, c.kv_bytes_per_token * kBlock * blocks}};
}

SimulationConfig machine() {
  SimulationConfig c = small_machine(pick(24, 120), pick(10, 400) * std::int64_t{1'000'000}, pick(8, 16) * kBlock);
  c.offload.enabled = pick(0, 4) > 0;
  c.offload.load = static_cast<LoadPolicy>(pick(0, 1));
  c.offload.store = static_cast<StorePolicy>(pick(0, 2));
  c.offload.choice = pick(0, 1) == 0 ? LoadChoice::load : static_cast<LoadChoice>(pick(0, 3));
  c.offload.chunk_tokens = kBlock;
  if (c.offload.enabled && pick(0, 3) > 0) {
    add_files(c, pick(16, 60), pick(10, 400) * std::int64_t{1'000'000});
    c.offload.beyond[0].store = pick(0, 1) == 0 ? StorePolicy::through : StorePolicy::back;
    c.offload.promote = pick(0, 1) == 0;
  }
  c.engine.max_num_seqs = pick(1, 5);
  c.step_by_step = true;
  return c;
}

// A conversation, whose first turn is driven out before its second.
Workload interrupted_conversation() {
  Load build(kBlock);
  const TurnId first = build.turn(ms(0), "abcd", 3, 4);
  for (int i = 1; i < 6; ++i) build.turn(ms(100 * i), std::string(1, static_cast<char>('e' + i)) + "xyz", 3, 4);
  build.turn(ms(600), "abcd", 5, 4, kNone, first);
  return with_chains(build.build());
}

}  // namespace

TEST_CASE("every token of every sequence is where its page table says") {
  std::int64_t read = 0, from_files = 0;
  CHECK(rc::check("no token is lost", [&] {
    const Workload load = conversations(pick(2, 20));
    const SimulationConfig c = machine();
    TokenEngine engine(load, c, Fault::none);
    execute(load, c, engine);
    read += engine.read;
    from_files += engine.from_files;
    RC_ASSERT(engine.wrong == 0);
  }));
  CHECK(read > 10000);
  CHECK(from_files > 0);
}

TEST_CASE("a page that a store skips, or that a load puts elsewhere, or a file that is another's, is noticed") {
  const Workload load = interrupted_conversation();
  SimulationConfig c = small_machine(20, 1'000'000, 30 * kBlock);
  c.offload.chunk_tokens = kBlock;
  c.step_by_step = true;
  const auto wrong = [&](Fault fault) {
    TokenEngine engine(load, c, fault);
    execute(load, c, engine);
    return engine.wrong;
  };
  CHECK(wrong(Fault::none) == 0);
  CHECK(wrong(Fault::store_skips_a_page) > 0);
  CHECK(wrong(Fault::load_to_wrong_page) > 0);
  c.offload.capacity = c.kv_bytes_per_token * kBlock * 16;  // so that the first turn's blocks are in files alone
  add_files(c, 20, 1'000'000);
  c.offload.beyond[0].store = StorePolicy::through;
  CHECK(wrong(Fault::none) == 0);
  CHECK(wrong(Fault::write_takes_another_slot) > 0);
}
