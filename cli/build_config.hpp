// From a scenario, one hardware and one model to the integers that a simulation runs on.
#pragma once

#include <string>
#include <vector>

#include "cli/scenario.hpp"
#include "hardware/hardware.hpp"
#include "models/architecture.hpp"
#include "models/memory.hpp"
#include "sim/pools.hpp"
#include "traces/workload.hpp"

namespace kvplan {

struct OtherKind;

struct Built {
  SimulationConfig config;  // of all kinds
  std::vector<OtherKind> others;  // in the order of config.others; all else here is of the first kind
  std::int32_t nodes = 1;
  Bytes kv_memory_per_gpu{0};      // left for KV beside weights and activations
  KvShare kv;                      // what a cached token takes of it
  Bytes dram_per_node{0};          // 0 without a DRAM tier
  Bytes ssd_per_node{0}, remote{0};  // likewise
  std::int64_t gpus() const {
    const auto of = [](const SimulationConfig& c) { return std::int64_t{c.replicas} * c.gpus_per_replica; };
    return of(config) + (config.decode_pool.empty() ? 0 : of(config.decode_pool.front()));
  }
  std::vector<std::string> notes;  // what the reader of the results must know
};

// A further kind of a mixed fleet.
struct OtherKind {
  Hardware hardware;
  Built built;
};

// At least 1: whether one fits is for build_config to say.
std::int64_t replicas_of_full_node(const Scenario&, const Hardware&);

// `offload` is one value of offload.mode. Throws InfeasibleError for what does
// not fit (weights, replicas wider than a node) and InputError, at the place
// that set it, for a value that this model or hardware rules out.
Built build_config(const Scenario&, const std::string& offload, const Hardware&, const Architecture&);

// One kind alone, without what changes the fleet; `of_several`: other kinds stand beside it.
Built build_kind(const Scenario&, const std::string& offload, const Hardware&, const Architecture&, bool of_several);

// What a load rules out: InputError at the place that set it.
void check_load(const Scenario&, const Built&, const Workload&);

}  // namespace kvplan
