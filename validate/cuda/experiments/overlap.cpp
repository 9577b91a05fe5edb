// X12 KV loaded layer by layer under the compute that needs it; X13 a leading
// part of a prefix recomputed while the rest is loaded.
#include <memory>

#include "validate/cuda/experiments/experiments.hpp"
#include "validate/cuda/experiments/layer_stack.hpp"
#include "validate/cuda/experiments/segment_map.hpp"

namespace kvplan::gpu {
namespace {

constexpr int kLayers = 8;
constexpr std::size_t kPieceBytes = 32 << 10;  // K or V of a 16-token page of one layer, 8B

// K and V of `tokens` tokens of one layer as two long copies: what a page-first host pool read in one go, or pages
// that happen to follow each other, would allow at best.
void load_layer(Bench& bench, int tokens, cudaStream_t stream) {
  const std::size_t bytes = static_cast<std::size_t>(tokens) * kPieceBytes / 16;
  for (int half = 0; half < 2; ++half) {
    KVPLAN_CUDA(cudaMemcpyAsync(bench.pools().device_target.data() + static_cast<std::size_t>(half) * bytes,
                                bench.pools().pinned_content.data() + static_cast<std::size_t>(half) * bytes, bytes,
                                cudaMemcpyDefault, stream));
  }
}

void overlap_point(Bench& bench, LayerStack& stack, const AttentionBatch& batch, const std::string& mode, int prefix,
                   int new_tokens) {
  std::vector<Event> arrived;
  for (int l = 0; l < kLayers; ++l) arrived.emplace_back(false);
  Work work{[&](cudaStream_t main, int) {
    if (mode != "compute") {
      follow(main, bench.loads());
      for (int l = 0; l < kLayers; ++l) {
        load_layer(bench, prefix, bench.loads());
        KVPLAN_CUDA(cudaEventRecord(arrived[static_cast<std::size_t>(l)], bench.loads()));
      }
    }
    if (mode == "blocking" || mode == "load") KVPLAN_CUDA(cudaStreamWaitEvent(main, arrived.back(), 0));
    if (mode == "load") return;
    stack.forward(batch, kLayers, main, [&](int layer) {
      if (mode == "layerwise") KVPLAN_CUDA(cudaStreamWaitEvent(main, arrived[static_cast<std::size_t>(layer)], 0));
    });
  }};
  work.operations = LayerStack::operations(kLayers) + 5 * kLayers;
  bench.measure(bench.point({{"mode", mode},
                             {"prefix", std::int64_t{prefix}},
                             {"new_tokens", std::int64_t{new_tokens}},
                             {"layers", std::int64_t{kLayers}}},
                            mode == "compute" ? 0 : std::int64_t{prefix} * 4096 * kLayers),
                work);
}

bool can_run(Bench& bench, int tokens, int kv_tokens) {
  const bool library = bench.matmul().available();
  const bool room = LayerStack::bytes_needed(kLlama8B, kLayers, tokens, kv_tokens) < bench.free_bytes();
  if (!library || !room) bench.waive(bench.point({}), library ? "too little GPU memory" : "libcublasLt is missing");
  return library && room;
}

}  // namespace

void layerwise_loading(Bench& bench) {
  if (!can_run(bench, 1024, 40960)) return;
  LayerStack stack(bench, kLlama8B, kLayers, 1024, 40960);
  bench.expect(3 * 3 * 4);
  for (const int prefix : {1024, 8192, 32768}) {
    for (const int new_tokens : {32, 256, 1024}) {
      const AttentionBatch batch = stack.batch(1, new_tokens, prefix);
      stack.prepare(batch);
      for (const char* mode : {"compute", "load", "blocking", "layerwise"}) {
        overlap_point(bench, stack, batch, mode, prefix, new_tokens);
      }
    }
  }
}

void partial_recompute(Bench& bench) {
  constexpr int kPrefix = 8192;
  if (!can_run(bench, kPrefix, 16384)) return;
  LayerStack stack(bench, kLlama8B, kLayers, kPrefix, 16384);
  bench.expect(9 * 2);
  for (const Method& method : {Method{"dma"}, Method{"kernel", 12}}) {
    for (int eighths = 0; eighths <= 8; ++eighths) {
      const int recomputed = kPrefix / 8 * eighths, loaded = kPrefix - recomputed;
      std::unique_ptr<AttentionBatch> batch;
      if (recomputed > 0) {
        batch = std::make_unique<AttentionBatch>(stack.batch(1, recomputed, 0));
        stack.prepare(*batch);
      }
      const auto pieces = static_cast<std::size_t>(loaded / 16 * 2);
      std::unique_ptr<SegmentMap> map;
      if (pieces > 0) map = std::make_unique<SegmentMap>(bench, Direction::h2d, kPieceBytes, pieces);
      Work work{[&](cudaStream_t main, int) {
        if (map) follow(main, bench.loads());
        // Kernels first: the host is slow to submit single copies, and both must be under way.
        if (batch) stack.forward(*batch, kLayers, main);
        for (int l = 0; map && l < kLayers; ++l) move_segments(*map, method, bench.loads());
        if (map) follow(bench.loads(), main);
      }};
      work.operations = LayerStack::operations(kLayers) + kLayers * method.operations(pieces);
      bench.measure(bench.point({{"method", method.label()},
                                 {"prefix", std::int64_t{kPrefix}},
                                 {"recomputed", std::int64_t{recomputed}},
                                 {"layers", std::int64_t{kLayers}},
                                 {"segment_bytes", static_cast<std::int64_t>(kPieceBytes)}},
                                static_cast<std::int64_t>(pieces * kPieceBytes) * kLayers),
                    work);
    }
  }
}

}  // namespace kvplan::gpu
