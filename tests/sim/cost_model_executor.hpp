// The cost model behind the interface of a real engine: a simulation that runs on
// it is the stepping simulation, to the picosecond, where loads block.
#pragma once

#include <utility>

#include "sim/simulation.hpp"

namespace kvplan::testing {

class CostModelExecutor : public Executor {
 public:
  explicit CostModelExecutor(const SimulationConfig& config) : config_(config), network_(config.links) {}

  void begin(const PagedCache&, const std::vector<const LowerTier*>&) override {}
  void start_step(const std::vector<StepPart>& parts, const BatchFeatures& batch, unsigned copies, Time at) override {
    KVPLAN_ASSERT(step_ends_ == Time::max() && adds_up(parts, batch));
    network_.set_busy(0, true, at);
    step_ends_ = at + Time(std::max<std::int64_t>(1, config_.step_times[copies](batch)));
  }
  void start_transfer(FlowNetwork::Purpose p, const Transfer& t, Time at) override {
    const FlowNetwork::RouteId route = p.kind == FlowNetwork::Purpose::store  ? network_.store_route(0)
                                       : p.kind == FlowNetwork::Purpose::load ? network_.load_route(p.tier, 0)
                                                                              : network_.write_route(p.tier);
    network_.start(route, t.bytes_per_gpu, t.segments, at);
  }
  void keep_outputs(std::uint32_t, TurnId, std::int64_t) override {}
  void loaded(std::uint32_t) override {}
  void leave(std::uint32_t) override {}

  Report wait(Time until) override {
    while (network_.next_event() <= std::min(until, step_ends_) && network_.next_event() < Time::max()) {
      const Time at = network_.next_event();
      const FlowNetwork::RouteId route = network_.advance();
      if (route != kNone) return {Report::transfer, network_.purpose(route), at};
    }
    if (step_ends_ >= until) return {};
    network_.set_busy(0, false, step_ends_);
    return {Report::step, {}, std::exchange(step_ends_, Time::max())};
  }

 private:
  // What the sequences are said to do adds up to the batch.
  static bool adds_up(const std::vector<StepPart>& parts, const BatchFeatures& batch) {
    std::int64_t tokens = 0, samples = 0, pairs = 0;
    for (const StepPart& p : parts) {
      const std::int64_t n = p.new_tokens;
      tokens += n;
      samples += p.samples;
      pairs += n * p.computed_tokens + n * (n + 1) / 2;
    }
    return tokens == batch.new_tokens && samples == batch.samples &&
           pairs == batch.decode_context + batch.prefill_pairs;
  }

  const SimulationConfig& config_;
  FlowNetwork network_;
  Time step_ends_ = Time::max();
};

}  // namespace kvplan::testing
