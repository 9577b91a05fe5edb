// X11 stacks of whole layers: 8B in full, 70B by eight layers, and how well few
// layers stand for many.
#include <cmath>
#include <optional>

#include "validate/cuda/experiments/experiments.hpp"
#include "validate/cuda/experiments/layer_stack.hpp"

namespace kvplan::gpu {
namespace {

struct Step {
  const char* kind;
  int sequences, new_tokens, prefix;
};

RunValues describe(const LayerStack& stack, const Step& s, int layers) {
  return {{"model", std::string(stack.shape().name)},
          {"layers", std::int64_t{layers}},
          {"kind", std::string(s.kind)},
          {"sequences", std::int64_t{s.sequences}},
          {"new_tokens", std::int64_t{s.new_tokens}},
          {"prefix", std::int64_t{s.prefix}}};
}

void measure_steps(Bench& bench, LayerStack& stack, const std::vector<Step>& steps, const std::vector<int>& counts) {
  for (const Step& s : steps) {
    const AttentionBatch batch = stack.batch(s.sequences, s.new_tokens, s.prefix);
    stack.prepare(batch);
    for (const int layers : counts) {
      const double flops = layers * (stack.shape().layer_flops_per_token() * batch.tokens() + batch.flops());
      Work work{[&, layers](cudaStream_t stream, int) { stack.forward(batch, layers, stream); }};
      work.operations = LayerStack::operations(layers);
      bench.measure(bench.point(describe(stack, s, layers), 0, flops), work);
    }
  }
}

// By how much the whole stack differs from its depth times one eight-layer part: the least that a model known by eight
// layers may be off. The largest over the steps, by size, that were measured at both depths.
void note_extrapolation(Bench& bench, const LayerStack& stack, const std::vector<Step>& steps) {
  std::optional<double> worst;
  for (const Step& s : steps) {
    const double whole = bench.median_ns("X11", describe(stack, s, 32)),
                 part = bench.median_ns("X11", describe(stack, s, 8));
    if (whole <= 0 || part <= 0) continue;
    const double error = whole / (4 * part) - 1;
    if (!worst || std::abs(error) > std::abs(*worst)) worst = error;
  }
  if (worst) bench.run().checks["layer_extrapolation_error"] = *worst;
}

bool fits(Bench& bench, const ModelShape& shape, int layers, int tokens, int kv_tokens) {
  if (LayerStack::bytes_needed(shape, layers, tokens, kv_tokens) < bench.free_bytes()) return true;
  bench.waive(bench.point({{"model", std::string(shape.name)}, {"layers", std::int64_t{layers}}}),
              "too little GPU memory");
  return false;
}

}  // namespace

void layer_stacks(Bench& bench) {
  if (!bench.matmul().available()) return bench.waive(bench.point({}), "libcublasLt is missing");
  const std::vector<Step> steps =
      bench.quick() ? std::vector<Step>{{"prefill", 1, 1024, 0}, {"decode", 16, 1, 1024}}
                    : std::vector<Step>{{"prefill", 1, 256, 0},  {"prefill", 1, 1024, 0}, {"prefill", 1, 4096, 0},
                                        {"prefill", 1, 8192, 0}, {"decode", 1, 1, 1024},  {"decode", 8, 1, 1024},
                                        {"decode", 32, 1, 1024}, {"decode", 8, 1, 8192},  {"decode", 1, 1, 8192}};
  constexpr int kTokens = 8192, kKvTokens = 81920;
  bench.expect(steps.size() * 4 + 3);
  if (fits(bench, kLlama8B, 32, kTokens, kKvTokens)) {
    LayerStack stack(bench, kLlama8B, 32, kTokens, kKvTokens);
    measure_steps(bench, stack, steps, {32, 8, 1});
    for (const int rows : {1, 8, 32}) {
      bench.matmul().prepare(MatrixType::bf16, rows, kLlama8B.vocabulary, kLlama8B.hidden);
      Work work{[&, rows](cudaStream_t s, int) { stack.head(rows, s); }};
      work.operations = 3;
      bench.measure(
          bench.point(
              {{"model", std::string(kLlama8B.name)}, {"kind", std::string("head")}, {"rows", std::int64_t{rows}}}),
          work);
    }
    note_extrapolation(bench, stack, steps);
  }
  if (bench.quick() || !fits(bench, kLlama70B, 8, kTokens, kKvTokens)) return;
  LayerStack stack(bench, kLlama70B, 8, kTokens, kKvTokens);
  measure_steps(bench, stack, steps, {8});
}

}  // namespace kvplan::gpu
