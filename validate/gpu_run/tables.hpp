// A GPU run as the tables that a calibration fits: operators (columns like those
// of the published tables, latency in milliseconds for one layer's operator),
// links and transfers, and how much copies and kernels slow each other.
//
// Only points that are ok enter; what is left out is listed with its reason.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "validate/gpu_run/gpu_run.hpp"

namespace kvplan {

struct MeasuredTime {
  double ms = 0;
  double ci95_low_ms = 0;
  double ci95_high_ms = 0;
};

struct GemmRow {
  std::string dtype;  // "bfloat16", "fp8"
  std::int64_t m = 0, n = 0, k = 0;
  MeasuredTime latency;
};

struct PrefillAttentionRow {
  std::int64_t batch_size = 0, isl = 0, prefix = 0;  // new tokens of each sequence, and tokens cached before them
  std::int64_t num_heads = 0, num_key_value_heads = 0, head_dim = 0;
  std::string kernel;  // which of our kernels
  MeasuredTime latency;
};

struct DecodeAttentionRow {
  std::int64_t batch_size = 0, step = 0;  // tokens in the KV cache of each sequence
  std::int64_t num_heads = 0, num_key_value_heads = 0, head_dim = 0, page_tokens = 0;
  std::string layout;
  MeasuredTime latency;
};

struct SmallKernelRow {
  std::string name;
  std::int64_t tokens = 0, width = 0;
  MeasuredTime latency;
};

struct TransferRow {
  std::string method, direction;  // docs/gpu-harness.md: "dma", "batch", ...; "h2d", "d2h"
  std::int64_t segment_bytes = 0, segments = 0;
  MeasuredTime latency;
  double submit_ms = 0;
  bool latched = false;  // else the time contains what submission takes
};

// time = fixed + bytes / rate of one contiguous copy.
struct LinkRow {
  std::string direction, memory;  // "h2d", "d2h", "d2d"; "pinned", "pageable", ...
  double fixed_s = 0;
  double bytes_per_s = 0;
  double largest_relative_error = 0;
  std::int64_t smallest_bytes = 0, largest_bytes = 0;
};

// Time with the other side running over time alone.
struct SlowdownRow {
  std::string victim, aggressor;
  double factor = 1;
};

// Several copies at once, in a pattern of docs/gpu-harness.md ("h2d + d2h").
struct TogetherRow {
  std::string pattern, method;
  std::int64_t segment_bytes = 0, bytes = 0;  // of all
  MeasuredTime latency;
};

// How long a small copy takes that is asked for while large ones run to the device, `chunk_bytes` each (0: none);
// a first copy of 4 KiB is part of it.
struct ControlCopyRow {
  std::string direction;  // its own: "h2d", "d2h"
  std::int64_t chunk_bytes = 0;
  MeasuredTime latency;
};

struct LeftOut {
  std::string experiment, status, reason;
  std::int64_t points = 0;
};

struct GpuTables {
  std::string device, uuid;
  bool synthetic = false;
  std::vector<GemmRow> gemm;
  std::vector<PrefillAttentionRow> prefill;
  std::vector<DecodeAttentionRow> decode;
  std::vector<SmallKernelRow> small;
  std::vector<TransferRow> transfers;
  std::vector<LinkRow> links;
  std::vector<SlowdownRow> slowdowns;
  std::vector<ControlCopyRow> control_copies;
  std::vector<TogetherRow> together;
  std::vector<LeftOut> left_out;
};

GpuTables tables_of(const GpuRun&);

// CSV with the columns of the published operator tables (kernel_source first), for tools that read those.
std::string gemm_csv(const GpuTables&);
std::string context_attention_csv(const GpuTables&);  // only rows without a prefix: those tables have none
std::string generation_attention_csv(const GpuTables&);

}  // namespace kvplan
