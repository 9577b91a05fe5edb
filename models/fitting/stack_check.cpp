// Whole layers beside the sum of their operators.
#include <fmt/format.h>

#include "base/error.hpp"
#include "models/fitting/gpu_run_figures.hpp"
#include "models/operators/attention_lines.hpp"
#include "models/operators/step_model.hpp"

namespace kvplan {
namespace {

// Without host work and lm_head, which a stack has not.
double stack_ns(const OperatorModel& model, Architecture a, const RunPoint& p, IntervalEnd end) {
  a.layers = static_cast<std::int32_t>(whole(p.params, "layers"));
  const std::int64_t sequences = whole(p.params, "sequences"), fresh = whole(p.params, "new_tokens"),
                     cached = whole(p.params, "prefix");
  const bool decode = text(p.params, "kind") == "decode";
  const StepTime t = calibrated_step_time(model, a, 1, Dtype::bf16, Dtype::bf16, end);
  BatchFeatures b;
  b.new_tokens = sequences * fresh;
  if (decode) {
    b.decode_context = sequences * (cached + 1);
  } else {
    b.prefill_pairs = sequences * t.pairs(fresh, cached);
  }
  double ns = static_cast<double>(t(b)) / static_cast<double>(kPsPerNs) - model.step_host_ns(end);
  if (decode) {  // what each decoding sequence costs beside its context lies in the head
    ns += a.layers * attention_lines(model, a.heads, a.kv_heads, a.head_dim, Dtype::bf16).sequence_ns *
          static_cast<double>(sequences);
  }
  return ns;
}

Estimate head_ns(const OperatorModel& model, const Architecture& a, const RunPoint& p) {
  const double rows = static_cast<double>(whole(p.params, "rows"));
  return model.gemm({rows, static_cast<double>(a.vocab), static_cast<double>(a.hidden)}, Dtype::bf16);
}

std::string name_of(const RunPoint& p) {
  const RunValues& v = p.params;
  if (text(v, "kind") == "head") return fmt::format("{}: lm_head of {} rows", text(v, "model"), whole(v, "rows"));
  return fmt::format("{}: {} of {} layers, {} x {} new tokens on {}", text(v, "model"), text(v, "kind"), whole(v, "layers"),
                     whole(v, "sequences"), whole(v, "new_tokens"), whole(v, "prefix"));
}

}  // namespace

std::vector<StackCheck> check_stacks(const GpuRun& run, const Calibration& calibration) {
  const OperatorModel model(std::make_shared<const Calibration>(calibration));
  std::vector<StackCheck> out;
  for (const RunPoint& p : run.points) {
    if (p.experiment != "X11" || p.status != PointStatus::ok) continue;
    try {
      const Architecture a = load_architecture(text(p.params, "model"));
      if (!calibration_gap(model, a, 1, Dtype::bf16, Dtype::bf16).empty()) continue;
      StackCheck c{name_of(p), 0, 0, 0, p.summary().median};
      if (text(p.params, "kind") == "head") {
        const Estimate e = head_ns(model, a, p);
        c.predicted_ns = e.ns, c.low_ns = e.low_ns, c.high_ns = e.high_ns;
      } else {
        c.predicted_ns = stack_ns(model, a, p, IntervalEnd::central);
        c.low_ns = stack_ns(model, a, p, IntervalEnd::low), c.high_ns = stack_ns(model, a, p, IntervalEnd::high);
      }
      out.push_back(c);
    } catch (const InputError&) {
      continue;  // a model that this kvplan does not know
    }
  }
  return out;
}

}  // namespace kvplan
