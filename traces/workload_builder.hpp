// Makes a workload turn by turn, from blocks that are known by a key of 64 bits
// instead of a dense id.
#pragma once

#include <tsl/robin_map.h>

#include <cstdint>

#include "base/random.hpp"
#include "traces/workload.hpp"

namespace kvplan {

// Keys are put together from small numbers: all bits must take part.
struct KeyHash {
  std::size_t operator()(std::uint64_t key) const { return static_cast<std::size_t>(SplitMix64(key)()); }
};

class WorkloadBuilder {
 public:
  // Takes over name, format, hash and notes of the workload that the turns come from.
  WorkloadBuilder(const Workload& source, std::int32_t block_tokens);

  // Room for that many, where it is known.
  void reserve(std::size_t turns, std::size_t prompt_blocks);
  // Turns come in order of arrival; `like` gives lengths and service time. Its arrival and
  // `continues` are taken as they stand: they count turns of the result.
  void begin_turn(const Turn& like);
  // The next block of the turn's prompt. The key names the prefix up to its end.
  void add_block(std::uint64_t key, std::int32_t tokens);
  // The same for whoever keeps the ids: kNone stands for a block that is not there yet, and becomes its id.
  void add_block(BlockId& id, std::int32_t tokens);
  void note(std::string what, std::int64_t rows);

  Workload finish();

 private:
  tsl::robin_map<std::uint64_t, BlockId, KeyHash> ids_;
  Workload workload_;
  BlockId parent_ = kNone;
};

}  // namespace kvplan
