// Operators of a run of kvplan-gpu: matrix products (X7), prefill attention with and without a cached prefix (X8) and
// decode attention (X9). Only points that are "ok" enter; the others are counted by their reason.
//
// Where a shape was measured with several of our kernels or layouts the fastest counts: an engine would choose it.
#include <fmt/format.h>

#include <map>

#include "models/fitting/readers.hpp"
#include "validate/gpu_run/tables.hpp"

namespace kvplan {
namespace {

double of(std::int64_t x) { return static_cast<double>(x); }

class Fastest {
 public:
  Fastest(Operator op, Dtype dtype, std::string kernel) : op_(op), dtype_(dtype), kernel_(std::move(kernel)) {}

  void offer(const Shape& shape, const MeasuredTime& t) {
    const double ns = t.ms * 1e6;
    const auto [at, inserted] = ns_.emplace(shape, ns);
    if (!inserted) at->second = std::min(at->second, ns);
  }
  // Rows of a run have no lines: their points are told by their shapes.
  void add_to(OperatorTables& into, const std::string& file) const {
    for (const auto& [shape, ns] : ns_) into.add(op_, dtype_, kernel_, file, {shape, ns, 0, 0});
  }

 private:
  Operator op_;
  Dtype dtype_;
  std::string kernel_;
  std::map<Shape, double> ns_;
};

}  // namespace

void add_gpu_run(GpuRun run, const std::string& file, bool allow_synthetic, OperatorTables& into) {
  if (run.synthetic && !allow_synthetic) {
    throw InputError(Diagnostic{file, 0, 0, "this run was made by a formula, not by a GPU",
                                "measure one with kvplan-gpu; --synthetic fits it all the same, for tests"});
  }
  const GpuTables tables = tables_of(run);
  into.note_device(tables.device, file, 0);
  into.synthetic = into.synthetic || run.synthetic;
  Fastest bf16(Operator::gemm, Dtype::bf16, "kvplan-gpu cublaslt"), fp8(Operator::gemm, Dtype::fp8, "kvplan-gpu cublaslt"),
      prefill(Operator::prefill_attention, Dtype::bf16, "kvplan-gpu paged, fastest of its tiles"),
      decode(Operator::decode_attention, Dtype::bf16, "kvplan-gpu paged, fastest of its layouts");
  for (const GemmRow& r : tables.gemm) {
    (r.dtype == "fp8" ? fp8 : bf16).offer({of(r.m), of(r.n), of(r.k)}, r.latency);
  }
  for (const PrefillAttentionRow& r : tables.prefill) {
    prefill.offer({of(r.batch_size), of(r.isl), of(r.num_heads), of(r.num_key_value_heads), of(r.head_dim), of(r.prefix)},
                  r.latency);
  }
  for (const DecodeAttentionRow& r : tables.decode) {
    decode.offer({of(r.batch_size), of(r.step), of(r.num_heads), of(r.num_key_value_heads), of(r.head_dim)}, r.latency);
  }
  for (const Fastest* set : {&bf16, &fp8, &prefill, &decode}) set->add_to(into, file);
  for (const LeftOut& l : tables.left_out) {
    into.left_out[fmt::format("{}: {} ({})", l.experiment, l.status, l.reason)] += l.points;
  }
  into.gpu_runs.push_back(std::move(run));
}

}  // namespace kvplan
