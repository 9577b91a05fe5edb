// One function an experiment; gpu_run/plan.hpp names them and their budgets,
// docs/gpu-harness.md lists what each point's params mean.
#pragma once

namespace kvplan::gpu {

class Bench;

void contiguous_copies(Bench&);        // X1
void scattered_segments(Bench&);       // X2
void duplex_copies(Bench&);            // X3
void copy_behind_copies(Bench&);       // X4
void interference(Bench&);             // X5
void repacking(Bench&);                // X6
void matrix_products(Bench&);          // X7
void prefill_attention_times(Bench&);  // X8
void decode_attention_times(Bench&);   // X9
void small_kernels(Bench&);            // X10
void layer_stacks(Bench&);             // X11
void layerwise_loading(Bench&);        // X12
void partial_recompute(Bench&);        // X13
void file_tier(Bench&);                // X14
void managed_memory(Bench&);           // X15
void pinning(Bench&);                  // X16

}  // namespace kvplan::gpu
