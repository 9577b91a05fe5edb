// Nodes that fail, drain and come back, and scaling: small timelines, to the picosecond. Every step takes 1 ms.
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

SimulationConfig machine(std::int32_t replicas, std::int64_t bytes_per_s = 0) {
  SimulationConfig c = small_machine(1000, bytes_per_s, 10'000);
  for (StepTime& s : c.step_times) s = flat_step(kPsPerMs, 0, 0, 0);
  c.replicas = replicas;
  c.engine.max_num_seqs = 64;
  return c;
}

Outage fails(std::uint32_t node, Time at, Time down = Time::max()) { return {node, at, false, down}; }
Outage drains(std::uint32_t node, Time at, Time down = Time::max()) { return {node, at, true, down}; }

}  // namespace

TEST_CASE("a request whose node fails goes on elsewhere, behind what it has emitted") {
  Load load(16);
  load.turn(ms(0), "a", 0, 10);
  SimulationConfig c = machine(2);
  c.outages = {fails(0, ms(4.5))};  // four tokens are out, the fifth is under way
  const SimulationResult r = simulate(load.build(), c);
  const RequestRecord& q = r.requests[0];
  CHECK(q.replica == 1);
  CHECK(q.first_token == ms(1));
  CHECK(q.finish == ms(10.5));  // 20 tokens anew until 5.5 ms, and with them the fifth; five more
  CHECK(q.computed_tokens == 16 + 20);
  CHECK(q.recomputed_tokens == 16 + 4);
  CHECK(q.requeues == 1);
  CHECK(r.gpu_busy == ms(10.5));
  CHECK(r.fleet.failures == 1);
  CHECK(r.fleet.requeued == 1);
  CHECK(r.fleet.lost_tokens == 20);
  CHECK(r.fleet.held == 0);
}

TEST_CASE("before its first token, the time that was lost counts in the parts where it went") {
  Load load(16);
  load.turn(ms(0), "ab", 0, 2);
  SimulationConfig c = machine(2);
  c.outages = {fails(0, ms(0.5))};
  const RequestRecord q = simulate(load.build(), c).requests[0];
  CHECK(q.first_token == ms(1.5));
  CHECK(q.prefill == ms(1.5));
  CHECK(q.queue == ms(0));
  CHECK(q.computed_tokens == 32);  // the lost step computed nothing
}

TEST_CASE("nobody is left: requests wait for the node, and it comes back cold") {
  Load load(16);
  load.turn(ms(0), "ab", 0, 10);
  load.turn(ms(5), "xy", 0, 1);
  load.turn(ms(40), "ab", 0, 1);
  load.turn(ms(60), "ab", 0, 1);
  SimulationConfig c = machine(1);
  c.outages = {fails(0, ms(4.5), ms(2)), fails(0, ms(30), ms(1))};
  const SimulationResult r = simulate(load.build(), c);
  CHECK(r.fleet.held == 2);
  CHECK(r.requests[0].finish == ms(12.5));
  CHECK(r.requests[1].queue == ms(1.5));
  CHECK(r.requests[1].finish == ms(8.5));  // a step has room for 64 tokens: 36 of the first and 28 of this one
  CHECK(r.requests[2].hit_g1_tokens == 0);
  CHECK(r.requests[3].hit_g1_tokens == 28);  // all but its last page
  CHECK(r.fleet.mean_replicas == Approx(1 - 3.0 / 61));
}

TEST_CASE("a node's memory goes with it, and a store of the fleet stays") {
  for (const bool remote : {false, true}) {
    Load load(16);
    load.turn(ms(0), "abcd", 0, 1);
    load.turn(ms(100), "abcd", 0, 1);
    SimulationConfig c = machine(1, 100'000'000);
    if (remote) {
      c.links.limits.push_back({"store", 100'000'000});
      c.links.beyond.push_back({{Route{{{2, 1}}, 0}}, Route{{{2, 1}}, 0}, 1});
      c.offload.beyond.push_back({Storage::remote, Scope::fleet, Bytes(1'000'000)});
    }
    c.outages = {fails(0, ms(50), ms(1))};
    const RequestRecord q = simulate(load.build(), c).requests[1];
    CHECK(q.hit_g1_tokens == 0);
    CHECK(q.hit_g2_tokens == 0);
    CHECK(q.hit_beyond_tokens[1] == (remote ? 60 : 0));
  }
}

