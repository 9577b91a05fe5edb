#include "validate/cuda/engine/checks.hpp"

#include "validate/cuda/checks/reference_model.hpp"

namespace kvplan::gpu {
namespace {

std::vector<Bf16> downloaded(const Bf16* from, std::int64_t count) {
  std::vector<Bf16> out(static_cast<std::size_t>(count));
  KVPLAN_CUDA(cudaMemcpy(out.data(), from, out.size() * sizeof(Bf16), cudaMemcpyDeviceToHost));
  return out;
}

ReferenceWeights weights_of(const Model& model) {
  const ModelShape& m = model.shape();
  ReferenceWeights w;
  for (int l = 0; l < m.layers; ++l) {
    const Model::Layer at = model.layer(l);
    w.layers.push_back({downloaded(at.qkv, m.qkv().elements()), downloaded(at.output, m.attention_output().elements()),
                        downloaded(at.gate_up, m.gate_up().elements()), downloaded(at.down, m.down().elements()),
                        downloaded(at.norm, 2 * m.hidden)});
  }
  w.embedding = downloaded(model.embedding(), std::int64_t{m.vocabulary} * m.hidden);
  w.head = downloaded(model.head(), std::int64_t{m.vocabulary} * m.hidden);
  w.final_norm = downloaded(model.final_norm(), m.hidden);
  return w;
}

std::vector<double> doubles(const Bf16* values, std::size_t count) {
  std::vector<double> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(double{to_float(values[i])});
  return out;
}

}  // namespace

std::vector<LoggedLogits> check_logits(GpuExecutor& executor, const Model& model, const Tokens& tokens,
                                       const Workload& load, int chunk_tokens, bool reference) {
  const auto vocabulary = static_cast<std::size_t>(model.shape().vocabulary);
  const ReferenceWeights weights = reference ? weights_of(model) : ReferenceWeights{};
  std::vector<LoggedLogits> out;
  for (const GpuExecutor::KeptLogits& kept : executor.kept()) {
    const std::vector<double> had = doubles(kept.logits, vocabulary);
    const std::vector<Bf16> again = executor.compute_again(kept.turn, chunk_tokens);
    LoggedLogits l{kept.turn, kept.loaded_tokens, relative_difference(had, doubles(again.data(), vocabulary)), -1};
    if (reference) {
      std::vector<std::int32_t> prompt;
      for (std::int32_t i = 0; i < load.turns[kept.turn].prompt_tokens; ++i) prompt.push_back(tokens.at(kept.turn, i));
      l.reference_error = relative_difference(had, reference_logits(model.shape(), weights, prompt));
    }
    out.push_back(l);
  }
  return out;
}

std::vector<std::string> problems_of(const ReplayRun& run) {
  std::vector<std::string> out;
  if (run.blocks_wrong > 0) {
    out.push_back(std::to_string(run.blocks_wrong) + " of " + std::to_string(run.blocks_checked) +
                  " checked blocks came back from host memory other than they had left");
  }
  for (const LoggedLogits& l : run.logits) {
    const std::string turn = "turn " + std::to_string(l.turn) + ", " + std::to_string(l.loaded_tokens) +
                             " tokens of it loaded: its logits differ from ";
    if (!(l.error <= kReloadedTolerance)) {
      out.push_back(turn + "those of the prompt computed again by " + std::to_string(100 * l.error) + " %");
    }
    if (!(l.reference_error <= kReferenceTolerance)) {
      out.push_back(turn + "double precision by " + std::to_string(100 * l.reference_error) + " %");
    }
  }
  return out;
}

}  // namespace kvplan::gpu
