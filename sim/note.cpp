// What a replica adds to the log of a run.
#include "sim/replica.hpp"

namespace kvplan {

void Replica::note_batch(const BatchFeatures& batch, unsigned copies) const {
  if (run_.log == nullptr) return;
  for (SequenceId id : chunks_) note(Happening::chunk, sequences_[id].turn, sequences_[id].chunk_tokens);
  note(Happening::batch, kNone, decodes(), batch.new_tokens, copies);
}

void Replica::note_admission(const Sequence& s, const Admission& a) const {
  if (run_.log == nullptr) return;
  const auto hit = [&](std::int64_t tier, const BlockRange& r) {
    const std::int64_t first = run_.chains[r.chain].first_place;
    note(Happening::hit, s.turn, tier, first + r.first, first + r.last);
  };
  if (s.phase == Sequence::Phase::waiting) {
    for_each_range(run_.chains.prompt(s.turn), 0, a.g1, [&](const BlockRange& r) {
      hit(0, r);
      return true;
    });
    for (const Hit& h : hits_) hit(h.tier + 1, h.range);
  }
  note(Happening::admit, s.turn, a.cached_tokens, a.waits, s.lead_tokens);
}

}  // namespace kvplan
