// Disaggregation: how many replicas a configuration has in all.
#pragma once

#include "sim/layout.hpp"

namespace kvplan {

// Decode replicas of their own; 0 where every replica computes prompts and answers.
inline std::int32_t decode_replicas(const SimulationConfig& c) {
  return c.decode_pool.empty() ? 0 : c.decode_pool.front().replicas;
}
inline std::int32_t all_replicas(const SimulationConfig& c) { return fleet_replicas(c) + decode_replicas(c); }

}  // namespace kvplan
