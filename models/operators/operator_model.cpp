#include "models/operators/operator_model.hpp"

#include <algorithm>

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "base/json_file.hpp"
#include "models/operators/calibration.hpp"
#include "models/operators/evaluate.hpp"

namespace kvplan {

struct ReadyFit {
  const Form* form = nullptr;  // null: the calibration has none
  Peaks peaks;
  Weights weights;
  Shape low{}, high{};
  std::vector<Regime> regimes;
};

namespace {

constexpr std::string_view kFolder = "hardware/calibrations/";
constexpr std::size_t kDtypeCount = 8;

Dtype as_measured(Dtype d) { return d == Dtype::fp16 ? Dtype::bf16 : d; }

std::size_t slot(Operator op, Dtype dtype) {
  const auto d = static_cast<std::size_t>(as_measured(dtype));
  KVPLAN_ASSERT(d < kDtypeCount);
  return static_cast<std::size_t>(op) * kDtypeCount + d;
}

ReadyFit ready(const OperatorFit& fit) {
  ReadyFit r{&form_of(fit.op), fit.peaks, {}, fit.low, fit.high, fit.regimes};
  for (std::size_t i = 0; i < fit.terms.size(); ++i) r.weights.terms[i] = fit.terms[i].value;
  for (const Coefficient& c : fit.coefficients) r.weights.coefficients.push_back(c.value);
  return r;
}

Estimate estimate(const ReadyFit& f, const Shape& shape) {
  KVPLAN_ASSERT(f.form != nullptr);
  Shape clamped = shape;
  bool inside = true;
  for (std::size_t i = 0; i < f.form->axes.size(); ++i) {
    clamped[i] = std::clamp(shape[i], f.low[i], f.high[i]);
    inside = inside && clamped[i] == shape[i];
  }
  const Roofline at_edge = roofline_of(*f.form, f.peaks, f.weights.terms, clamped);
  const double outside =
      inside ? 1 : roofline_of(*f.form, f.peaks, f.weights.terms, shape).ns / at_edge.ns;
  const double ns =
      outside * at_edge.ns * std::exp(correction(*f.form, f.peaks, at_edge, clamped, f.weights.coefficients));
  const Regime& regime = f.regimes[f.form->regime_of(clamped)];
  return {ns, ns * regime.low_factor, ns * regime.high_factor, inside};
}

double at_end_ns(const Coefficient& seconds, IntervalEnd end) {
  return 1e9 * (end == IntervalEnd::low ? seconds.low : end == IntervalEnd::high ? seconds.high : seconds.value);
}

}  // namespace

OperatorModel::OperatorModel(std::shared_ptr<const Calibration> calibration) : calibration_(std::move(calibration)) {
  auto fits = std::make_shared<std::vector<ReadyFit>>(kOperators * kDtypeCount);
  for (const OperatorFit& f : calibration_->fits) (*fits)[slot(f.op, f.dtype)] = ready(f);
  fits_ = std::move(fits);
}

bool OperatorModel::has_gemm(Dtype weights) const { return (*fits_)[slot(Operator::gemm, weights)].form != nullptr; }

bool OperatorModel::has_attention(Dtype kv) const {
  return (*fits_)[slot(Operator::prefill_attention, kv)].form != nullptr &&
         (*fits_)[slot(Operator::decode_attention, kv)].form != nullptr;
}

bool OperatorModel::has_all_reduce(std::int32_t gpus) const {
  const ReadyFit& f = (*fits_)[slot(Operator::all_reduce, Dtype::bf16)];
  return f.form != nullptr && gpus >= f.low[1] && gpus <= f.high[1];
}

double OperatorModel::longest_prefix(Dtype kv) const {
  return (*fits_)[slot(Operator::prefill_attention, kv)].high[5];
}

Estimate OperatorModel::gemm(const GemmShape& s, Dtype weights) const {
  return estimate((*fits_)[slot(Operator::gemm, weights)], {s.m, s.n, s.k});
}

Estimate OperatorModel::prefill_attention(const PrefillShape& s, Dtype kv) const {
  return estimate((*fits_)[slot(Operator::prefill_attention, kv)],
                  {s.batch, s.tokens, s.heads, s.kv_heads, s.head_dim, s.cached});
}

Estimate OperatorModel::decode_attention(const DecodeShape& s, Dtype kv) const {
  return estimate((*fits_)[slot(Operator::decode_attention, kv)],
                  {s.batch, s.context, s.heads, s.kv_heads, s.head_dim});
}

Estimate OperatorModel::all_reduce(const AllReduceShape& s) const {
  return estimate((*fits_)[slot(Operator::all_reduce, Dtype::bf16)], {s.bytes, s.gpus});
}

Estimate OperatorModel::elementwise(double bytes) const {
  const Coefficient& e = calibration_->host.elementwise_efficiency;
  const double at_peak_ns = bytes / calibration_->hbm_bytes_per_s * 1e9;
  return {at_peak_ns / e.value, at_peak_ns / e.high, at_peak_ns / e.low, true};
}

double OperatorModel::step_host_ns(IntervalEnd end) const { return at_end_ns(calibration_->host.step_s, end); }
double OperatorModel::sequence_host_ns(IntervalEnd end) const { return at_end_ns(calibration_->host.sequence_s, end); }

OperatorModel load_calibration(const std::string& name_or_path) {
  if (is_json_path(name_or_path)) {
    return OperatorModel(std::make_shared<const Calibration>(read_calibration(name_or_path)));
  }
  const std::string file = std::string(kFolder) + name_or_path + ".json";
  const std::string_view text = embedded_file(file);
  if (text.data() == nullptr) {
    throw InputError(Diagnostic{"", 0, 0, "unknown calibration \"" + name_or_path + "\"",
                                suggestion(name_or_path, calibration_names()) + " (or the path of a calibration, *.json)"});
  }
  return OperatorModel(std::make_shared<const Calibration>(parse_calibration(std::string(text), file)));
}

std::vector<std::string> calibration_names() { return embedded_json_names(kFolder); }

}  // namespace kvplan
