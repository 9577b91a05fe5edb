#include "validate/cuda/engine/kv_mover.hpp"

#include <cstring>
#include <stdexcept>

#include "validate/cuda/device/batch_copy.hpp"
#include "validate/cuda/kernels/launch.hpp"

namespace kvplan::gpu {
namespace {

constexpr int kMostHashed = 1024;  // blocks of one transfer

std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

}  // namespace

std::size_t KvMover::slot_bytes(const KvLayout& layout, std::int32_t block_pages) {
  return size(4 * layout.piece_elements() * layout.layers * block_pages);
}

KvMover::KvMover(const KvLayout& layout, Bf16* pool, std::int32_t block_pages, Bf16* host, const std::string& method,
                 std::uint32_t check_every)
    : layout_(layout), pool_(pool), block_pages_(block_pages), method_(method), check_every_(check_every), host_(host) {
  if (method.rfind("kernel_", 0) == 0) {
    copy_blocks_ = std::stoi(method.substr(7));
  } else if (method != "dma" && method != "batch") {
    throw std::runtime_error("copies \"" + method + "\": expected dma, batch or kernel_N");
  }
  if (method == "batch" && !kBatchCopies) throw std::runtime_error("copies \"batch\" want CUDA toolkit 12.8 or later");
  const std::size_t each = size(std::int64_t{2} * layout.layers * block_pages) * sizeof(void*);
  for (Lane& lane : lanes_) {
    lane.hash_tables = Buffer(Memory::pinned, kMostHashed * each);
    lane.hashes = Buffer(Memory::pinned, kMostHashed * sizeof(std::uint64_t));
    if (copy_blocks_ > 0) lane.copy_tables = Buffer(Memory::pinned, 2 * each * size(layout.pages / block_pages));
  }
  for (const Way way : {Way::to_gpu, Way::from_file}) {
    for (int l = 0; l < layout.layers; ++l) lanes_[static_cast<int>(way)].layers.emplace_back(false);
  }
}

std::size_t KvMover::segment_bytes(bool by_layer) const {
  const std::int64_t piece = 2 * layout_.piece_elements();
  if (!layout_.page_first) return size(piece);
  return size(by_layer ? 2 * piece : 2 * piece * layout_.layers);
}

std::int64_t KvMover::segments(std::int64_t blocks, bool by_layer) const {
  return blocks * static_cast<std::int64_t>(slot_bytes(layout_, block_pages_) / segment_bytes(by_layer));
}

// Pieces of layers [first, first + layers) of each page; with page-first pools neighbours are one segment.
void KvMover::collect_segments(Way way, const std::vector<MovedBlock>& blocks, int first_layer, int layers,
                               std::vector<void*>& to, std::vector<const void*>& from) const {
  const std::int64_t piece = layout_.piece_elements(), page_elements = 2 * piece * layout_.layers;
  const auto add = [&](Bf16* on_gpu, Bf16* on_host) {
    to.push_back(way == Way::to_host ? on_host : on_gpu);
    from.push_back(way == Way::to_host ? on_gpu : on_host);
  };
  for (const MovedBlock& b : blocks) {
    Bf16* slot = host_ + std::int64_t{b.slot} * block_pages_ * page_elements;
    for (std::size_t j = 0; j < b.pages.size(); ++j) {
      Bf16* page = pool_ + b.pages[j] * layout_.page_stride();
      Bf16* kept = slot + static_cast<std::int64_t>(j) * page_elements;
      if (layout_.page_first) {
        add(page + first_layer * layout_.layer_stride(), kept + first_layer * 2 * piece);
        continue;
      }
      for (int l = first_layer; l < first_layer + layers; ++l) {
        for (int half = 0; half < 2; ++half) {
          add(page + l * layout_.layer_stride() + half * layout_.value_offset(), kept + (2 * l + half) * piece);
        }
      }
    }
  }
}

void KvMover::copy(Lane& lane, const std::vector<void*>& to, const std::vector<const void*>& from, std::size_t bytes,
                   std::size_t& table_used) {
  if (method_ == "batch") {
    batch_copy(to, from, bytes, BatchOrder::stream, false, lane.stream);
  } else if (copy_blocks_ > 0) {
    void** table = lane.copy_tables.as<void*>() + table_used;
    std::memcpy(table, to.data(), to.size() * sizeof(void*));
    std::memcpy(table + to.size(), from.data(), from.size() * sizeof(void*));
    table_used += 2 * to.size();
    const SegmentCopy all{table, table + to.size(), bytes, static_cast<int>(to.size())};
    KVPLAN_CUDA(launch_segment_copy(all, copy_blocks_, lane.stream));
  } else {
    for (std::size_t i = 0; i < to.size(); ++i) {
      KVPLAN_CUDA(cudaMemcpyAsync(to[i], from[i], bytes, cudaMemcpyDefault, lane.stream));
    }
  }
}

// Of the blocks as they lie on the GPU.
void KvMover::hash(Lane& lane, const std::vector<MovedBlock>& blocks) {
  std::vector<MovedBlock> chosen;
  lane.hashed.clear();
  for (const MovedBlock& b : blocks) {
    if (check_every_ == 0 || b.place % check_every_ != 0 || lane.hashed.size() == kMostHashed) continue;
    lane.hashed.push_back(b.place);
    chosen.push_back(b);
  }
  if (chosen.empty()) return;
  std::vector<void*> unused;
  std::vector<const void*> pieces;
  collect_segments(Way::to_host, chosen, 0, layout_.layers, unused, pieces);
  std::memcpy(lane.hash_tables.data(), pieces.data(), pieces.size() * sizeof(void*));
  KVPLAN_CUDA(launch_hash_segments(lane.hash_tables.as<const void*>(), segment_bytes(false),
                                   static_cast<int>(pieces.size() / chosen.size()), lane.hashes.as<std::uint64_t>(),
                                   static_cast<int>(chosen.size()), lane.stream));
}

void KvMover::start(Way way, const std::vector<MovedBlock>& blocks, bool by_layer) {
  Lane& lane = lanes_[static_cast<int>(way)];
  if (way == Way::to_host) hash(lane, blocks);
  KVPLAN_CUDA(cudaEventRecord(lane.begin, lane.stream));
  std::size_t table_used = 0;
  const int parts = by_layer ? layout_.layers : 1;
  for (int part = 0; part < parts; ++part) {
    std::vector<void*> to;
    std::vector<const void*> from;
    collect_segments(way, blocks, part, by_layer ? 1 : layout_.layers, to, from);
    copy(lane, to, from, segment_bytes(by_layer), table_used);
    if (by_layer) KVPLAN_CUDA(cudaEventRecord(lane.layers[size(part)], lane.stream));
  }
  KVPLAN_CUDA(cudaEventRecord(lane.end, lane.stream));
  if (way != Way::to_host) hash(lane, blocks);
}

bool KvMover::ended(Way way) const {
  const Lane& lane = lanes_[static_cast<int>(way)];
  const cudaError_t state = cudaEventQuery(lane.end);
  if (state == cudaErrorNotReady) {
    cudaGetLastError();  // or the next launch would tell it as an error of its own
    return false;
  }
  KVPLAN_CUDA(state);
  return true;
}

std::int64_t KvMover::finish(Way way) {
  Lane& lane = lanes_[static_cast<int>(way)];
  if (!lane.hashed.empty()) lane.stream.wait();
  for (std::size_t i = 0; i < lane.hashed.size(); ++i) {
    const std::uint64_t now = lane.hashes.as<std::uint64_t>()[i];
    if (way == Way::to_host) {
      left_as_[lane.hashed[i]] = now;
    } else {
      ++checked_;
      const auto at = left_as_.find(lane.hashed[i]);
      wrong_ += at == left_as_.end() || at->second != now;
    }
  }
  lane.hashed.clear();
  float ms = 0;
  KVPLAN_CUDA(cudaEventElapsedTime(&ms, lane.begin, lane.end));
  return static_cast<std::int64_t>(static_cast<double>(ms) * 1e6);
}

}  // namespace kvplan::gpu
