// Operators of a run of kvplan-gpu: matrix products (X7), prefill attention with and without a cached prefix (X8) and
// decode attention (X9). Only points that are "ok" enter; the others are counted by their reason.
//
// Where a shape was measured with several of our kernels or layouts the fastest counts: an engine would choose it. One
// of them with two times that contradict each other is an error.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "models/fitting/fit.hpp"
#include "models/fitting/readers.hpp"
#include "validate/gpu_run/tables.hpp"

namespace kvplan {
namespace {

double of(std::int64_t x) { return static_cast<double>(x); }

class Fastest {
 public:
  Fastest(Operator op, Dtype dtype, std::string kernel) : op_(op), dtype_(dtype), kernel_(std::move(kernel)) {}

  // `variant`: which of our kernels or layouts. `sizes`: how many of the shape's numbers count something: at least 1.
  void offer(const Shape& shape, std::ptrdiff_t sizes, const std::string& variant, const MeasuredTime& t,
             const std::string& file) {
    const auto axes = static_cast<std::ptrdiff_t>(form_of(op_).axes.size());
    const std::string name =
        fmt::format("{} of {:g}", form_of(op_).name, fmt::join(shape.begin(), shape.begin() + axes, " x "));
    if (std::any_of(shape.begin(), shape.begin() + sizes, [](double x) { return x < 1; })) {
      throw InputError(Diagnostic{file, 0, 0, name + " does not tell all its sizes, in whole numbers", ""});
    }
    const double ns = t.ms * 1e6;
    const auto [at, inserted] = ns_[shape].emplace(variant, ns);
    if (inserted) return;
    if (std::max(at->second, ns) > kContradiction * std::min(at->second, ns)) {
      throw InputError(Diagnostic{
          file, 0, 0, fmt::format("{} ({}) has times of {:.1f} and {:.1f} us", name, variant, at->second / 1e3, ns / 1e3),
          "one shape by one kernel has one time; leave out the wrong one"});
    }
    at->second = std::min(at->second, ns);
  }
  // Rows of a run have no lines: their points are told by their shapes.
  void add_to(OperatorTables& into, const std::string& file) const {
    for (const auto& [shape, variants] : ns_) {
      const auto faster = [](const auto& a, const auto& b) { return a.second < b.second; };
      const double ns = std::min_element(variants.begin(), variants.end(), faster)->second;
      into.add(op_, dtype_, kernel_, file, {shape, ns, 0, 0});
    }
  }

 private:
  Operator op_;
  Dtype dtype_;
  std::string kernel_;
  std::map<Shape, std::map<std::string, double>> ns_;
};

// Cards of one kind differ, and what one measured is not mixed with another's.
void check_card(const GpuRun& run, const std::string& file, const OperatorTables& so_far) {
  const std::string card = text(run.gpu, "uuid");
  for (const GpuRun& other : so_far.gpu_runs) {
    if (text(other.gpu, "uuid") == card) continue;
    throw InputError(Diagnostic{file, 0, 0, fmt::format("{} is of another card than {}", run.id, other.id),
                                "calibrate one card at a time"});
  }
}

}  // namespace

void add_gpu_run(GpuRun run, const std::string& file, const RunUse& use, OperatorTables& into) {
  for (std::string& warning : admit(run, file, use)) into.warnings.push_back(std::move(warning));
  check_card(run, file, into);
  const GpuTables tables = tables_of(run);
  into.note_device(tables.device, file, 0);
  into.synthetic = into.synthetic || run.synthetic;
  Fastest bf16(Operator::gemm, Dtype::bf16, "kvplan-gpu cublaslt"), fp8(Operator::gemm, Dtype::fp8, "kvplan-gpu cublaslt"),
      prefill(Operator::prefill_attention, Dtype::bf16, "kvplan-gpu paged, fastest of its tiles"),
      decode(Operator::decode_attention, Dtype::bf16, "kvplan-gpu paged, fastest of its layouts");
  for (const GemmRow& r : tables.gemm) {
    if (r.dtype != "fp8" && r.dtype != "bfloat16") {
      throw InputError(
          Diagnostic{file, 0, 0, fmt::format("matrix products of \"{}\"", r.dtype), "expected bfloat16 or fp8"});
    }
    (r.dtype == "fp8" ? fp8 : bf16).offer({of(r.m), of(r.n), of(r.k)}, 3, r.dtype, r.latency, file);
  }
  for (const PrefillAttentionRow& r : tables.prefill) {
    prefill.offer({of(r.batch_size), of(r.isl), of(r.num_heads), of(r.num_key_value_heads), of(r.head_dim), of(r.prefix)},
                  5, r.kernel, r.latency, file);
  }
  for (const DecodeAttentionRow& r : tables.decode) {
    decode.offer({of(r.batch_size), of(r.step), of(r.num_heads), of(r.num_key_value_heads), of(r.head_dim)}, 5,
                 fmt::format("{}, pages of {}", r.layout, r.page_tokens), r.latency, file);
  }
  for (const Fastest* set : {&bf16, &fp8, &prefill, &decode}) set->add_to(into, file);
  for (const LeftOut& l : tables.left_out) {
    into.left_out[fmt::format("{}: {} ({})", l.experiment, l.status, l.reason)] += l.points;
  }
  into.gpu_runs.push_back(std::move(run));
}

}  // namespace kvplan