TEST_CASE("a drained node ends what it has and takes no more, until it is back") {
  Load load(16);
  load.turn(ms(0), "a", 0, 10);
  load.turn(ms(3), "b", 0, 1);
  load.turn(ms(14), "c", 0, 1);
  load.turn(ms(16), "d", 0, 1);
  load.turn(ms(18), "a", 0, 1);
  SimulationConfig c = machine(2);
  c.outages = {drains(0, ms(2), ms(5))};  // empty at 10 ms, back at 15
  const SimulationResult r = simulate(load.build(), c);
  CHECK(r.requests[0].replica == 0);
  CHECK(r.requests[0].finish == ms(10));
  CHECK(r.requests[1].replica == 1);
  CHECK(r.requests[2].replica == 1);
  CHECK((r.requests[3].replica == 0) != (r.requests[4].replica == 0));
  for (const RequestRecord& q : r.requests) CHECK(q.hit_g1_tokens == 0);
  CHECK(r.fleet.requeued == 0);
  CHECK(r.fleet.drains == 1);
}

TEST_CASE("a drained node of a fleet that scales comes back, and requests wait for it") {
  Load load(16);
  load.turn(ms(0), "a", 0, 10);
  load.turn(ms(3), "b", 0, 1);
  const Workload w = load.build();
  SimulationConfig c = machine(1);
  c.outages = {drains(0, ms(2), ms(5))};  // empty at 10 ms, back at 15
  c.scaling = {1, 10, ms(10), ms(1), ms(50)};
  const SimulationResult r = simulate(w, c);
  CHECK(r.requests[0].finish == ms(10));
  CHECK(r.requests[1].outcome == Outcome::completed);
  CHECK(r.requests[1].first_token == ms(22));  // started at 20 ms, when scaling next looks
  c.outages = {drains(0, ms(2))};
  const SimulationResult for_good = simulate(w, c);
  CHECK(for_good.requests[1].refusal == Refusal::unavailable);
}

TEST_CASE("the replicas paid for are those while requests are served, whenever that begins") {
  const auto fleet = [](Time late) {
    Load load(16);
    for (int i = 0; i < 40; ++i) load.turn(late, std::string(1, static_cast<char>('A' + i)), 0, 200);
    SimulationConfig c = machine(6);
    c.scaling = {1, 10, ms(10), ms(25), ms(50)};
    return simulate(load.build(), c);
  };
  const SimulationResult at_once = fleet(ms(0)), late = fleet(ms(5000));
  CHECK(at_once.requests[39].finish + ms(5000) == late.requests[39].finish);
  CHECK(late.fleet.mean_replicas == at_once.fleet.mean_replicas);
  CHECK(late.in_system_at_decile == at_once.in_system_at_decile);

  // Two replicas until one is lost; what comes much later, and is refused, pays for nothing.
  Load load(16);
  load.turn(ms(0), "a", 0, 10);
  load.turn(ms(0), "b", 0, 10);
  load.turn(ms(9000), "c", 0, 10);
  SimulationConfig c = machine(2);
  c.router.policy = RouterPolicy::round_robin;
  c.outages = {fails(0, ms(12)), fails(1, ms(20))};
  const SimulationResult lost = simulate(load.build(), c);
  CHECK(lost.requests[2].outcome == Outcome::refused);
  CHECK(lost.fleet.mean_replicas == 2);
}

TEST_CASE("without a replica, now and later, requests are refused") {
  Load load(16);
  load.turn(ms(0), "a", 0, 10);
  load.turn(ms(0), "b", 0, 1, kNone, 0);
  SimulationConfig c = machine(1);
  c.outages = {fails(0, ms(4.5))};
  const SimulationResult r = simulate(load.build(), c);
  for (const RequestRecord& q : r.requests) {
    CHECK(q.outcome == Outcome::refused);
    CHECK(q.refusal == Refusal::unavailable);
  }
}

