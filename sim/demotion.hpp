// Keeps a part of a G2 free by evicting ahead of need, and first copies what goes
// to the tier beyond it (store policy `back` of that tier).
//
// A block on its way is pinned, and leaves G2 when its copy has ended, unless
// somebody reads it then. A block that the tier has leaves at once; one that finds
// no room there, or too much waiting, is dropped. A store that needs more than is
// kept free evicts at once, without a copy.
#pragma once

#include "sim/lower_tier.hpp"
#include "sim/result.hpp"
#include "sim/write_through.hpp"

namespace kvplan {

void keep_reserve(LowerTier& from, LowerTier& to, WriteThrough& writer, Time at, SimulationResult& result);

}  // namespace kvplan
