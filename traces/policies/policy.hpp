// A cache of a fixed number of blocks, for hit rates by simulation. One policy
// is one file; traces/policies/table.cpp lists them.
//
// Contract
// - holds(b) tells whether a block is resident; it changes nothing.
// - touch(blocks, at) tells that a prompt was served: its blocks, head first,
//   which stand at Workload::prompt_blocks[at] and after. Blocks that miss are
//   inserted. Never more than `capacity` blocks are resident.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "traces/stack_distance.hpp"
#include "traces/workload.hpp"

namespace kvplan {

class CachePolicy {
 public:
  virtual ~CachePolicy() = default;
  virtual bool holds(BlockId) const = 0;
  virtual void touch(std::span<const BlockId> blocks, std::size_t at) = 0;
};

// A policy that knows nothing of prompts: it sees one block after another.
class BlockwisePolicy : public CachePolicy {
 public:
  explicit BlockwisePolicy(TouchOrder order) : order_(order) {}

  void touch(std::span<const BlockId> blocks, std::size_t) final {
    const std::size_t n = blocks.size();
    for (std::size_t i = 0; i < n; ++i) access(blocks[order_ == TouchOrder::head_to_tail ? i : n - 1 - i]);
  }

 protected:
  virtual void access(BlockId) = 0;  // a hit, or an insertion

 private:
  TouchOrder order_;
};

struct CacheSetup {
  const Workload& workload;
  std::int64_t capacity_blocks;  // at least 1
  TouchOrder order;              // of blockwise policies
};

struct PolicyEntry {
  const char* name;  // on the command line
  const char* what;
  std::unique_ptr<CachePolicy> (*make)(const CacheSetup&);
};

const std::vector<PolicyEntry>& policy_table();

// UsageError with a suggestion for an unknown name.
const PolicyEntry& policy_named(const std::string& name);

std::unique_ptr<CachePolicy> make_lru(const CacheSetup&);
std::unique_ptr<CachePolicy> make_lfu(const CacheSetup&);
std::unique_ptr<CachePolicy> make_arc(const CacheSetup&);
std::unique_ptr<CachePolicy> make_s3_fifo(const CacheSetup&);
std::unique_ptr<CachePolicy> make_sieve(const CacheSetup&);
std::unique_ptr<CachePolicy> make_belady(const CacheSetup&);

}  // namespace kvplan
