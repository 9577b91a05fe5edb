// Which blocks of a memory go first when it needs room. One policy is one file;
// table.cpp lists them. LRU has no file: it is the list that the memory keeps
// anyway (sim/residency.hpp), and costs nothing more.
//
// Contract
// - Ranges name blocks of one chain. A block that is there is held, by whoever
//   uses, reads or writes it, or it can be evicted.
// - next() names blocks that go next, one after the other from the last of the
//   range on, whatever their number; asking changes nothing about which they are.
// - Within one chain, blocks that stand alike go from the last on: a block is of
//   no use without those before it.
// - The time is that of the last use that was announced: policies read no clock, so
//   that a replica that carries out its steps late evicts the same blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/config.hpp"
#include "traces/workload.hpp"

namespace kvplan {

// What the next calls are part of.
struct Use {
  Time at{0};
  bool answer = false;  // of an answer's blocks, not of a prompt's
};

class EvictionPolicy {
 public:
  virtual ~EvictionPolicy() = default;

  void announce(const Use& use) { use_ = use; }

  virtual void miss(const BlockRange&) {}      // absent; room is about to be made for them
  virtual void insert(const BlockRange&) = 0;  // absent so far; held from here on. Of several the last ones come first
  virtual void all_came() {}                   // of what was inserted together, nothing is left to come
  virtual void access(const BlockRange&) = 0;  // there, and needed by a prompt
  virtual void rank(const BlockRange&) {}      // there, and in use until now: ranks them anew
  virtual void hold(const BlockRange&) = 0;
  virtual void let_go(const BlockRange&) = 0;
  virtual BlockRange next() = 0;                // something can be evicted
  virtual void evicted(const BlockRange&) = 0;  // the end of what next() named, or whatever else has to go
  virtual void forget(const BlockRange&) = 0;   // held so far; lost its name
  virtual bool block_by_block() const { return false; }  // whether each block is a miss of its own
  virtual std::int64_t priority(std::uint32_t /*chain*/, std::uint32_t /*block*/) const { return 100; }  // 0..100

 protected:
  Use use_;
};

class Foresight;

struct EvictionSetup {
  const RetentionConfig& retention;
  Foresight& foresight;
  std::int64_t capacity_blocks;  // of the memory
};

struct EvictionEntry {
  Eviction eviction;
  const char* name;  // on the command line
  bool in_hbm;       // makes sense for G1 too
  std::unique_ptr<EvictionPolicy> (*make)(const EvictionSetup&);  // null for LRU
};

const std::vector<EvictionEntry>& eviction_table();

// Null for LRU.
std::unique_ptr<EvictionPolicy> make_eviction(Eviction, const EvictionSetup&);

std::unique_ptr<EvictionPolicy> make_lfu_eviction(const EvictionSetup&);
std::unique_ptr<EvictionPolicy> make_arc_eviction(const EvictionSetup&);
std::unique_ptr<EvictionPolicy> make_s3_fifo_eviction(const EvictionSetup&);
std::unique_ptr<EvictionPolicy> make_sieve_eviction(const EvictionSetup&);
std::unique_ptr<EvictionPolicy> make_priority_eviction(const EvictionSetup&);
std::unique_ptr<EvictionPolicy> make_session_eviction(const EvictionSetup&);
std::unique_ptr<EvictionPolicy> make_belady_eviction(const EvictionSetup&);

}  // namespace kvplan
