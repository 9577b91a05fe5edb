// kvplan.replay-plan/1: what the mini-engine is to run, in full: the load, the
// engine's limits, and one run for each policy. kvplan writes it, kvplan-gpu
// reads it, and a prediction is made from the same file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/config.hpp"
#include "traces/workload.hpp"

namespace kvplan {

// A dense transformer, as far as running it needs; heads have 128 numbers.
struct ReplayModel {
  std::string name;
  std::int32_t layers = 0, hidden = 0, heads = 0, kv_heads = 0, intermediate = 0, vocabulary = 0;

  std::int64_t kv_bytes_per_token() const { return std::int64_t{layers} * 2 * kv_heads * 128 * 2; }  // bf16
};

struct ReplayPolicy {
  std::string name;
  // Engine and offload. Step times and links only where loading is weighed against computing (LoadChoice): the engine
  // estimates by them, each route alone; else they say nothing.
  SimulationConfig config;
  std::string scenario;  // JSON, as `kvplan run` takes it
};

struct ReplayPlan {
  ReplayModel model;
  bool page_first = false;        // KV of a page in one piece, or in 2 x layers
  std::string copies = "dma";     // how segments are moved: "dma", "batch", "kernel_N"
  std::uint64_t seed = 1;         // of the weights
  std::int32_t most_checked = 8;  // turns whose logits are computed again at the end of a run
  Workload load;                  // with its chains
  std::vector<ReplayPolicy> policies;
};

std::string to_json_text(const ReplayPlan&);
// Throws std::runtime_error that names the file and what is missing in it.
ReplayPlan read_replay_plan(const std::string& path);
ReplayPlan parse_replay_plan(const std::string& text, const std::string& name);

// Links for an executor, which moves the bytes itself: one route each way, and one each way to a tier beyond.
NodeLinks links_for_executor(std::size_t tiers_beyond);
// Of one replica: each route a limit of its own, at the rate that it has alone. Limits: load, store, then load and
// write of each tier beyond.
NodeLinks each_alone(const NodeLinks& links);

}  // namespace kvplan
