#include "models/import_config.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "tests/catch.hpp"

namespace kvplan {
namespace {

std::string config_path(const std::string& name) {
  return std::string(KVPLAN_SOURCE_DIR) + "/tests/models/configs/" + name + ".json";
}

class TextFile {
 public:
  explicit TextFile(const std::string& text)
      : path_((std::filesystem::temp_directory_path() / ("kvplan_import_" + std::to_string(getpid()) + ".json"))) {
    std::ofstream(path_) << text;
  }
  ~TextFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_; }

 private:
  std::string path_;
};

void check_same_shapes(const Architecture& a, const Architecture& b) {
  CHECK(a.parameters() == b.parameters());
  CHECK(a.active_parameters() == b.active_parameters());
  CHECK(a.max_context_tokens == b.max_context_tokens);
  CHECK(a.released_weights == b.released_weights);
  for (const Dtype d : {Dtype::bf16, Dtype::fp8, Dtype::fp4, Dtype::int4}) {
    for (const std::int32_t tp : {1, 8}) CHECK(a.weight_bytes_per_gpu(d, tp) == b.weight_bytes_per_gpu(d, tp));
  }
  for (const std::int64_t n : {1, 5000, 100'000}) {
    CHECK(a.kv_bytes(Dtype::bf16, Tokens(n)) == b.kv_bytes(Dtype::bf16, Tokens(n)));
    CHECK(a.decode_flops(n) == b.decode_flops(n));
    CHECK(a.prefill_flops(n, 1000) == b.prefill_flops(n, 1000));
  }
}

TEST_CASE("a config.json of each family gives the model that ships under its name") {
  for (const char* name : {"llama-3.1-8b", "llama-4-maverick", "mistral-7b-v0.1", "mixtral-8x7b", "qwen2.5-7b",
                           "qwen3-4b", "qwen3-30b-a3b", "gpt-oss-20b", "deepseek-v3", "opt-13b"}) {
    CAPTURE(name);
    check_same_shapes(import_config(config_path(name), name), load_architecture(name));
  }
}

TEST_CASE("what a config.json leaves out is what Transformers takes, and a list of layers tells which have a window") {
  const auto with = [](const std::string& name, const nlohmann::json& changes) {
    nlohmann::json config = nlohmann::json::parse(std::ifstream(config_path(name)));
    config.merge_patch(changes);
    return import_config(TextFile(config.dump()).path(), name);
  };
  check_same_shapes(with("qwen3-4b", {{"head_dim", nullptr}}), load_architecture("qwen3-4b"));
  check_same_shapes(with("mistral-7b-v0.1", {{"num_key_value_heads", nullptr}}), load_architecture("mistral-7b-v0.1"));
  nlohmann::json windows = {{"use_sliding_window", true}, {"sliding_window", 1024}, {"max_window_layers", nullptr}};
  CHECK(with("qwen3-4b", windows).window.layers == 36 - 28);
  for (int layer = 0; layer < 36; ++layer) {
    windows["layer_types"].push_back(layer % 3 == 0 ? "full_attention" : "sliding_attention");
  }
  CHECK(with("qwen3-4b", windows).window.layers == 24);
}

TEST_CASE("quantised weights have the type of their bits, or none") {
  const auto released = [](const nlohmann::json& quantization) {
    nlohmann::json config = nlohmann::json::parse(std::ifstream(config_path("qwen3-4b")));
    config["quantization_config"] = quantization;
    return import_config(TextFile(config.dump()).path(), "x").released_weights;
  };
  CHECK(released({{"quant_method", "fp8"}}) == Dtype::fp8);
  CHECK(released({{"quant_method", "awq"}}) == Dtype::int4);
  CHECK(released({{"quant_method", "gptq"}, {"bits", 4}}) == Dtype::int4);
  CHECK_THROWS_AS(released({{"quant_method", "gptq"}, {"bits", 8}}), InputError);
  CHECK_THROWS_AS(released({{"quant_method", "modelopt"}}), InputError);
  CHECK(released({{"quant_method", "fbgemm_fp8"}}) == Dtype::fp8);
  const auto compressed = [&](int bits, const char* type) {
    const nlohmann::json group = {{"weights", {{"num_bits", bits}, {"type", type}}}};
    return released({{"quant_method", "compressed-tensors"}, {"config_groups", {{"group_0", group}}}});
  };
  CHECK(compressed(8, "float") == Dtype::fp8);
  CHECK(compressed(4, "int") == Dtype::int4);
  CHECK_THROWS_AS(compressed(8, "int"), InputError);
  CHECK_THROWS_AS(released({{"quant_method", "compressed-tensors"}, {"config_groups", nlohmann::json::object()}}), InputError);
}

TEST_CASE("a written model file reads back as the same model") {
  for (const std::string& name : architecture_names()) {
    CAPTURE(name);
    const Architecture a = load_architecture(name);
    const std::string text = model_file_text(a);
    const TextFile file(text);
    const Architecture b = load_architecture(file.path());
    check_same_shapes(a, b);
    CHECK(model_file_text(b) == text);
  }
}

TEST_CASE("all that is wrong with a config.json is told at once") {
  const TextFile file(
      "{\n\"model_type\": \"llama\",\n\"num_hidden_layers\": \"32\",\n\"hidden_size\": 4096,\n"
      "\"num_attention_heads\": 32,\n\"num_key_value_heads\": 5,\n\"intermediate_size\": 14336,\n\"mlp_bias\": true,\n"
      "\"max_position_embeddings\": 8192\n}\n");
  try {
    import_config(file.path(), "x");
    FAIL("imported");
  } catch (const InputError& e) {
    const std::string told = e.what();
    CAPTURE(told);
    CHECK(e.findings().size() == 4);
    CHECK(told.find(":3:") != std::string::npos);
    CHECK(told.find("\"vocab_size\" is missing") != std::string::npos);
    CHECK(told.find("expected a divisor") != std::string::npos);
    CHECK(told.find("mlp_bias") != std::string::npos);
  }
}

TEST_CASE("a family that is not understood is refused, with those that are") {
  const TextFile file("{\"model_type\": \"qwen3_mow\"}");
  try {
    import_config(file.path(), "x");
    FAIL("imported");
  } catch (const InputError& e) {
    CHECK(std::string(e.what()).find("did you mean \"qwen3_moe\"?") != std::string::npos);
  }
  const TextFile none("[]");
  CHECK_THROWS_AS(import_config(none.path(), "x"), InputError);
}

}  // namespace
}  // namespace kvplan
