// From operators to the engine's step: the counterpart of models/roofline.hpp
// for a calibrated GPU.
//
//   step(m, s) = layers x [GEMMs(m) + attention + 2 all-reduces at TP > 1 + elementwise] + lm_head(s) + host work
//
// Experts come from the roofline, and a layer with a window costs every token and
// sequence a full window, as there.
// The engine evaluates integers that are linear in the decode context and in
// the prefill pairs and piecewise linear in new tokens and samples, so the
// operators are sampled at knots of m and attention is fitted by lines
// (attention_lines.hpp). At the ends of the interval each of the four parts
// (base, head, contexts, pairs) is at its own 90 % end, the operators inside a
// part in quadrature: together a little wider than 90 %.
#pragma once

#include <string>

#include "hardware/hardware.hpp"
#include "models/operators/operator_model.hpp"
#include "models/step_time.hpp"

namespace kvplan {

// What nothing was measured of, in words.
std::string unvalidated_operators(const Calibration&);

// Operators of this model whose sizes or heads lie outside what was measured, in words; "" when none does.
std::string outside_measured(const OperatorModel&, const Architecture&, std::int32_t tp, Dtype weights, Dtype kv);

// Why this calibration cannot price the model at this TP and these dtypes; "" when it can.
std::string calibration_gap(const OperatorModel&, const Architecture&, std::int32_t tp, Dtype weights, Dtype kv,
                            bool experts_by_roofline = false);

// No table has the matrices of experts: on this GPU they take what the roofline says. Null: a model with experts is not
// covered.
struct ExpertRoofline {
  const Gpu* gpu = nullptr;
  bool whole = false;  // each GPU holds whole experts
};

// InfeasibleError when tp does not divide the heads; asserts that there is no gap.
StepTime calibrated_step_time(const OperatorModel&, const Architecture&, std::int32_t tp, Dtype weights, Dtype kv,
                              IntervalEnd end = IntervalEnd::central, const ExpertRoofline& experts = {});

}  // namespace kvplan
