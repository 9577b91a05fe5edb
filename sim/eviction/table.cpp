#include "base/error.hpp"
#include "sim/eviction/eviction.hpp"

namespace kvplan {

// ARC, S3-FIFO and SIEVE are stated for a number of equal places; in HBM pages of a partial block count less, and
// sequences hold most of them most of the time.
const std::vector<EvictionEntry>& eviction_table() {
  static const std::vector<EvictionEntry> table = {
      {Eviction::lru, "lru", true, nullptr},
      {Eviction::lfu, "lfu", true, make_lfu_eviction},
      {Eviction::arc, "arc", false, make_arc_eviction},
      {Eviction::s3_fifo, "s3-fifo", false, make_s3_fifo_eviction},
      {Eviction::sieve, "sieve", false, make_sieve_eviction},
      {Eviction::priority, "priority", true, make_priority_eviction},
      {Eviction::session, "session", true, make_session_eviction},
      {Eviction::belady, "belady", true, make_belady_eviction},
  };
  return table;
}

std::unique_ptr<EvictionPolicy> make_eviction(Eviction eviction, const EvictionSetup& setup) {
  for (const EvictionEntry& e : eviction_table()) {
    if (e.eviction == eviction) return e.make ? e.make(setup) : nullptr;
  }
  KVPLAN_ASSERT(!"a policy of the table");
}

}  // namespace kvplan
