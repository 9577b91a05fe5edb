// A dense transformer in double precision, one prompt at a time, without pages,
// chunks, batches or kernels: what the engine's logits have to be.
#pragma once

#include <cstdint>
#include <vector>

#include "validate/cuda/experiments/model_shape.hpp"
#include "validate/cuda/kernels/bf16.hpp"

namespace kvplan::gpu {

// Row-major, as the engine's; small models only.
struct ReferenceWeights {
  struct Layer {
    std::vector<Bf16> qkv, output, gate_up, down, norm;
  };
  std::vector<Layer> layers;
  std::vector<Bf16> embedding, head, final_norm;
};

// Logits behind the last token of the prompt.
std::vector<double> reference_logits(const ModelShape& shape, const ReferenceWeights& w,
                                     const std::vector<std::int32_t>& tokens);

// Root mean square of the difference over that of `right`; infinite where a value is not a number.
double relative_difference(const std::vector<double>& value, const std::vector<double>& right);

}  // namespace kvplan::gpu
