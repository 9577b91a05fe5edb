// Tiers beyond host memory, on timelines short enough to work out by hand.
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// G2 holds one prompt of 64 tokens, 64 kB. The SSD reads at 500 kB/s, the remote store at half that.
SimulationConfig machine_with_storage(bool remote) {
  SimulationConfig c = small_machine(17, 1'000'000, 64);
  c.links.limits.push_back({"read", 500'000});
  c.links.limits.push_back({"write", 4'000'000});
  c.links.beyond.push_back({{Route{{{0, 1}, {2, 1}}, 0}}, Route{{{3, 1}}, 0}, 1});
  c.offload.beyond.push_back({Storage::ssd, Scope::node, Bytes(1'000'000)});
  if (remote) {
    c.links.limits.push_back({"remote read", 250'000});
    c.links.limits.push_back({"remote write", 4'000'000});
    c.links.beyond.push_back({{Route{{{0, 1}, {4, 1}}, 0}}, Route{{{5, 1}}, 0}, 1});
    c.offload.beyond.push_back({Storage::remote, Scope::fleet, Bytes(1'000'000)});
  }
  return c;
}

// The second prompt drives the first out of G1 and of G2.
Workload there_and_back() {
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  load.turn(ms(400), "wxyz", 0, 1);
  load.turn(ms(800), "abcd", 1, 1);
  return load.build();
}

}  // namespace

TEST_CASE("what exceeds an eighth of host memory does not wait to be written on") {
  // G2 holds one prompt of four blocks, so that no block may wait: the prompt is computed again.
  const SimulationResult r = simulate(there_and_back(), machine_with_storage(false));
  CHECK(r.requests[2].hit_g2_tokens + r.requests[2].hit_beyond_tokens[0] == 0);
  CHECK(r.requests[2].recomputed_tokens == 64);
  CHECK(r.written_beyond == Bytes(0));
  CHECK(r.skipped_stores > 0);
}

TEST_CASE("a backlog that fits is written on, and read back") {
  SimulationConfig machine = machine_with_storage(false);
  machine.offload.capacity = Bytes(8 * 64'000);  // an eighth is one prompt
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  for (int i = 0; i < 8; ++i) load.turn(ms(200 * (i + 1)), std::string(4, static_cast<char>('k' + i)), 0, 1);
  load.turn(ms(3000), "abcd", 1, 1);
  const SimulationResult r = simulate(load.build(), machine);
  const RequestRecord& q = r.requests[9];
  CHECK(q.hit_g2_tokens == 0);
  CHECK(q.hit_beyond_tokens[0] == 64);
  CHECK(q.load == ms(128));  // 64,000 bytes at 500 kB/s, slower than the link
  CHECK(q.recomputed_tokens == 0);
  CHECK(r.written_beyond == Bytes(9 * 64'000));
  CHECK(r.loaded == Bytes(64'000));
}

TEST_CASE("what comes back from below stays in host memory, or has to be stored there again") {
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  for (int i = 0; i < 8; ++i) load.turn(ms(200 * (i + 1)), std::string(4, static_cast<char>('k' + i)), 0, 1);
  load.turn(ms(3000), "abcd", 1, 1);
  const Workload turns = load.build();
  SimulationConfig machine = machine_with_storage(false);
  machine.offload.capacity = Bytes(8 * 64'000);
  CHECK(simulate(turns, machine).stored == Bytes(9 * 64'000));
  machine.offload.promote = false;
  CHECK(simulate(turns, machine).stored == Bytes(10 * 64'000));
}

TEST_CASE("each block is read from the nearest tier that has it") {
  SimulationConfig machine = machine_with_storage(true);
  machine.offload.capacity = Bytes(8 * 64'000);
  machine.offload.beyond[0].capacity = Bytes(2 * 64'000);  // the SSD forgets; the remote store does not
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  for (int i = 0; i < 8; ++i) load.turn(ms(200 * (i + 1)), std::string(4, static_cast<char>('k' + i)), 0, 1);
  load.turn(ms(3000), "abcd", 1, 1);
  const SimulationResult r = simulate(load.build(), machine);
  CHECK(r.requests[9].hit_beyond_tokens[0] == 0);
  CHECK(r.requests[9].hit_beyond_tokens[1] == 64);
  CHECK(r.requests[9].load == ms(256));  // at 250 kB/s
  CHECK(r.evicted_beyond_blocks[0] > 0);
  CHECK(r.evicted_beyond_blocks[1] == 0);
}

TEST_CASE("a store of the fleet serves a prompt to a node that has never seen it") {
  SimulationConfig machine = machine_with_storage(true);
  machine.offload.capacity = Bytes(8 * 64'000);
  machine.replicas = 2;  // a node each, in turn
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  load.turn(ms(1000), "abcd", 1, 1);
  const SimulationResult r = simulate(load.build(), machine);
  CHECK(r.requests[0].replica != r.requests[1].replica);
  CHECK(r.requests[1].hit_beyond_tokens[1] == 64);
}

namespace {

// "abcd" is on the SSD alone. When it comes again, a prompt that decodes for 40 ms has the replica's only place.
SimulationResult queueing_behind_another(bool prefetch, double at_ms) {
  SimulationConfig machine = small_machine(17, 40'000'000, 8 * 64);
  machine.engine.max_num_seqs = 1;
  machine.links.limits.push_back({"read", 2'000'000});
  machine.links.limits.push_back({"write", 4'000'000});
  machine.links.beyond.push_back({{Route{{{0, 1}, {2, 1}}, 0}}, Route{{{3, 1}}, 0}, 1, {Route{{{2, 1}}, 0}}});
  if (!prefetch) machine.links.beyond[0].prefetch.clear();
  machine.offload.beyond.push_back({Storage::ssd, Scope::node, Bytes(1'000'000)});
  machine.offload.prefetch = prefetch;
  machine.offload.prefetch_tokens = 64;
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  for (int i = 0; i < 8; ++i) load.turn(ms(200 * (i + 1)), std::string(4, static_cast<char>('k' + i)), 0, 1);
  load.turn(ms(3000), "z", 0, 40);
  load.turn(ms(at_ms), "abcd", 1, 1);
  return simulate(load.build(), machine);
}

}  // namespace

TEST_CASE("what storage holds of a prompt that queues is read into host memory meanwhile") {
  const RequestRecord direct = queueing_behind_another(false, 3001).requests[10];
  CHECK(direct.hit_beyond_tokens[0] == 64);
  CHECK(direct.load == ms(32));  // 64,000 bytes at 2 MB/s
  const SimulationResult r = queueing_behind_another(true, 3001);
  CHECK(r.prefetched == Bytes(64'000));
  CHECK(r.requests[10].hit_g2_tokens == 64);
  CHECK(r.requests[10].load == ms(1.6));  // at 40 MB/s
  CHECK(r.requests[10].queue == direct.queue);
  // What is still on its way is loaded from where it is.
  const SimulationResult late = queueing_behind_another(true, 3030);
  CHECK(late.requests[10].hit_beyond_tokens[0] == 64);
}

TEST_CASE("steps slow the copies that run beside them, and no others") {
  const auto run = [](double slowdown) {
    SimulationConfig machine = small_machine(25, 8'000'000, 8 * 64);
    const auto busy = static_cast<std::int64_t>(8e6 / slowdown);
    if (slowdown > 1) machine.links.busy = {{0, 0, busy}, {1, 0, busy}};
    Load load(16);
    load.turn(ms(0), "abcd", 0, 30);
    load.turn(ms(500), "uvwxyz", 0, 1);
    load.turn(ms(1000), "abcd", 1, 1);
    return simulate(load.build(), machine);
  };
  const SimulationResult alone = run(1), slowed = run(2);
  // The load finds the replica idle: 64,000 bytes at 8 MB/s. The store of the prompt runs beside the decodes.
  for (const SimulationResult* r : {&alone, &slowed}) CHECK(r->requests[2].load == ms(8));
  CHECK(slowed.requests[0].finish == alone.requests[0].finish);
  const Time more = slowed.links[1].busy - alone.links[1].busy;
  CHECK(more == ms(8));  // "abcd" is stored within the 30 ms of its answer, in twice the time
}

TEST_CASE("host memory that the fleet shares serves a prompt to a node that has never seen it") {
  SimulationConfig machine = small_machine(17, 4'000'000, 8 * 64);
  machine.replicas = 2;  // a node each, in turn
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  load.turn(ms(1000), "abcd", 1, 1);
  const Workload turns = load.build();
  for (const Scope scope : {Scope::node, Scope::fleet}) {
    machine.offload.scope = scope;
    const SimulationResult r = simulate(turns, machine);
    CHECK(r.requests[0].replica != r.requests[1].replica);
    CHECK(r.requests[1].hit_g2_tokens == (scope == Scope::fleet ? 64 : 0));
  }
}

TEST_CASE("whose a tier is decides who finds what is in it") {
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  load.turn(ms(1000), "abcd", 1, 1);
  const Workload turns = load.build();
  for (const Scope scope : {Scope::replica, Scope::node}) {
    SimulationConfig machine = machine_with_storage(false);
    machine.replicas = machine.replicas_per_node = 2;
    machine.links.load.push_back(machine.links.load[0]);
    machine.links.store.push_back(machine.links.store[0]);
    machine.links.beyond[0].load.push_back(machine.links.beyond[0].load[0]);
    machine.offload.capacity = Bytes(8 * 64'000);
    machine.offload.scope = Scope::replica;
    machine.offload.beyond[0].scope = scope;
    const SimulationResult r = simulate(turns, machine);
    CHECK(r.requests[0].replica != r.requests[1].replica);
    CHECK(r.requests[1].hit_beyond_tokens[0] == (scope == Scope::node ? 64 : 0));
  }
}
