#include "models/import_config.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_file.hpp"

namespace kvplan {
namespace {

// One object of the file, in which null stands for a missing member.
class Config {
 public:
  Config(JsonReader reader, const nlohmann::json& value) : reader_(std::move(reader)), value_(value) {}

  bool has(const std::string& key) const { return value_.contains(key) && !value_[key].is_null(); }
  std::int32_t dimension(const std::string& key, std::int32_t high) {
    return static_cast<std::int32_t>(reader_.integer(key, 1, high));
  }
  std::int32_t dimension(const std::string& key, std::int32_t high, std::int32_t fallback) {
    return has(key) ? dimension(key, high) : fallback;
  }
  std::int32_t count(const std::string& key, std::int32_t high, std::int32_t fallback) {  // may be 0
    return has(key) ? static_cast<std::int32_t>(reader_.integer(key, 0, high)) : fallback;
  }
  bool flag(const std::string& key, bool fallback) { return has(key) ? reader_.boolean(key) : fallback; }
  std::string text(const std::string& key) { return reader_.string(key); }
  std::vector<std::string> texts(const std::string& key) { return reader_.strings(key, true); }
  const nlohmann::json& value(const std::string& key) const { return value_[key]; }
  Config object(const std::string& key) {
    static const nlohmann::json kNothing = nlohmann::json::object();
    const bool present = has(key) && value_[key].is_object();
    return Config(reader_.object(key, true), present ? value_[key] : kNothing);
  }
  std::vector<std::string> keys() const {
    std::vector<std::string> names;
    for (const auto& member : value_.items()) names.push_back(member.key());
    return names;
  }
  void fail(const std::string& key, std::string message, std::string help = "") {
    reader_.fail(key, std::move(message), std::move(help));
  }
  // A shape that would give wrong bytes if it were left out of account.
  void refuse(const std::string& key, bool condition, const char* why) {
    if (condition) fail(key, fmt::format("\"{}\" is {}: {}", key, value_[key].dump(), why), "write a model file by hand, docs/models.md");
  }

