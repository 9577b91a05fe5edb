#include "cli/step_price.hpp"

#include <fmt/format.h>

#include "models/operators/calibration.hpp"
#include "models/operators/step_model.hpp"
#include "models/roofline.hpp"

namespace kvplan {
namespace {

constexpr const char* kOption = "step_time.calibration";
constexpr const char* kRoofline = "roofline";

OperatorModel named(const Scenario& s, const std::string& name, const Hardware& hardware) {
  try {
    OperatorModel model = load_calibration(name);
    const Calibration& c = model.calibration();
    if (c.hardware != hardware.name && c.gpu != hardware.gpu.name) {
      throw InputError(s.finding(kOption, fmt::format("calibration {} is of {}, not of {}", name, c.gpu, hardware.gpu.name),
                                 "leave it out, or say roofline"));
    }
    return model;
  } catch (const InputError& e) {
    std::vector<Diagnostic> findings = e.findings();
    for (Diagnostic& d : findings) {
      if (d.file.empty()) d = s.finding(kOption, d.message, d.help);
    }
    throw InputError(findings);
  }
}

IntervalEnd end_of(const Scenario& s) {
  const std::string end = s.text("step_time.end");
  return end == "low" ? IntervalEnd::low : end == "high" ? IntervalEnd::high : IntervalEnd::central;
}

std::optional<double> request_s_of(const HostFit& host, IntervalEnd end) {
  if (!host.fitted) return std::nullopt;
  const Coefficient& c = host.request_s;
  return end == IntervalEnd::low ? c.low : end == IntervalEnd::high ? c.high : c.value;
}

}  // namespace

PricedStep price_step(const Scenario& s, const Hardware& hardware, const Architecture& a, std::vector<std::string>& notes) {
  const auto tp = static_cast<std::int32_t>(s.integer("tp"));
  const Dtype weights = dtype_from_name(s.text("weights")), kv = dtype_from_name(s.text("kv_dtype"));
  const bool chosen = s.has(kOption);
  const std::string name = chosen ? s.text(kOption) : hardware.calibration;
  std::string why = "no calibration of this hardware";
  if (!name.empty() && name != kRoofline) {
    const OperatorModel model = named(s, name, hardware);
    why = calibration_gap(model, a, tp, weights, kv, true);
    if (why.empty()) {
      const std::string outside = outside_measured(model, a, tp, weights, kv);
      if (!outside.empty()) notes.push_back("outside what was measured, extrapolated by rooflines: " + outside);
      if (model.calibration().synthetic) notes.push_back("SYNTHETIC step times: the calibration was made of a formula's times");
      return {calibrated_step_time(model, a, tp, weights, kv, end_of(s), {&hardware.gpu, s.boolean("expert_parallel")}), request_s_of(model.calibration().host, end_of(s))};
    }
    if (chosen) throw InputError(s.finding(kOption, why, "leave it out, or say roofline"));
    notes.push_back(fmt::format("step times are from the roofline: {}", why));
  }
  if (end_of(s) != IntervalEnd::central) {
    throw InputError(s.finding("step_time.end", fmt::format("{}: the roofline has no interval ({})", hardware.name,
                                                            name == kRoofline ? "asked for" : why),
                               "choose a calibration, other hardware, or leave the ends out"));
  }
  return {roofline_step_time(a, hardware.gpu, Parallelism{tp, s.boolean("expert_parallel")}, weights, kv), std::nullopt};
}

}  // namespace kvplan
