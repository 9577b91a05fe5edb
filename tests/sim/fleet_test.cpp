// A replica to which nothing happens costs nothing: no event, and hardly any memory.
#include <malloc.h>

#include <memory>

#include "sim/replica.hpp"
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// 40 requests that share no prefix, far apart.
Workload sparse_load() {
  Load load(16);
  for (int i = 0; i < 40; ++i) load.turn(ms(100.0 * i), std::string(1, static_cast<char>('0' + i)) + "ab", 3, 5);
  return load.build();
}

SimulationConfig fleet(std::int32_t replicas) {
  SimulationConfig c = small_machine(1000, 1'000'000'000, 1000);
  c.replicas = replicas;
  c.check = false;
  return c;
}

}  // namespace

TEST_CASE("ten thousand replicas see the events of forty") {
  const Workload w = sparse_load();
  const SimulationResult few = simulate(w, fleet(40)), many = simulate(w, fleet(10'000));
  CHECK(many.events == few.events);
  CHECK(many.steps == few.steps);
  for (std::size_t i = 0; i < few.requests.size(); ++i) {
    CHECK(many.requests[i].replica == few.requests[i].replica);
    CHECK(many.requests[i].finish == few.requests[i].finish);
  }
}

TEST_CASE("an idle replica takes less than 2 KiB, however long the load is") {
  Load load(16);
  for (int i = 0; i < 20'000; ++i) load.turn(ms(i), std::to_string(i), 0, 2);
  const Workload w = with_chains(load.build());
  const SimulationConfig config = fleet(1);
  RunState run{w, config, w.chains, {}, {}, {}, nullptr};
  std::vector<std::unique_ptr<Replica>> replicas;
  const std::size_t before = ::mallinfo2().uordblks;
  for (std::uint32_t r = 0; r < 1000; ++r) replicas.push_back(std::make_unique<Replica>(r, run, config, Below{}));
  CHECK((::mallinfo2().uordblks - before) / 1000 < 2048);
}
