// libFuzzer target of whole scenarios: bytes become a small load on a small machine. It must end, every request must
// complete or be refused, all books must balance at every event (config.check), and the twin must agree. With what the
// twin does not know, the checker of logs must find nothing.
#include <cstddef>
#include <cstdint>

#include "reports/events_jsonl.hpp"
#include "sim/simulation.hpp"
#include "tests/twin/random_scenario.hpp"
#include "validate/run_check/check.hpp"
#include "validate/twin/twin.hpp"

using namespace kvplan;

namespace {

class ByteDice final : public testing::Dice {
 public:
  ByteDice(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  int pick(int low, int high) override {
    unsigned x = 0;
    for (int range = high - low; range > 0; range >>= 8) x = x << 8 | (at_ < size_ ? data_[at_++] : 0);
    return low + static_cast<int>(x % (static_cast<unsigned>(high - low) + 1));
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
};

void check_by_log(const Workload& load, const SimulationConfig& config) {
  EventLog log;
  const SimulationResult result = simulate(load, config, &log);
  std::string text;
  write_events(load, config, result, log, [&](std::string_view part) { text += part; });
  KVPLAN_ASSERT(run_check::check_text(text, "log").sound());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteDice dice(data, size);
  const Workload load = testing::random_turns(dice);
  SimulationConfig config = testing::random_engine(dice);
  config.check = true;
  if (dice.one_in(3)) {
    testing::random_beyond_twin(dice, config);
    check_by_log(load, config);
    return 0;
  }
  if (dice.coin()) testing::random_memories(dice, config);
  const SimulationResult a = simulate(load, config), b = simulate_naively(load, config);
  for (std::size_t i = 0; i < load.turns.size(); ++i) {
    const RequestRecord &x = a.requests[i], &y = b.requests[i];
    KVPLAN_ASSERT(x.outcome != Outcome::unfinished && x.outcome == y.outcome && x.refusal == y.refusal);
    KVPLAN_ASSERT(x.first_token == y.first_token && x.finish == y.finish && x.load == y.load && x.queue == y.queue);
    KVPLAN_ASSERT(x.hit_g1_tokens == y.hit_g1_tokens && x.hit_g2_tokens == y.hit_g2_tokens);
    KVPLAN_ASSERT(x.computed_tokens == y.computed_tokens && x.recomputed_tokens == y.recomputed_tokens);
  }
  KVPLAN_ASSERT(a.steps == b.steps && a.end == b.end && a.loaded == b.loaded && a.stored == b.stored);
  return 0;
}
