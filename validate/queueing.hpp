// What queueing theory says of fleets, beside what the simulator makes of them:
// machines whose steps take what a law supposes of a server, and loads of
// independent requests.
#pragma once

#include "validate/published.hpp"

namespace kvplan {

// Mean waits and sojourns at several utilisations, each over replications with seeds of their own: the law must lie
// within the 99 % interval of the replications, and a step's length where a request joins at a step's boundary.
Experiment queueing(unsigned threads);

}  // namespace kvplan
