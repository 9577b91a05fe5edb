// Disaggregation: decode replicas of their own behind the prefill replicas, and the links that hand prompts over.
#pragma once

#include "cli/build_config.hpp"

namespace kvplan {

// To what has been built for the prefill replicas. GPUs are given out in order, and no replica spans two nodes; a pair
// on one node is linked by the GPUs' peer links, others by the network. Errors as of build_config().
void add_decode_pool(Built&, const Scenario&, const Hardware&, const Architecture&);

}  // namespace kvplan
