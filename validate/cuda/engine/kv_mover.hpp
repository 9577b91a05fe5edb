// Moves blocks between the pool of pages on the GPU and slots in pinned host
// memory, for real, and checks on the way that what comes back is what went.
//
// A slot holds a block's pages one after the other, each with all layers, K then
// V of each. The pool lies layer-first or page-first (KvLayout): a page is then
// 2 x layers segments, or one; layer by layer it is two, or one.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "validate/cuda/device/cuda.hpp"
#include "validate/cuda/kernels/paged_kv.hpp"

namespace kvplan::gpu {

struct MovedBlock {
  std::uint32_t place = 0;          // names the block
  std::vector<std::int32_t> pages;  // in the pool
  std::int32_t slot = 0;
};

class KvMover {
 public:
  enum class Way { to_host, to_gpu, from_file };  // the last: to the GPU too, of what was read from files

  // host: pinned, slot after slot. `method`: "dma", "batch", or "kernel_N". One transfer each way at a time. Blocks
  // whose place is a multiple of check_every are hashed before they leave the GPU and after they have come back.
  KvMover(const KvLayout& layout, Bf16* pool, std::int32_t block_pages, Bf16* host, const std::string& method,
          std::uint32_t check_every);
  static std::size_t slot_bytes(const KvLayout& layout, std::int32_t block_pages);

  // Enqueues the copies on its stream of that way. With `by_layer`, layer after layer, each followed by its event.
  void start(Way way, const std::vector<MovedBlock>& blocks, bool by_layer);
  const Stream& stream(Way way) const { return lanes_[static_cast<int>(way)].stream; }
  bool ended(Way way) const;
  // The transfer has ended: its time between events; compares hashes.
  std::int64_t finish(Way way);
  // Of a transfer to the GPU that was started by layer.
  const Event& layer_arrived(Way way, int layer) const {
    return lanes_[static_cast<int>(way)].layers[static_cast<std::size_t>(layer)];
  }

  std::int64_t segments(std::int64_t blocks, bool by_layer) const;
  std::int64_t blocks_checked() const { return checked_; }
  std::int64_t blocks_wrong() const { return wrong_; }

 private:
  struct Lane {  // one way
    Stream stream;
    Event begin, end;
    std::vector<Event> layers;                // to the GPU
    std::vector<std::uint32_t> hashed;        // places of the transfer in flight
    Buffer hash_tables, hashes, copy_tables;  // pinned, read and written by kernels in place
  };

  void collect_segments(Way way, const std::vector<MovedBlock>& blocks, int first_layer, int layers,
                        std::vector<void*>& to, std::vector<const void*>& from) const;
  void copy(Lane& lane, const std::vector<void*>& to, const std::vector<const void*>& from, std::size_t bytes,
            std::size_t& table_used);
  void hash(Lane& lane, const std::vector<MovedBlock>& blocks);
  std::size_t segment_bytes(bool by_layer) const;

  KvLayout layout_;
  Bf16* pool_;
  std::int32_t block_pages_;
  std::string method_;
  int copy_blocks_ = 0;  // of "kernel_N"
  std::uint32_t check_every_;
  Bf16* host_;
  Lane lanes_[3];
  std::unordered_map<std::uint32_t, std::uint64_t> left_as_;  // by place: its hash when it left
  std::int64_t checked_ = 0, wrong_ = 0;
};

}  // namespace kvplan::gpu
