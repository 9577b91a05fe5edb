// Model files: the ones that ship with kvplan, found by name or alias, and the user's own.
#include <fmt/format.h>

#include <algorithm>

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "base/json_file.hpp"
#include "models/architecture.hpp"

namespace kvplan {
namespace {

constexpr std::string_view kFolder = "models/zoo/";

// The bounds keep every product of dimensions within 63 bits.
std::int32_t dimension(JsonReader& r, const std::string& key, std::int32_t high) {
  return static_cast<std::int32_t>(r.integer(key, 1, high));
}

// One that may be left out, or be 0.
std::int32_t dimension_or_none(JsonReader& r, const std::string& key, std::int32_t high) {
  return static_cast<std::int32_t>(r.integer(key, 0, high, 0));
}

Window read_window(JsonReader r, std::int32_t layers) {
  Window w;
  w.tokens = dimension(r, "tokens", 1 << 30);
  w.layers = dimension(r, "layers", layers);
  w.chunked = r.boolean("chunked", false);
  r.no_other_keys();
  return w;
}

LatentAttention read_latent(JsonReader r) {
  LatentAttention m;
  m.q_rank = dimension_or_none(r, "q_rank", 200'000);
  m.kv_rank = dimension(r, "kv_rank", 200'000);
  m.nope_dim = dimension(r, "nope_dim", 4'096);
  m.rope_dim = dimension(r, "rope_dim", 4'096);
  m.value_dim = dimension(r, "value_dim", 4'096);
  r.no_other_keys();
  return m;
}

Experts read_experts(JsonReader r, std::int32_t layers) {
  Experts e;
  e.layers = dimension(r, "layers", layers);
  e.experts = dimension(r, "experts", 10'000);
  e.experts_per_token = dimension(r, "experts_per_token", std::max(1, e.experts));
  e.ffn = dimension(r, "ffn", 200'000);
  e.shared_ffn = dimension_or_none(r, "shared_ffn", 1'000'000);
  e.biases = r.boolean("biases", false);
  e.router_bias = r.boolean("router_bias", false);
  r.no_other_keys();
  return e;
}

Architecture read_architecture(const JsonFile& file) {
  JsonFindings findings;
  JsonReader r(file, findings);
  Architecture a;
  a.name = r.string("name");
  a.aliases = r.strings("aliases");
  a.title = r.string("title");
  a.layers = dimension(r, "layers", 1'000);
  a.hidden = dimension(r, "hidden", 200'000);
  a.heads = dimension(r, "heads", 2'000);
  a.kv_heads = dimension(r, "kv_heads", 2'000);
  a.head_dim = dimension(r, "head_dim", 4'096);
  if (r.has("window")) a.window = read_window(r.object("window"), a.layers);
  if (r.has("mla")) a.mla = read_latent(r.object("mla"));
  if (r.has("moe")) a.moe = read_experts(r.object("moe"), a.layers);
  a.ffn = a.dense_layers() > 0 ? dimension(r, "ffn", 1'000'000) : dimension_or_none(r, "ffn", 0);
  a.vocab = dimension(r, "vocab", 10'000'000);
  a.max_context_tokens = dimension(r, "max_context_tokens", 1 << 30);
  a.gated_ffn = r.boolean("gated_ffn");
  a.tied_embeddings = r.boolean("tied_embeddings", false);
  a.learned_positions = r.boolean("learned_positions", false);
  a.biases = r.boolean("biases", false);
  a.qkv_biases = r.boolean("qkv_biases", false);
  a.attention_output_bias = r.boolean("attention_output_bias", false);
  a.attention_sinks = r.boolean("attention_sinks", false);
  a.qk_norm = r.boolean("qk_norm", false);
  a.quantised_experts_alone = r.one_of("quantised", {"all", "experts"}, "all") == "experts";
  a.vision_parameters = r.integer("vision_parameters", 0, 1'000'000'000'000, 0);
  a.released_weights = dtype_from_name(r.one_of("released_weights", dtype_names(), "bf16"));
  a.source = r.string("source");
  a.date = r.string("date");
  a.notes = r.strings("notes");
  if (a.heads % a.kv_heads != 0) {
    r.fail("kv_heads", fmt::format("\"kv_heads\" is {}, expected a divisor of \"heads\", {}", a.kv_heads, a.heads));
  }
  r.no_other_keys();
  findings.raise();
  return a;
}

Architecture embedded_architecture(const std::string& name) {
  const std::string file = fmt::format("{}{}.json", kFolder, name);
  return read_architecture(JsonFile::parse(std::string(embedded_file(file)), file));
}

}  // namespace

std::vector<std::string> architecture_names() { return embedded_json_names(kFolder); }

Architecture load_architecture(const std::string& name_or_path) {
  if (is_json_path(name_or_path)) return read_architecture(JsonFile::load(name_or_path));
  std::vector<std::string> known = architecture_names();
  if (std::find(known.begin(), known.end(), name_or_path) != known.end()) return embedded_architecture(name_or_path);
  for (const std::string& name : architecture_names()) {
    Architecture a = embedded_architecture(name);
    if (std::find(a.aliases.begin(), a.aliases.end(), name_or_path) != a.aliases.end()) return a;
    known.insert(known.end(), a.aliases.begin(), a.aliases.end());
  }
  throw InputError(Diagnostic{"", 0, 0, fmt::format("unknown model \"{}\"", name_or_path),
                              suggestion(name_or_path, known) + " (or the path of a model file, *.json)"});
}

}  // namespace kvplan
