// Segments of one pool and where each goes in another, in random order; and the
// ways to move them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "validate/cuda/experiments/bench.hpp"

namespace kvplan::gpu {

enum class Direction { h2d, d2h, d2d };
const char* name_of(Direction);

// Target segment i takes source segment source[i]; sources lie in shuffled order over the whole pool.
struct SegmentMap {
  SegmentMap(Bench& bench, Direction direction, std::size_t segment_bytes, std::size_t segments);

  Direction direction;
  std::size_t segment_bytes;
  std::vector<std::uint32_t> source;
  std::vector<void*> to;
  std::vector<const void*> from;
  char* target;
  Buffer device_to, device_from;  // the address tables, for kernels

  std::int64_t bytes() const { return static_cast<std::int64_t>(segment_bytes * source.size()); }
  void poison(const Stream& stream) const;
};

// "dma": a copy each; "batch", "batch_any", "batch_beside": one call for all, in stream order, in any order, or with
// the hint to leave the processors alone; "kernel": our kernel with `blocks` blocks.
struct Method {
  std::string name;
  int blocks = 0;

  std::string label() const { return blocks == 0 ? name : name + "_" + std::to_string(blocks); }
  int operations(std::size_t segments) const { return name == "kernel" ? 1 : static_cast<int>(segments); }
};
void move_segments(const SegmentMap& map, const Method& method, cudaStream_t stream);

// The work of moving a map, checked byte by byte before it is timed.
Work moving(Bench& bench, const SegmentMap& map, const Method& method);

}  // namespace kvplan::gpu
