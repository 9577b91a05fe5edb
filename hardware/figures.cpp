#include "hardware/figures.hpp"

namespace kvplan {
namespace {

// Wide enough for any machine of these decades, narrow enough to catch GB/s where bytes per second are meant.
const FigureRange kFlops = {"FLOP/s", 1e12, 1e17};
const FigureRange kFlopsOrNone = {"FLOP/s", 1e12, 1e17, true};
const FigureRange kRate = {"B/s", 1e6, 1e15};
const FigureRange kRateOrNone = {"B/s", 1e6, 1e15, true};
const FigureRange kCapacity = {"B", 1e9, 1e16};
const FigureRange kSeconds = {"s", 1e-9, 1, true};
const FigureRange kWatts = {"W", 1, 1e5};
const FigureRange kWattsIfMeasured = {"W", 1, 1e5, false, true};
const FigureRange kEfficiency = {"", 0.001, 1};
const FigureRange kSlowdown = {"", 1, 10};
const FigureRange kSlowdownIfKnown = {"", 1, 10, false, true};
const FigureRange kPiecesIfKnown = {"", 0.001, 1e4, true, true};
const FigureRange kRateIfKnown = {"B/s", 1e6, 1e15, false, true};
const FigureRange kShareIfKnown = {"", 0.001, 1, false, true};
const FigureRange kLatencyIfKnown = {"s", 1e-9, 1, false, true};
const FigureRange kDepthIfKnown = {"", 1, 4096, false, true};
const FigureRange kEnduranceIfKnown = {"B", 1e12, 1e20, false, true};
const FigureRange kUsd = {"USD", 0.001, 1e4, true};

}  // namespace

const std::vector<Figure<Gpu>>& gpu_figures() {
  static const std::vector<Figure<Gpu>> table = {
      {"bf16_flops", &Gpu::bf16_flops, kFlops},
      {"fp8_flops", &Gpu::fp8_flops, kFlopsOrNone},
      {"hbm_bytes", &Gpu::hbm_bytes, kCapacity},
      {"hbm_bytes_per_s", &Gpu::hbm_bytes_per_s, kRate},
      {"peer_bytes_per_s", &Gpu::peer_bytes_per_s, kRateOrNone},
      {"idle_watts", &Gpu::idle_watts, kWatts},
      {"busy_watts", &Gpu::busy_watts, kWatts},
      {"prefill_watts", &Gpu::prefill_watts, kWattsIfMeasured},
      {"decode_watts", &Gpu::decode_watts, kWattsIfMeasured},
      {"gemm_efficiency", &Gpu::gemm_efficiency, kEfficiency},
      {"fp8_gemm_efficiency", &Gpu::fp8_gemm_efficiency, kEfficiency},
      {"prefill_attention_efficiency", &Gpu::prefill_attention_efficiency, kEfficiency},
      {"hbm_efficiency", &Gpu::hbm_efficiency, kEfficiency},
      {"decode_attention_efficiency", &Gpu::decode_attention_efficiency, kEfficiency},
      {"kernel_launch_s", &Gpu::kernel_launch_s, kSeconds},
      {"attention_floor_s", &Gpu::attention_floor_s, kSeconds},
      {"step_host_s", &Gpu::step_host_s, kSeconds},
      {"sequence_host_s", &Gpu::sequence_host_s, kSeconds},
      {"allreduce_floor_s", &Gpu::allreduce_floor_s, kSeconds},
      {"allreduce_bytes_per_s", &Gpu::allreduce_bytes_per_s, kRate},
  };
  return table;
}

const std::vector<Figure<LinkKind>>& link_kind_figures() {
  static const std::vector<Figure<LinkKind>> table = {
      {"to_device_bytes_per_s", &LinkKind::to_device_bytes_per_s, kRate},
      {"from_device_bytes_per_s", &LinkKind::from_device_bytes_per_s, kRate},
      {"duplex_bytes_per_s", &LinkKind::duplex_bytes_per_s, kRateOrNone},
      {"to_device_segment_s", &LinkKind::to_device_segment_s, kSeconds},
      {"from_device_segment_s", &LinkKind::from_device_segment_s, kSeconds},
  };
  return table;
}

const std::vector<Figure<Vertex>>& memory_figures() {
  static const std::vector<Figure<Vertex>> table = {
      {"bytes", &Vertex::bytes, kCapacity},
      {"bytes_per_s", &Vertex::bytes_per_s, kRateOrNone},
  };
  return table;
}

const std::vector<Figure<Vertex>>& storage_figures() {
  static const std::vector<Figure<Vertex>> table = {
      {"bytes", &Vertex::bytes, kCapacity},
      {"read_bytes_per_s", &Vertex::read_bytes_per_s, kRate},
      {"write_bytes_per_s", &Vertex::write_bytes_per_s, kRate},
      {"mixed_bytes_per_s", &Vertex::mixed_bytes_per_s, kRateIfKnown},
      {"filesystem_efficiency", &Vertex::filesystem_efficiency, kShareIfKnown},
      {"latency_s", &Vertex::latency_s, kLatencyIfKnown},
      {"queue_depth", &Vertex::queue_depth, kDepthIfKnown},
      {"single_share", &Vertex::single_share, kShareIfKnown},
      {"rated_write_bytes", &Vertex::rated_write_bytes, kEnduranceIfKnown},
  };
  return table;
}

const std::vector<Figure<Hardware>>& node_figures() {
  static const std::vector<Figure<Hardware>> table = {
      {"usd_per_gpu_hour", &Hardware::usd_per_gpu_hour, kUsd},
      {"copy_slowdown_to_device", &Hardware::copy_slowdown_to_device, kSlowdown},
      {"copy_slowdown_from_device", &Hardware::copy_slowdown_from_device, kSlowdown},
      {"kernel_copy_slowdown_to_device", &Hardware::kernel_copy_slowdown_to_device, kSlowdownIfKnown},
      {"kernel_copy_slowdown_from_device", &Hardware::kernel_copy_slowdown_from_device, kSlowdownIfKnown},
      {"compute_slowdown_to_device", &Hardware::compute_slowdown_to_device, kSlowdownIfKnown},
      {"compute_slowdown_from_device", &Hardware::compute_slowdown_from_device, kSlowdownIfKnown},
      {"control_wait_pieces_to_device", &Hardware::control_wait_pieces_to_device, kPiecesIfKnown},
      {"control_wait_pieces_from_device", &Hardware::control_wait_pieces_from_device, kPiecesIfKnown},
      {"in_place_bytes_per_s", &Hardware::in_place_bytes_per_s, kRateIfKnown},
      {"managed_bytes_per_s", &Hardware::managed_bytes_per_s, kRateIfKnown},
  };
  return table;
}

}  // namespace kvplan
