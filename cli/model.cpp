// kvplan model list|show|import
#include <fmt/format.h>


#include "base/error.hpp"
#include "base/json_file.hpp"
#include "cli/arguments.hpp"
#include "cli/deployment_facts.hpp"
#include "cli/text_grid.hpp"
#include "cli/verb.hpp"
#include "models/import_config.hpp"
#include "reports/cells.hpp"
#include "reports/write.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
using Rows = std::vector<std::vector<std::string>>;

constexpr const char* kHelp =
    "usage: kvplan model list [--format table|json]\n"
    "       kvplan model show NAME|FILE.json [options]\n"
    "       kvplan model import CONFIG.json [--name NAME] [--out FILE.json]\n\n"
    "The models that kvplan knows: shapes with their source, parameters, bytes of weights and KV,\n"
    "and what follows on each kind of hardware: memory left for KV, and from which prefix length\n"
    "on loading KV beats computing it again. --hardware tells one of them in full.\n\n"
    "import turns the config.json of a Hugging Face repository into a model file, which --model takes.\n\n";

constexpr Dtype kDtypes[] = {Dtype::bf16, Dtype::fp8, Dtype::fp4, Dtype::int4};
constexpr std::int64_t kShownContext = 8192;

Json window_json(const Architecture& a) {
  if (a.window.layers == 0) return nullptr;
  return {{"tokens", a.window.tokens}, {"layers", a.window.layers}, {"chunked", a.window.chunked}};
}

Json latent_json(const Architecture& a) {
  if (!a.latent()) return nullptr;
  return {{"q_rank", a.mla.q_rank}, {"kv_rank", a.mla.kv_rank}, {"rope_dim", a.mla.rope_dim}};
}

Json experts_json(const Architecture& a) {
  if (a.moe.layers == 0) return nullptr;
  return {{"layers", a.moe.layers},
          {"experts", a.moe.experts},
          {"experts_per_token", a.moe.experts_per_token},
          {"ffn", a.moe.ffn},
          {"shared_ffn", a.moe.shared_ffn}};
}

Json model_json(const Architecture& a) {
  Json weights = Json::object(), kv = Json::object(), beyond = Json::object();
  for (const Dtype d : kDtypes) weights[std::string(name_of(d))] = a.weight_bytes(d).count;
  for (const Dtype d : {Dtype::bf16, Dtype::fp8}) {
    kv[std::string(name_of(d))] = a.kv_bytes_per_token(d).count;
    beyond[std::string(name_of(d))] = a.kv_bytes_per_token_beyond_window(d).count;
  }
  return {{"name", a.name},
          {"aliases", a.aliases},
          {"title", a.title},
          {"layers", a.layers},
          {"hidden", a.hidden},
          {"heads", a.heads},
          {"kv_heads", a.kv_heads},
          {"head_dim", a.head_dim},
          {"ffn", a.ffn},
          {"gated_ffn", a.gated_ffn},
          {"window", window_json(a)},
          {"mla", latent_json(a)},
          {"moe", experts_json(a)},
          {"vocab", a.vocab},
          {"max_context_tokens", a.max_context_tokens},
          {"parameters", a.parameters()},
          {"active_parameters", a.active_parameters()},
          {"matmul_parameters", a.matmul_parameters()},
          {"vision_parameters", a.vision_parameters},
          {"released_weights", name_of(a.released_weights)},
          {"weight_bytes", weights},
          {"kv_bytes_per_token", kv},
          {"kv_bytes_per_token_beyond_window", beyond},
          {"prefill_flops_per_token", a.prefill_flops(kShownContext, 0) / kShownContext},
          {"decode_flops_per_token", a.decode_flops(kShownContext)},
          {"flops_at_context_tokens", kShownContext},
          {"source", a.source},
          {"date", a.date},
          {"notes", a.notes}};
}

std::string attention_text(const Json& m) {
  const auto count = [](const Json& v) { return human_count(v.get<double>()); };
  std::string text = fmt::format("{} heads, {} KV heads of {}", count(m["heads"]), count(m["kv_heads"]), count(m["head_dim"]));
  if (!m["mla"].is_null()) {
    text = fmt::format("{} heads on a latent vector of {} and a rotated key of {}", count(m["heads"]),
                       count(m["mla"]["kv_rank"]), count(m["mla"]["rope_dim"]));
  }
  if (!m["window"].is_null()) {
    text += fmt::format("; {} of {} layers {} {} tokens", count(m["window"]["layers"]), count(m["layers"]),
                        m["window"]["chunked"].get<bool>() ? "in chunks of" : "see the last", count(m["window"]["tokens"]));
  }
  return text;
}

