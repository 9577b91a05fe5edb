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
  a.ffn = dimension(r, "ffn", 1'000'000);
  a.vocab = dimension(r, "vocab", 10'000'000);
  a.max_context_tokens = dimension(r, "max_context_tokens", 1 << 30);
  a.gated_ffn = r.boolean("gated_ffn");
  a.tied_embeddings = r.boolean("tied_embeddings", false);
  a.learned_positions = r.boolean("learned_positions", false);
  a.biases = r.boolean("biases", false);
  a.qkv_biases = r.boolean("qkv_biases", false);
  a.qk_norm = r.boolean("qk_norm", false);
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
