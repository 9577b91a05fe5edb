#include "base/error.hpp"
#include "validate/twin/eviction.hpp"

namespace kvplan::twin {

Order order_of(Eviction eviction, const Workload& load, const RetentionConfig& retention, const Past& past,
               std::int64_t capacity_blocks) {
  switch (eviction) {
    case Eviction::lru:
      return {};
    case Eviction::lfu:
      return {rank_by_uses(), nullptr};
    case Eviction::priority:
      return {rank_by_priority(load, retention), nullptr};
    case Eviction::belady:
      return {rank_by_next_use(load, past), nullptr};
    case Eviction::session:
      return {rank_by_think_time(load, past), nullptr};
    case Eviction::sieve:
      return {nullptr, sieve_queue()};
    case Eviction::s3_fifo:
      return {nullptr, s3_fifo_queues(capacity_blocks)};
    case Eviction::arc:
      return {nullptr, arc_queues(capacity_blocks)};
  }
  KVPLAN_ASSERT(false);
}

}  // namespace kvplan::twin