TEST_CASE("scaling starts what the load asks for, and drains what it has not needed for a while") {
  Load load(16);
  for (int i = 0; i < 40; ++i) load.turn(ms(0), std::string(1, static_cast<char>('A' + i)), 0, 200);
  for (int i = 0; i < 6; ++i) load.turn(ms(45 + i), std::string(1, static_cast<char>('0' + i)), 0, 1);
  load.turn(ms(400), "z", 0, 1);
  SimulationConfig c = machine(6);
  c.router.policy = RouterPolicy::least_loaded;
  c.scaling = {1, 10, ms(10), ms(25), ms(50)};
  const SimulationResult r = simulate(load.build(), c);
  CHECK(r.requests[39].replica == 0);
  CHECK(r.fleet.started == 4);  // 40 requests for 10 each at 10 ms: three more; 46 at 50 ms: a fifth
  for (int i = 40; i < 46; ++i) CHECK(r.requests[i].replica >= 1);
  CHECK(r.fleet.stopped == 4);
  CHECK(r.requests[46].replica == 0);
  CHECK(r.fleet.mean_replicas > 1.5);
  CHECK(r.fleet.mean_replicas < 3.5);
  CHECK(r.fleet.requeued == 0);
}

TEST_CASE("round robin goes to the next one, whoever has gone") {
  Load load(16);
  for (int i = 0; i < 7; ++i) load.turn(ms(10 * i), std::string(1, static_cast<char>('a' + i)), 0, 1);
  SimulationConfig c = machine(3);
  c.router.policy = RouterPolicy::round_robin;
  c.outages = {fails(0, ms(15))};
  const SimulationResult r = simulate(load.build(), c);
  const std::uint32_t order[] = {0, 1, 2, 1, 2, 1, 2};
  for (std::size_t i = 0; i < r.requests.size(); ++i) CHECK(r.requests[i].replica == order[i]);
}

TEST_CASE("who waits for a node is placed in order of arrival, whatever brought it to wait") {
  Load load(16);
  load.turn(ms(0), "a", 0, 10);
  load.turn(ms(3), "b", 0, 1);  // held while the node drains
  SimulationConfig c = machine(1);
  c.engine.max_num_seqs = 1;
  c.outages = {drains(0, ms(2), ms(100)), fails(0, ms(5.5), ms(2))};
  const SimulationResult r = simulate(load.build(), c);
  CHECK(r.requests[0].finish < r.requests[1].first_token);
}

TEST_CASE("a node that drains for good, fails and is repaired takes who waited") {
  Load load(16);
  load.turn(ms(0), "a", 0, 10);
  load.turn(ms(3), "b", 0, 1);
  SimulationConfig c = machine(1);
  c.outages = {drains(0, ms(2)), fails(0, ms(5.5), ms(2))};
  const Workload turns = load.build();
  for (const RequestRecord& q : simulate(turns, c).requests) CHECK(q.outcome == Outcome::completed);
  c.outages = {drains(0, ms(2)), fails(0, ms(50), ms(2))};  // it has gone by then
  CHECK(simulate(turns, c).requests[1].refusal == Refusal::unavailable);
}

TEST_CASE("a node that is off or starting fails, too") {
  Load load(16);
  load.turn(ms(0), "a", 0, 1);
  load.turn(ms(30), "b", 0, 1);
  SimulationConfig c = machine(2);
  c.scaling = {1, 10, ms(10), ms(25), ms(50)};
  c.outages = {fails(1, ms(5))};
  CHECK(simulate(load.build(), c).fleet.failures == 1);
}

TEST_CASE("steps for a request that is lost in the end are within the time of service") {
  Load load(16);
  load.turn(ms(0), "a", 0, 2);
  load.turn(ms(0), "b", 0, 100);
  SimulationConfig c = machine(1);
  c.gpus_per_replica = 4;
  c.outages = {fails(0, ms(20))};
  const SimulationResult r = simulate(load.build(), c);
  CHECK(r.requests[1].outcome == Outcome::refused);
  CHECK(r.first_step == ms(0));
  CHECK(r.last_step == ms(20));
  CHECK(r.gpu_busy == ms(80));
  CHECK(r.fleet.mean_replicas == 1);
}
