// The text of a model file: one line a key, what has its usual value left out.
#include <nlohmann/json.hpp>

#include "models/import_config.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;

Json window_json(const Window& w) {
  Json j = {{"tokens", w.tokens}, {"layers", w.layers}};
  if (w.chunked) j["chunked"] = true;
  return j;
}

Json latent_json(const LatentAttention& m) {
  return {{"q_rank", m.q_rank},
          {"kv_rank", m.kv_rank},
          {"nope_dim", m.nope_dim},
          {"rope_dim", m.rope_dim},
          {"value_dim", m.value_dim}};
}

Json experts_json(const Experts& e) {
  Json j = {{"layers", e.layers}, {"experts", e.experts}, {"experts_per_token", e.experts_per_token}, {"ffn", e.ffn}};
  if (e.shared_ffn > 0) j["shared_ffn"] = e.shared_ffn;
  if (e.biases) j["biases"] = true;
  if (e.router_bias) j["router_bias"] = true;
  return j;
}

Json model_json(const Architecture& a) {
  Json j = {{"name", a.name}};
  if (!a.aliases.empty()) j["aliases"] = a.aliases;
  j["title"] = a.title;
  j["layers"] = a.layers;
  j["hidden"] = a.hidden;
  j["heads"] = a.heads;
  j["kv_heads"] = a.kv_heads;
  j["head_dim"] = a.head_dim;
  if (a.ffn > 0) j["ffn"] = a.ffn;
  j["vocab"] = a.vocab;
  j["max_context_tokens"] = a.max_context_tokens;
  if (a.window.layers > 0) j["window"] = window_json(a.window);
  if (a.latent()) j["mla"] = latent_json(a.mla);
  if (a.moe.layers > 0) j["moe"] = experts_json(a.moe);
  j["gated_ffn"] = a.gated_ffn;
  const std::pair<const char*, bool> flags[] = {
      {"tied_embeddings", a.tied_embeddings},   {"learned_positions", a.learned_positions},
      {"biases", a.biases},                     {"qkv_biases", a.qkv_biases},
      {"attention_output_bias", a.attention_output_bias}, {"attention_sinks", a.attention_sinks},
      {"qk_norm", a.qk_norm}};
  for (const auto& [key, set] : flags) {
    if (set) j[key] = true;
  }
  if (a.quantised_experts_alone) j["quantised"] = "experts";
  if (a.vision_parameters > 0) j["vision_parameters"] = a.vision_parameters;
  if (a.released_weights != Dtype::bf16) j["released_weights"] = name_of(a.released_weights);
  j["source"] = a.source;
  j["date"] = a.date;
  if (!a.notes.empty()) j["notes"] = a.notes;
  return j;
}

}  // namespace

std::string model_file_text(const Architecture& a) {
  std::string text;
  const Json members = model_json(a);
  for (const auto& [key, value] : members.items()) {
    text += (text.empty() ? "{\n  " : ",\n  ") + Json(key).dump() + ": " + value.dump();
  }
  return text + "\n}\n";
}

}  // namespace kvplan