std::string ffn_text(const Json& m) {
  const auto count = [](const Json& v) { return human_count(v.get<double>()); };
  std::string text = m["ffn"] > 0 ? count(m["ffn"]) + (m["gated_ffn"].get<bool>() ? ", gated" : "") : "";
  const Json& e = m["moe"];
  if (e.is_null()) return text;
  if (!text.empty()) text += "; ";
  text += fmt::format("{} of {} experts of {} in {} layers", count(e["experts_per_token"]), count(e["experts"]),
                      count(e["ffn"]), count(e["layers"]));
  return text + (e["shared_ffn"] > 0 ? fmt::format(", {} shared", count(e["shared_ffn"])) : "");
}

std::string model_text(const Json& m) {
  const auto count = [&](const char* key) { return human_count(m[key].get<double>()); };
  const auto bytes = [](double n) { return human_count(n) + " B"; };
  const auto by_dtype = [](const Json& table, auto human) {
    std::string text;
    for (const auto& [dtype, size] : table.items()) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", human(size.template get<double>()), dtype);
    }
    return text;
  };
  std::string text = fmt::format("{}: {}\n\n", m["name"].get<std::string>(), m["title"].get<std::string>());
  text += text_grid({
      {"layers", count("layers")},
      {"hidden", count("hidden")},
      {"attention", attention_text(m)},
      {"feed-forward", ffn_text(m)},
      {"vocabulary", count("vocab")},
      {"window", count("max_context_tokens") + " tokens"},
      {"parameters",
       fmt::format("{}, {} active, of which every token multiplies {}", count("parameters"), count("active_parameters"),
                   count("matmul_parameters"))},
      {"weights", by_dtype(m["weight_bytes"], human_bytes) + " (embeddings and lm_head stay in 16 bits); released in " +
                      m["released_weights"].get<std::string>()},
      {"KV of a token", by_dtype(m["kv_bytes_per_token"], bytes) +
                            (m["window"].is_null()
                                 ? ""
                                 : "; beyond the windows " + by_dtype(m["kv_bytes_per_token_beyond_window"], bytes))},
      {"FLOPs of a token", fmt::format("{} in a prefill of {} tokens, {} in decode on as many",
                                       human_value(m["prefill_flops_per_token"].get<double>(), "FLOP"),
                                       count("flops_at_context_tokens"),
                                       human_value(m["decode_flops_per_token"].get<double>(), "FLOP"))},
      {"source", fmt::format("{} ({})", m["source"].get<std::string>(), m["date"].get<std::string>())},
  });
  for (const Json& note : m["notes"]) text += fmt::format("note: {}\n", note.get<std::string>());
  return text;
}

void list(bool as_json, Streams streams) {
  Json all = Json::array();
  Rows rows = {{"name", "parameters", "active", "weights bf16", "weights fp8", "KV of a token", "window", "source"}};
  for (const std::string& name : architecture_names()) {
    const Architecture a = load_architecture(name);
    all.push_back(model_json(a));
    rows.push_back({name, fmt::format("{:.2f} G", static_cast<double>(a.parameters()) / 1e9),
                    fmt::format("{:.2f} G", static_cast<double>(a.active_parameters()) / 1e9),
                    human_bytes(static_cast<double>(a.weight_bytes(Dtype::bf16).count)),
                    human_bytes(static_cast<double>(a.weight_bytes(Dtype::fp8).count)),
                    human_count(static_cast<double>(a.kv_bytes_per_token(Dtype::bf16).count)) + " B",
                    human_count(a.max_context_tokens), fmt::format("{} ({})", a.source, a.date)});
  }
  streams.out << (as_json ? all.dump(2) + "\n" : text_grid(rows));
}

