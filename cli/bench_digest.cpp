#include "cli/bench_digest.hpp"

#include "base/sha256.hpp"

namespace kvplan {
namespace {

// Parts are digested as they fill, and the digests at the end: ten million records do not stand in memory again.
class Digest {
 public:
  void add(std::int64_t value) {
    part_.append(reinterpret_cast<const char*>(&value), sizeof value);
    if (part_.size() >= kPart) close();
  }
  std::string finish() {
    close();
    return sha256_hex(digests_).substr(0, 12);
  }

 private:
  static constexpr std::size_t kPart = 1 << 20;
  void close() {
    digests_ += sha256_hex(part_);
    part_.clear();
  }
  std::string part_, digests_;
};

}  // namespace

std::string digest_of(const SimulationResult& r) {
  const auto low_bits = [](TimeSum t) { return static_cast<std::int64_t>(t.count); };
  Digest d;
  for (const RequestRecord& q : r.requests) {
    for (const std::int64_t v :
         {std::int64_t{q.replica}, static_cast<std::int64_t>(q.outcome), static_cast<std::int64_t>(q.refusal),
          q.arrival.count, q.first_token.count, q.finish.count, q.frontend.count, q.queue.count, q.load.count,
          q.prefill.count, q.recompute.count, std::int64_t{q.hit_g1_tokens}, std::int64_t{q.hit_g2_tokens},
          std::int64_t{q.hit_beyond_tokens[0]}, std::int64_t{q.hit_beyond_tokens[1]},
          q.computed_tokens, q.recomputed_tokens, std::int64_t{q.preemptions}}) {
      d.add(v);
    }
  }
  for (const LinkUsage& l : r.links) {
    for (const std::int64_t v : {l.bytes_per_s, l.bytes.count, l.busy.count}) d.add(v);
  }
  for (const std::int64_t v :
       {r.end.count, low_bits(r.gpu_busy), low_bits(r.gpu_waiting_for_load), r.steps, r.preemptions, r.evicted_g1_blocks,
        r.evicted_g2_blocks, r.evicted_beyond_blocks[0], r.evicted_beyond_blocks[1], r.loaded.count, r.stored.count,
        r.written_beyond.count, r.skipped_stores}) {
    d.add(v);
  }
  for (const std::int64_t v : r.in_system_at_decile) d.add(v);
  return d.finish();
}

}  // namespace kvplan
