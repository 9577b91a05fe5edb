// What the attention and rotary kernels are given; all pointers are the device's.
#pragma once

#include <cstdint>

#include "validate/cuda/kernels/paged_kv.hpp"

#ifdef KVPLAN_EMULATE_LANES
#include "validate/cuda/kernels/lanes.cuh"
#else
#include <vector_types.h>
#endif

namespace kvplan::gpu {

struct PrefillArguments {
  const Bf16* q;  // [rows of all sequences][query heads][kHeadDim]
  Bf16* out;      // like q
  PagedKv kv;
  const PrefillTile* tiles;
  const SequenceSpan* spans;
  float scale;
};

struct DecodeArguments {
  const Bf16* q;         // [sequence][query heads][kHeadDim]
  Bf16* out;             // like q
  float* part_output;    // [sequence][KV head][split][group][kHeadDim], not yet divided by the sum
  float2* part_softmax;  // [sequence][KV head][split][group]: maximum, sum
  PagedKv kv;
  const std::int32_t* kv_tokens;  // [sequence], the new token counted
  std::int32_t tiles_per_split;
  std::int32_t splits;
  float scale;
};

struct RopeArguments {
  const Bf16* qkv;               // [tokens][query heads + 2 KV heads][kHeadDim]
  Bf16* q;                       // [tokens][query heads][kHeadDim]
  PagedKv kv;                    // K and V of each token are written to its page and slot
  const std::int32_t* sequence;  // [tokens]
  const std::int32_t* position;  // [tokens]
  const float2* rotation;        // [position][kHeadDim / 2]: cosine, sine
  std::int32_t query_heads;
};

}  // namespace kvplan::gpu