// One row a kind of hardware: the facts of all, shortened.
std::string hardware_rows(const Json& facts) {
  Rows rows = {{"hardware", "left for KV a GPU", "tokens a replica", "host memory, tokens", "prefill 8,192",
                "DRAM pays, block-first, alone"}};
  for (const Json& f : facts) {
    if (f.contains("infeasible")) {
      rows.push_back({f["hardware"], f["infeasible"]});
      continue;
    }
    const bool fits = !f["kv_memory_bytes_per_gpu"].is_null();
    const Json& b = f["break_even"][0];
    const std::string pays = b["load_pays"] == "above"
                                 ? fmt::format("above {} tokens", human_count(b["above_prefix_tokens"].get<double>()))
                                 : b["load_pays"].get<std::string>();
    rows.push_back({f["hardware"], fits ? human_bytes(f["kv_memory_bytes_per_gpu"].get<double>()) : "does not fit",
                    fits ? human_count(f["kv_memory_tokens_per_replica"].get<double>()) : "-",
                    human_count(f["host_memory_tokens_per_node"].get<double>()),
                    human_value(f["prefill_s_of_8192_tokens"].get<double>(), "s"), pays});
  }
  return text_grid(rows, "  ");
}

Json facts_of(const std::string& hardware, const Architecture& model, const Deployment& d) {
  try {
    return deployment_facts(load_hardware(hardware), model, d);
  } catch (const InfeasibleError& e) {
    std::string reason = e.what();
    return {{"hardware", hardware}, {"infeasible", reason.substr(0, reason.find('\n'))}};
  }
}

void show(const po::variables_map& values, bool as_json, Streams streams) {
  const Architecture model = load_architecture(values["model"].as<std::string>());
  const Deployment d = deployment_of(values);
  Json document = model_json(model);
  document["derived"] = Json::array();
  const bool one = values.count("hardware") > 0;
  if (one) {
    document["derived"].push_back(deployment_facts(load_hardware(values["hardware"].as<std::string>()), model, d));
  } else {
    for (const std::string& name : hardware_names()) document["derived"].push_back(facts_of(name, model, d));
  }
  if (as_json) {
    streams.out << document.dump(2) << "\n";
    return;
  }
  streams.out << model_text(document) << "\n";
  if (one) {
    streams.out << deployment_text(document["derived"][0]);
  } else {
    streams.out << fmt::format("TP{}, {} weights, {} KV ({} new tokens follow the cached prefix)\n", d.tp,
                               name_of(d.weights), name_of(d.kv), d.prompt.new_tokens.count)
                << hardware_rows(document["derived"]);
  }
}

void import(const po::variables_map& values, Streams streams) {
  const std::string path = values["model"].as<std::string>();
  const Architecture a = import_config(path, values.count("name") ? values["name"].as<std::string>() : "imported");
  const std::string text = model_file_text(a);
  if (values.count("out") == 0) {
    streams.out << text;
    return;
  }
  const std::string out = values["out"].as<std::string>();
  if (!is_json_path(out)) throw UsageError(fmt::format("--out is \"{}\", expected a name that ends in .json", out));
  write_file(out, text);
  streams.err << fmt::format("{}: {:.2f} G parameters, {} B of KV a token; use it as --model {}\n", out,
                             static_cast<double>(a.parameters()) / 1e9, a.kv_bytes_per_token(Dtype::bf16).count, out);
}

}  // namespace

ExitCode model_verb(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description shown("Options", 110, 70);
  shown.add_options()("help,h", "print this")(
      "format", po::value<std::string>()->value_name("F")->default_value("table"), "table or json")(
      "hardware", po::value<std::string>()->value_name("NAME"), "tell this one in full")(
      "name", po::value<std::string>()->value_name("NAME"), "of the model that import makes")(
      "out", po::value<std::string>()->value_name("FILE.json"), "where import writes it; else to stdout");
  add_deployment_options(shown);
  po::options_description all;
  all.add(shown).add_options()("what", po::value<std::string>(), "")("model", po::value<std::string>(), "");
  const po::variables_map values = parse_arguments(all, {"what", "model"}, arguments);
  if (values.count("help")) {
    streams.out << kHelp << shown;
    return ExitCode::done;
  }
  const std::string what = values.count("what") ? values["what"].as<std::string>() : "";
  const bool as_json = wants_json(values);
  if (what == "list") {
    if (values.count("model"))
      throw UsageError("model list takes no name", "kvplan model show " + values["model"].as<std::string>());
    list(as_json, streams);
  } else if (what == "show") {
    if (!values.count("model")) throw UsageError("model show needs a name", suggestion("", architecture_names()));
    show(values, as_json, streams);
  } else if (what == "import") {
    if (!values.count("model")) throw UsageError("model import needs a config.json", "kvplan model import config.json");
    import(values, streams);
  } else {
    throw UsageError(what.empty() ? "model needs list, show or import" : fmt::format("model has no \"{}\"", what),
                     suggestion(what, {"list", "show", "import"}));
  }
  return ExitCode::done;
}

}  // namespace kvplan
