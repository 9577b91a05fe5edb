// The parts of the engine, each through its public functions.
#include <benchmark/benchmark.h>

#include "base/random.hpp"
#include "models/step_time.hpp"
#include "sim/calendar.hpp"
#include "sim/decode_group.hpp"
#include "sim/flight.hpp"
#include "sim/flow_network.hpp"
#include "sim/paged_cache.hpp"

namespace kvplan {
namespace {

void calendar_set_and_top(benchmark::State& state) {
  const auto actors = static_cast<std::uint32_t>(state.range(0));
  Calendar calendar(actors);
  RandomStream random(1, "calendar");
  for (std::uint32_t i = 0; i < actors; ++i) calendar.set(i, Time(static_cast<std::int64_t>(random.below(1000))));
  for (auto _ : state) {
    const std::uint32_t top = calendar.top();
    calendar.set(top, calendar.time(top) + Time(static_cast<std::int64_t>(random.below(1000))));
  }
}
BENCHMARK(calendar_set_and_top)->Arg(8)->Arg(64)->Arg(1024);

// Four replicas on a node: a link each way for each, and a memory that all share.
NodeLinks four_replicas() {
  NodeLinks links;
  links.limits = {{"memory", 100'000'000'000}};
  for (std::uint32_t r = 0; r < 4; ++r) {
    links.limits.push_back({"to device", 50'000'000'000});
    links.limits.push_back({"from device", 50'000'000'000});
    links.load.push_back({{{0, 1}, {1 + 2 * r, 1}}, 1000});
    links.store.push_back({{{0, 1}, {2 + 2 * r, 1}}, 1000});
  }
  return links;
}

// One flow ends and the next begins, beside up to seven others.
void flow_network_turnover(benchmark::State& state) {
  FlowNetwork network(four_replicas());
  const auto flows = static_cast<FlowNetwork::RouteId>(state.range(0));
  for (FlowNetwork::RouteId f = 0; f < flows; ++f) network.start(f, Bytes(1'000'000 * (f + 1)), 100, Time(0));
  for (auto _ : state) {
    const Time at = network.next_event();
    const FlowNetwork::RouteId ended = network.advance();
    if (ended != kNone) network.start(ended, Bytes(1'000'000 * (ended + 1)), 100, at);
  }
}
BENCHMARK(flow_network_turnover)->Arg(1)->Arg(4)->Arg(8);

DecodeGroup group_of(std::int64_t sequences) {
  DecodeGroup group(16);
  RandomStream random(1, "contexts");
  for (SequenceId i = 0; i < static_cast<SequenceId>(sequences); ++i) {
    group.join(i, i, 1 + static_cast<std::int64_t>(random.below(8192)), 1'000'000'000);
  }
  return group;
}

void decode_group_pages(benchmark::State& state) {
  const DecodeGroup group = group_of(state.range(0));
  std::int64_t steps = 0;
  for (auto _ : state) benchmark::DoNotOptimize(group.pages(0, steps++ & 1023));
}
BENCHMARK(decode_group_pages)->Arg(8)->Arg(256);

void decode_group_join_and_leave(benchmark::State& state) {
  DecodeGroup group = group_of(state.range(0));
  for (auto _ : state) {
    const std::int64_t bias = group.join(1'000'000, 1'000'000, 100, 1);
    group.advance(1);
    group.pop_finished(bias);
  }
}
BENCHMARK(decode_group_join_and_leave)->Arg(8)->Arg(256);

void flight_cut(benchmark::State& state) {
  std::int64_t at = 1;
  for (auto _ : state) {
    Flight flight(Time(0), 20'000'000'000, 300'000, state.range(0));
    flight.cut(Time(at = at * 5 % flight.end().count));
    benchmark::DoNotOptimize(flight.end());
  }
}
BENCHMARK(flight_cut)->Arg(16)->Arg(1024);

// A chain of full blocks for each of many sessions.
Workload chains(std::uint32_t count, std::uint32_t length) {
  Workload w;
  w.block_tokens = 512;
  for (std::uint32_t c = 0; c < count; ++c) {
    for (std::uint32_t i = 0; i < length; ++i) {
      w.parent_of_block.push_back(i == 0 ? kNone : w.block_count() - 1);
      w.tokens_of_block.push_back(512);
    }
  }
  return w;
}

// Items are blocks. Every chain is looked up, evicts what is oldest, and becomes resident: a cache that is too small.
void paged_cache_insert_and_evict(benchmark::State& state) {
  constexpr std::uint32_t kChains = 512, kLength = 24;
  const Workload w = chains(kChains, kLength);
  PagedCache cache(w, Pages(std::int64_t{32} * kLength * state.range(0)), 16);
  std::uint32_t chain = 0;
  for (auto _ : state) {
    const BlockId first = chain++ % kChains * kLength;
    for (BlockId b = first; b < first + kLength; ++b) {
      if (cache.resident(b)) {
        cache.reference(b);
      } else {
        cache.allocate(cache.pages(b));
        cache.insert(b);
      }
    }
    for (BlockId b = first + kLength; b-- > first;) cache.release(b);
  }
  state.SetItemsProcessed(state.iterations() * kLength);
}
BENCHMARK(paged_cache_insert_and_evict)->Arg(64)->Arg(512);  // chains that fit: an eighth, all

void step_time(benchmark::State& state) {
  StepTime step;
  std::vector<PiecewiseLinear::Piece> pieces;
  for (std::int64_t i = 0; i < state.range(0); ++i) pieces.push_back({i * 128, 7'000'000'000 + i * 1'000'000, 70'000});
  step.base = PiecewiseLinear(pieces);
  step.context_ps = 30;
  step.pair_ps = 2;
  std::int64_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(step({++i & 8191, 16, 100'000 + i, i}));
}
BENCHMARK(step_time)->Arg(1)->Arg(16)->Arg(64);

}  // namespace
}  // namespace kvplan
