// The books of a replica, counted again from scratch (--check).
#include <algorithm>

#include "sim/replica.hpp"

namespace kvplan {

void Replica::audit() const {
  std::int64_t private_pages = 0, decoding = 0, context = 0, loading = 0;
  for (const SequenceId id : live_sequences()) {
    const Sequence& s = sequences_[id];
    std::int64_t pages = s.pages;
    if (s.phase == Sequence::Phase::decoding) {
      // A step under way has its pages already.
      const bool under_way = decodes_run_ && (flight_.active() || gate_.loads > 0);
      pages = std::max(pages, decode_.pages_of(s.bias, under_way ? 0 : -1));
      ++decoding;
      context += decode_.context_parts(s.bias);
    }
    private_pages += pages - pages_of_blocks(turn_of(s), s.referenced_blocks);
    loading += s.phase == Sequence::Phase::loading;
  }
  KVPLAN_ASSERT(decoding == decode_.size() && context == decode_.context());
  KVPLAN_ASSERT(loading == loading_);
  KVPLAN_ASSERT(running() <= engine_.max_num_seqs);
  KVPLAN_ASSERT(unfinished_ == kNone || running_.back() == unfinished_);
  cache_.audit(private_pages);
}

}  // namespace kvplan
