// How long one operator takes on one kind of GPU, from a calibration: a fit of
// measured kernels (docs/calibration.md). Times are nanoseconds.
//
//   ns = roofline(shape) x exp(sum of coefficient x feature(shape))
//
// roofline is a sum of physical terms (launch, memory, compute, tiles) with
// weights that are not negative, at the peaks that the calibration names; the
// sum in exp, linear in its coefficients, is how far from it kernels stay:
// efficiency curves over m, n, k, batch, context and heads, waves of tiles,
// padding (form.hpp, and one file a form).
//
// Every prediction carries a 90 % interval for a shape that was never measured:
// from the errors that held-out shapes had, by regime. Outside the measured
// range the shape is clamped to it for the sum (the roofline still scales) and
// `inside` is false. What nothing was measured of (lm_head, small kernels, host
// work, prefill attention on a cached prefix, unless a run of kvplan-gpu has
// them) is estimated and says so: see `unvalidated` in step_model.hpp.
//
// Evaluation allocates nothing and takes about a microsecond; the step built from it (step_model.hpp) takes under 100 ns.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/architecture.hpp"

namespace kvplan {

struct Estimate {
  double ns = 0;
  double low_ns = 0;  // 90 % of unmeasured shapes take between low and high
  double high_ns = 0;
  bool inside = true;  // the measured range
};

// Which end of the 90 % interval.
enum class IntervalEnd { low, central, high };

struct GemmShape {  // rows m times a k x n matrix
  double m, n, k;
};

struct PrefillShape {  // one layer; each of `batch` sequences computes `tokens` causal queries on `cached` keys before them
  double batch, tokens, heads, kv_heads, head_dim;
  double cached = 0;
};

struct DecodeShape {  // one layer; each of `batch` sequences attends from one query to `context` keys
  double batch, context, heads, kv_heads, head_dim;
};

struct AllReduceShape {
  double bytes, gpus;
};

struct Calibration;  // calibration.hpp
struct ReadyFit;     // operator_model.cpp

class OperatorModel {
 public:
  explicit OperatorModel(std::shared_ptr<const Calibration> calibration);

  const Calibration& calibration() const { return *calibration_; }

  // Whether the calibration has a fit for these. The functions below assert it. fp16 counts as bf16.
  bool has_gemm(Dtype weights) const;
  bool has_attention(Dtype kv) const;
  bool has_all_reduce(std::int32_t gpus) const;

  // Cached tokens up to which prefill attention was measured; 0: without a prefix alone.
  double longest_prefix(Dtype kv) const;

  Estimate gemm(const GemmShape&, Dtype weights) const;
  Estimate prefill_attention(const PrefillShape&, Dtype kv) const;
  Estimate decode_attention(const DecodeShape&, Dtype kv) const;
  Estimate all_reduce(const AllReduceShape&) const;
  // To read or write `bytes` of activations in small kernels: unvalidated.
  Estimate elementwise(double bytes) const;
  // Host work of a step, and of each sequence that emits a token: fitted on whole servers, or the hardware's figure.
  double step_host_ns(IntervalEnd end = IntervalEnd::central) const;
  double sequence_host_ns(IntervalEnd end = IntervalEnd::central) const;

 private:
  std::shared_ptr<const Calibration> calibration_;
  std::shared_ptr<const std::vector<ReadyFit>> fits_;  // by Operator, then Dtype
};

// By name from those that ship with kvplan (hardware/calibrations), or by path. InputError with all findings of the
// file, or with a suggestion for an unknown name.
OperatorModel load_calibration(const std::string& name_or_path);
std::vector<std::string> calibration_names();

}  // namespace kvplan
