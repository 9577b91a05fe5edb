// A machine as kvplan sees it: one kind of GPU, the node around it, and the
// graph of memories, devices and links that KV transfers cross. Every figure
// carries its source and date; rates are bytes per second, one way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/sourced.hpp"
#include "hardware/copy_surface.hpp"

namespace kvplan {

struct Gpu {
  std::string name;
  Sourced bf16_flops;        // dense, per second
  Sourced fp8_flops;         // 0 when the part has none
  Sourced hbm_bytes;         // what CUDA exposes, of which gpu_memory_utilization is a share; not what is sold
  Sourced hbm_bytes_per_s;   // data sheet
  Sourced peer_bytes_per_s;  // NVLink (or PCIe) to another GPU of the node, one way; 0 when it has one GPU
  Sourced idle_watts, busy_watts;
  Sourced prefill_watts, decode_watts;  // while computing prompts or decoding; 0: not measured, busy_watts counts
  // Efficiencies of real kernels against the data sheet, 0..1.
  Sourced gemm_efficiency;               // large bf16 GEMMs, of the bf16 peak
  Sourced fp8_gemm_efficiency;           // large fp8 GEMMs, of the fp8 peak
  Sourced prefill_attention_efficiency;  // of the bf16 peak
  Sourced hbm_efficiency;                // weight and activation streaming
  Sourced decode_attention_efficiency;   // KV streaming, of hbm_bytes_per_s
  // Overheads.
  Sourced kernel_launch_s;        // floor of one kernel in a CUDA graph
  Sourced attention_floor_s;      // of the attention kernels of one layer
  Sourced step_host_s;            // scheduler, sampling and host work of one engine step
  Sourced sequence_host_s;        // the same, per sequence that emits a token
  Sourced allreduce_floor_s;      // of one all-reduce at TP > 1
  Sourced allreduce_bytes_per_s;  // algorithm bandwidth of a large all-reduce
};

// A link or a shared limit of the node, as max-min sharing sees it.
struct LinkKind {
  std::string name;
  Sourced to_device_bytes_per_s;  // measured, large segments
  Sourced from_device_bytes_per_s;
  Sourced duplex_bytes_per_s;   // total of both directions at once; 0: no limit of its own
  Sourced to_device_segment_s;  // per-segment cost of a DMA copy
  Sourced from_device_segment_s;
};

// bridge: PCIe root, switch, socket: passes on, stores nothing. ssd, remote: where KV goes beyond host memory.
enum class VertexKind { gpu, memory, bridge, ssd, remote };

struct Vertex {
  std::string name;
  VertexKind kind = VertexKind::bridge;
  Sourced bytes;        // memories, ssd, remote: capacity
  Sourced bytes_per_s;  // memories: reads plus writes of all copies; bridges: total both ways; 0: no limit
  Sourced read_bytes_per_s = {}, write_bytes_per_s = {};  // ssd, remote: all drives of the node, or its share of the store
  // ssd, remote; 0 where the file does not say.
  Sourced mixed_bytes_per_s = {};      // reads and writes together
  Sourced filesystem_efficiency = {};  // share of these rates that a file system leaves, 0..1
  Sourced latency_s = {};              // until the first byte of a transfer comes
  Sourced queue_depth = {};            // blocks in flight from which on the full rate is had
  Sourced single_share = {};           // share of the full rate that one block in flight gets
  Sourced rated_write_bytes = {};      // ssd: what all drives together may be written with in their life
};

// `from` is farther from the GPU (storage, memory, bridge, GPU); to_device runs from -> to.
struct Link {
  std::string from, to;
  std::size_t kind = 0;  // into Hardware::link_kinds
};

struct Hardware {
  std::string name;
  std::string title;
  Gpu gpu;
  std::int32_t gpus_per_node = 1;
  std::vector<LinkKind> link_kinds;
  std::vector<Vertex> vertices;  // with capacities and limits
  std::vector<Link> links;
  Sourced usd_per_gpu_hour;
  Sourced copy_slowdown_to_device;  // factor by which a running copy slows compute: 1.0 = not at all
  Sourced copy_slowdown_from_device;
  // What a copy by an SM kernel takes from compute on top of that, as it holds SMs; 0 where the file does not say.
  Sourced kernel_copy_slowdown_to_device, kernel_copy_slowdown_from_device;
  // Factor by which running steps slow copies; 0 where the file does not say: not at all.
  Sourced compute_slowdown_to_device, compute_slowdown_from_device;
  // How many pieces of a KV copy (what is submitted to the copy engine at once) a step's own small copies wait for
  // while one is in flight in their direction; 0 where the file does not say: none.
  Sourced control_wait_pieces_to_device, control_wait_pieces_from_device;
  // How a GPU gets at what its memory has no room for; 0 where the file does not say.
  Sourced in_place_bytes_per_s;  // kernels that read host memory themselves
  Sourced managed_bytes_per_s;   // managed memory, whose pages move in and out at faults
  bool coherent = false;         // caches of host and GPU are coherent (NVLink-C2C): pageable memory can be read in place
  std::vector<CopySurface> copy_surfaces;
  std::string calibration;  // measured operators of this GPU (hardware/calibrations); "" when there is none
  std::vector<std::string> notes;

  double host_memory_bytes() const;  // all memories of a node
  // The one vertex of a kind, or null.
  const Vertex* storage(VertexKind) const;
};

// A name that ships with kvplan, or the path of a JSON file (anything with a '/' or ending in ".json").
// InputError with all findings of the file, or with a suggestion for an unknown name.
Hardware load_hardware(const std::string& name_or_path);
// The text of a hardware file.
Hardware parse_hardware(const std::string& text, const std::string& name);
std::vector<std::string> hardware_names();

}  // namespace kvplan