 private:
  JsonReader reader_;
  const nlohmann::json& value_;
};

void read_shapes(Config& c, Architecture& a) {
  a.layers = c.dimension("num_hidden_layers", 1'000);
  a.hidden = c.dimension("hidden_size", 200'000);
  a.heads = c.dimension("num_attention_heads", 2'000);
  a.kv_heads = c.dimension("num_key_value_heads", 2'000, a.heads);
  a.head_dim = c.dimension("head_dim", 4'096, std::max(1, a.hidden / a.heads));
  a.vocab = c.dimension("vocab_size", 10'000'000);
  a.max_context_tokens = c.dimension("max_position_embeddings", 1 << 30);
  a.tied_embeddings = c.flag("tie_word_embeddings", false);
  if (a.heads % a.kv_heads != 0) {
    c.fail("num_key_value_heads", fmt::format("\"num_key_value_heads\" is {}, expected a divisor of "
                                              "\"num_attention_heads\", {}",
                                              a.kv_heads, a.heads));
  }
  c.refuse("mlp_bias", c.flag("mlp_bias", false), "biases of the feed-forward part are not modelled");
}

void attention_bias(Config& c, Architecture& a) {
  a.qkv_biases = a.attention_output_bias = c.flag("attention_bias", false);
}

void llama(Config& c, Architecture& a) {
  read_shapes(c, a);
  a.ffn = c.dimension("intermediate_size", 1'000'000);
  attention_bias(c, a);
}

void mistral(Config& c, Architecture& a) {
  llama(c, a);
  if (!c.has("num_key_value_heads")) a.kv_heads = 8;  // what configurations leave out, as Transformers takes it
  if (c.has("sliding_window")) a.window = {c.dimension("sliding_window", 1 << 30), a.layers, false};
}

void mixtral(Config& c, Architecture& a) {
  mistral(c, a);
  a.moe = {a.layers, c.dimension("num_local_experts", 10'000), c.dimension("num_experts_per_tok", 10'000), a.ffn};
  a.ffn = 0;
}

void listed_windows(Config& c, Architecture& a) {
  std::int32_t windowed = 0;
  for (const std::string& type : c.texts("layer_types")) windowed += type == "sliding_attention";
  if (windowed > 0) a.window = {c.dimension("sliding_window", 1 << 30), std::min(windowed, a.layers), false};
}

// The upper layers have the window, where it is used at all and no list tells which do.
void qwen_window(Config& c, Architecture& a) {
  if (!c.flag("use_sliding_window", false) || !c.has("sliding_window")) return;
  if (c.has("layer_types")) return listed_windows(c, a);
  constexpr std::int32_t kFullLayers = 28;  // what configurations leave out, as Transformers takes it
  const std::int32_t full = std::min(a.layers, c.count("max_window_layers", 1'000, kFullLayers));
  if (full < a.layers) a.window = {c.dimension("sliding_window", 1 << 30), a.layers - full, false};
}

void qwen2(Config& c, Architecture& a) {
  llama(c, a);
  a.qkv_biases = true;
  a.attention_output_bias = false;
  qwen_window(c, a);
}

void qwen3(Config& c, Architecture& a) {
  llama(c, a);
  if (!c.has("head_dim")) a.head_dim = 128;  // what configurations leave out, as Transformers takes it
  a.qk_norm = true;
  qwen_window(c, a);
}

void qwen3_moe(Config& c, Architecture& a) {
  qwen3(c, a);
  const std::int32_t step = c.dimension("decoder_sparse_step", 1'000, 1);
  std::int32_t dense = 0;
  for (std::int32_t layer = 0; layer < a.layers; ++layer) {
    const bool listed = c.has("mlp_only_layers") && c.value("mlp_only_layers").is_array() &&
                        std::count(c.value("mlp_only_layers").begin(), c.value("mlp_only_layers").end(), layer) > 0;
    dense += listed || (layer + 1) % step != 0;
  }
  if (dense < a.layers) {
    a.moe = {a.layers - dense, c.dimension("num_experts", 10'000), c.dimension("num_experts_per_tok", 10'000),
             c.dimension("moe_intermediate_size", 200'000)};
  }
  if (dense == 0) a.ffn = 0;
}

void gpt_oss(Config& c, Architecture& a) {
  read_shapes(c, a);
  attention_bias(c, a);
  a.attention_sinks = true;
  listed_windows(c, a);
  a.moe = {a.layers, c.dimension("num_local_experts", 10'000), c.dimension("num_experts_per_tok", 10'000),
           c.dimension("intermediate_size", 200'000)};
  a.moe.biases = true;
  a.quantised_experts_alone = true;
}

void deepseek(Config& c, Architecture& a) {
  read_shapes(c, a);
  a.mla = {c.count("q_lora_rank", 200'000, 0), c.dimension("kv_lora_rank", 200'000),
           c.dimension("qk_nope_head_dim", 4'096), c.dimension("qk_rope_head_dim", 4'096),
           c.dimension("v_head_dim", 4'096)};
  a.head_dim = a.mla.nope_dim + a.mla.rope_dim;
  const std::int32_t dense = c.count("first_k_dense_replace", a.layers, 0);
  c.refuse("moe_layer_freq", c.count("moe_layer_freq", 1'000, 1) != 1, "only experts in every layer are modelled");
  a.ffn = dense > 0 ? c.dimension("intermediate_size", 1'000'000) : 0;
  a.moe = {a.layers - dense, c.dimension("n_routed_experts", 10'000), c.dimension("num_experts_per_tok", 10'000),
           c.dimension("moe_intermediate_size", 200'000)};
  a.moe.shared_ffn = a.moe.ffn * c.count("n_shared_experts", 1'000, 0);
  a.moe.router_bias = c.has("topk_method") && c.text("topk_method") == "noaux_tc";
}

void opt(Config& c, Architecture& a) {
  read_shapes(c, a);
  a.ffn = c.dimension("ffn_dim", 1'000'000);
  a.gated_ffn = false;
  a.biases = a.learned_positions = true;
  a.tied_embeddings = c.flag("tie_word_embeddings", true);
  c.refuse("word_embed_proj_dim", c.dimension("word_embed_proj_dim", 200'000, a.hidden) != a.hidden,
           "embeddings narrower than the model are not modelled");
}

// Llama 4's encoder: patches, layers with biases, a pixel shuffle with two matrices, and the projector.
std::int64_t llama4_vision(Config c, std::int32_t hidden) {
  const std::int64_t h = c.dimension("hidden_size", 100'000), ffn = c.dimension("intermediate_size", 1'000'000);
  const std::int64_t layers = c.dimension("num_hidden_layers", 1'000), patch = c.dimension("patch_size", 1'000);
  const std::int64_t side = c.dimension("image_size", 100'000) / patch;
  const std::int64_t adapter = c.dimension("projector_input_dim", 100'000), out = c.dimension("vision_output_dim", 100'000);
  const std::int64_t layer = 4 * (h * h + h) + 2 * h * ffn + ffn + h + 4 * h;
  const std::int64_t embedding = 3 * patch * patch * h + h + (side * side + 1) * h + 4 * h;
  constexpr std::int64_t kShuffled = 4;  // patches that one output takes together
  return layers * layer + embedding + kShuffled * h * adapter + adapter * out + out * hidden;
}

void llama4(Config& outer, Architecture& a) {
  Config c = outer.object("text_config");
  read_shapes(c, a);
  attention_bias(c, a);
  const std::int32_t step = c.dimension("interleave_moe_layer_step", 1'000, 1);
  a.moe = {a.layers / step, c.dimension("num_local_experts", 10'000), c.dimension("num_experts_per_tok", 10'000),
           c.dimension("intermediate_size", 200'000)};
  a.moe.shared_ffn = a.moe.ffn;
  a.ffn = a.dense_layers() > 0 ? c.dimension("intermediate_size_mlp", 1'000'000) : 0;
  if (c.has("attention_chunk_size")) {
    std::int32_t chunked = a.layers - a.layers / 4;  // every fourth layer has no positions and sees everything
    if (c.has("no_rope_layers") && c.value("no_rope_layers").is_array() && !c.value("no_rope_layers").empty()) {
      const nlohmann::json& rotates = c.value("no_rope_layers");
      chunked = static_cast<std::int32_t>(std::count(rotates.begin(), rotates.end(), 1));
    }
    if (chunked > 0) a.window = {c.dimension("attention_chunk_size", 1 << 30), std::min(chunked, a.layers), true};
  }
  if (outer.has("vision_config")) a.vision_parameters = llama4_vision(outer.object("vision_config"), a.hidden);
}

struct Family {
  const char* model_type;
  void (*read)(Config&, Architecture&);
};

constexpr Family kFamilies[] = {
    {"deepseek_v2", deepseek}, {"deepseek_v3", deepseek}, {"gpt_oss", gpt_oss}, {"llama", llama},
    {"llama4", llama4},        {"mistral", mistral},      {"mixtral", mixtral}, {"opt", opt},
    {"qwen2", qwen2},          {"qwen3", qwen3},          {"qwen3_moe", qwen3_moe},
};

constexpr const char* kWithoutType =
    "take quantization_config out, and tell the type of the nearest size: run --weights fp8 for 8 bits, int4 for 4";

// Where several groups of matrices differ, no one type is told.
Dtype compressed_tensors(Config& q) {
  Config groups = q.object("config_groups");
  const std::vector<std::string> names = groups.keys();
  if (names.size() != 1) {
    q.fail("config_groups", fmt::format("\"config_groups\" has {} groups, expected 1", names.size()), kWithoutType);
    return Dtype::bf16;
  }
  Config weights = groups.object(names.front()).object("weights");
  const std::int32_t bits = weights.dimension("num_bits", 64);
  const std::string type = weights.text("type");
  if (bits == 8 && type == "float") return Dtype::fp8;
  if (bits == 4 && type == "int") return Dtype::int4;
  weights.fail("num_bits",
               fmt::format("\"num_bits\" is {}: no type is known for {} weights of {} bits", bits, type, bits),
               kWithoutType);
  return Dtype::bf16;
}

// What the checkpoint holds its matrices in.
Dtype released(Config& c) {
  if (!c.has("quantization_config")) return Dtype::bf16;
  Config q = c.object("quantization_config");
  const std::string method = q.text("quant_method");
  if (method == "fp8" || method == "fbgemm_fp8") return Dtype::fp8;
  if (method == "mxfp4") return Dtype::fp4;
  if (method == "awq" || method == "gptq") {
    const std::int32_t bits = q.dimension("bits", 64, 4);
    if (bits != 4) {
      q.fail("bits", fmt::format("\"bits\" is {}: no type is known for {} weights but of 4 bits", bits, method),
             kWithoutType);
    }
    return Dtype::int4;
  }
  if (method == "compressed-tensors") return compressed_tensors(q);
  q.fail("quant_method", fmt::format("\"quant_method\" is \"{}\", of which no type is known", method), kWithoutType);
  return Dtype::bf16;
}

}  // namespace

std::vector<std::string> importable_model_types() {
  std::vector<std::string> names;
  for (const Family& f : kFamilies) names.emplace_back(f.model_type);
  return names;
}

Architecture import_config(const std::string& path, const std::string& name) {
  const JsonFile file = JsonFile::load(path);
  JsonFindings findings;
  Config c(JsonReader(file, findings), file.root());
  const std::string type = c.text("model_type");
  findings.raise();
  const auto family = std::find_if(std::begin(kFamilies), std::end(kFamilies),
                                   [&](const Family& f) { return type == f.model_type; });
  if (family == std::end(kFamilies)) {
    throw InputError(file.at("/model_type", fmt::format("model_type \"{}\" is not understood", type),
                             suggestion(type, importable_model_types())));
  }
  Architecture a;
  a.name = a.title = name;
  family->read(c, a);
  if (a.moe.layers > 0 && a.moe.experts_per_token > a.moe.experts) {
    c.fail("num_experts_per_tok", fmt::format("\"num_experts_per_tok\" is {}, but there are {} experts",
                                              a.moe.experts_per_token, a.moe.experts));
  }
  a.released_weights = released(c);
  findings.raise();
  a.source = fmt::format("imported from a {} config.json", type);
  a.date = "as imported";
  return a;
}

}  // namespace kvplan
