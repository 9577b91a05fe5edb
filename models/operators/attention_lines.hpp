// Attention of one layer as the engine needs it: linear in what it counts.
//
//   prefill of one sequence   floor + token * tokens + pair * (query, key) pairs
//   decode of a batch         floor + sequence * batch + context * sum of contexts
//
// The lines are fitted to what the calibration predicts, over the batches and
// contexts that fit a GPU, by relative error and with no negative slope; both
// share one floor, since a step has one attention launch a layer. How far the
// lines are off is part of the interval.
#pragma once

#include "models/operators/operator_model.hpp"

namespace kvplan {

struct AttentionLines {
  double floor_ns = 0, token_ns = 0, pair_ns = 0, sequence_ns = 0, context_ns = 0;
  double low_factor = 1, high_factor = 1;  // 90 %, of operators and lines together
  double decode_line_error = 0, prefill_line_error = 0;  // 90th percentile of |line / operator - 1|
};

AttentionLines attention_lines(const OperatorModel&, double heads, double kv_heads, double head_dim, Dtype kv);

}  // namespace kvplan
