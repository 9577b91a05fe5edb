// Measured times of operators, from tables (CSV, plain or compressed) and from the GPU harness (JSON).
//
// A table tells its operator by its columns:
//   gemm               m, n, k, gemm_dtype
//   prefill_attention  batch_size, isl, num_heads, num_key_value_heads, head_dim, kv_cache_dtype [, window_size]
//   decode_attention   batch_size, step, the same heads; `step` tokens lie in the cache, so context = step + 1
//   all_reduce         num_gpus, message_size (16-bit elements) [, backend or op_name]
// and one of latency (ms, the public tables' unit), latency_ms, latency_us, latency_ns. kernel_source, system and
// device are optional. Rows that no fit is made of (windows, other dtypes, other collectives) are counted by reason.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "models/architecture.hpp"
#include "models/fitting/gpu_run_checks.hpp"
#include "models/operators/form.hpp"
#include "validate/gpu_run/gpu_run.hpp"

namespace kvplan {

struct Measured {
  Shape shape{};
  double ns = 0;
  std::int64_t line = 0;  // in MeasuredSet::files[file]
  std::size_t file = 0;
};

// One operator, one dtype, one source of kernels.
struct MeasuredSet {
  Operator op = Operator::gemm;
  Dtype dtype = Dtype::bf16;
  std::string kernel;
  std::vector<std::string> files;
  std::vector<Measured> rows;
};

struct OperatorTables {
  std::vector<MeasuredSet> sets;
  std::string device;  // "h100": from a system or device column, or the name of the file; "" when none tells
  std::string device_file;                       // that told it first
  std::map<std::string, std::int64_t> left_out;  // rows by reason
  std::map<std::string, std::string> sha256;     // of each file's text
  std::vector<GpuRun> gpu_runs;                  // read among the tables
  std::vector<std::string> warnings;             // about them
  bool synthetic = false;                        // one of them came from a formula

  // One more row; `row.file` is set here.
  void add(Operator op, Dtype dtype, const std::string& kernel, const std::string& file, Measured row);
  // InputError when another device was noted before. "NVIDIA H100 80GB HBM3" and "h100_sxm" are both "h100".
  void note_device(const std::string& name, const std::string& file, std::int64_t line);
};

// InputError with all findings: missing columns, numbers that are none, two units, two devices.
OperatorTables read_operator_tables(const std::vector<std::string>& paths, const RunUse& use = {});

}  // namespace kvplan
