// kvplan validate replay: plans for the mini-engine of kvplan-gpu, predictions of them, and what they were worth.
#include "cli/validate_replay.hpp"

#include <fmt/format.h>

#include <boost/algorithm/string.hpp>

#include "base/file.hpp"
#include "base/json_text.hpp"
#include "base/sha256.hpp"
#include "cli/arguments.hpp"
#include "cli/as_input.hpp"
#include "cli/build_config.hpp"
#include "cli/load_trace.hpp"
#include "cli/replay.hpp"
#include "reports/write.hpp"
#include "validate/cuda/engine/tokens.hpp"
#include "validate/gpu_run/read.hpp"
#include "validate/replay/compare.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

constexpr const char* kHelp =
    "usage: kvplan validate replay plan [SCENARIO.json] [--set PATH=VALUE]... --g1-tokens N --g2-tokens N --out PLAN\n"
    "       kvplan validate replay predict PLAN --hardware FILE [--training REPLAY] [--gpu-run FILE] --out FILE\n"
    "       kvplan validate replay canary FIRST SECOND\n"
    "       kvplan validate replay compare PLAN PREDICTIONS REPLAY\n\n"
    "Judges a calibration on a run that it has not seen: `plan` writes what `kvplan-gpu replay` is to run, `predict`\n"
    "what each policy should come to under the calibration and under simpler models, `canary` sets the same points of\n"
    "two runs of kvplan-gpu side by side, and `compare` what was predicted beside what happened: step by step, and "
    "from\n"
    "end to end. Exit code 5 when a gate is missed.\n\n";

struct PolicyName {
  const char *name, *mode, *load, *choice;
};
constexpr PolicyName kPolicies[] = {{"recompute", "none", "blocking", "load"},
                                    {"blocking", "dram", "blocking", "load"},
                                    {"layerwise", "dram", "layerwise", "load"},
                                    {"files", "dram+ssd", "blocking", "load"},
                                    {"partial", "dram+ssd", "blocking", "partial"}};

po::options_description flags() {
  po::options_description d("Options", 110, 70);
  d.add_options()("set", po::value<std::vector<std::string>>()->composing()->value_name("PATH=VALUE"),
                  "plan: set any scenario option (trace, model, engine.*, offload.*); may be repeated.")(
      "policies", po::value<std::string>()->default_value("recompute,blocking,layerwise,partial")->value_name("A,B"),
      "plan: recompute (no offload), blocking, layerwise; with a quarter of the host memory and a tier in files behind "
      "it: files (blocking), partial (computes the leading part of what it loads).")(
      "g1-tokens", po::value<std::int64_t>()->default_value(65536)->value_name("N"), "plan: KV that the GPU keeps.")(
      "g2-tokens", po::value<std::int64_t>()->default_value(131072)->value_name("N"),
      "plan: KV that host memory keeps.")(
      "g3-tokens", po::value<std::int64_t>()->default_value(131072)->value_name("N"), "plan: KV that files keep.")(
      "estimates", po::value<std::string>()->value_name("NAME"),
      "plan: the hardware by which `partial` weighs loading against computing; else the scenario's.")(
      "copies", po::value<std::string>()->default_value("dma")->value_name("METHOD"),
      "plan: how the engine moves segments, and a simulation prices them (offload.copy_method): dma, batch or "
      "kernel_12.")(
      "hardware", po::value<std::string>()->value_name("NAME"),
      "predict: the calibrated hardware file, as kvplan calibrate --hardware-out writes it.")(
      "training", po::value<std::string>()->value_name("FILE"),
      "predict: a replay of another plan, whose steps tell the engine's time beside the GPU's.")(
      "gpu-run", po::value<std::string>()->value_name("FILE"), "predict: the calibrating run, for its card's uuid.")(
      "out", po::value<std::string>()->value_name("FILE"), "Where to write; else stdout.")("help,h", "Print this.");
  return d;
}

void write(const po::variables_map& values, const std::string& text, Streams streams) {
  if (values.count("out")) {
    write_file(values["out"].as<std::string>(), text);
    streams.err << fmt::format("{}  {}\n", sha256_hex(text), values["out"].as<std::string>());
  } else {
    streams.out << text;
  }
}

std::string argument(const po::variables_map& values, const char* name) {
  if (!values.count(name)) throw UsageError(fmt::format("{} is missing", name), "see kvplan validate replay --help");
  return values[name].as<std::string>();
}

ReplayModel model_of(const Architecture& a) {
  const std::int32_t group = a.kv_heads > 0 ? a.heads / a.kv_heads : 0;
  if (a.head_dim != 128 || (group != 4 && group != 8) || a.moe.layers > 0 || a.latent() || a.window.layers > 0) {
    throw InfeasibleError(
        fmt::format("error: the mini-engine has no kernels for {}\n  help: dense models with heads of 128 and 4 or 8 "
                    "query heads to "
                    "a KV head, such as llama-3.1-8b",
                    a.name));
  }
  return {a.name, a.layers, a.hidden, a.heads, a.kv_heads, a.ffn, a.vocab};
}

// What the mini-engine does in one way alone, as it is built in but for the front end, which it has not.
constexpr const char* kFixed[] = {
    "replicas", "tp", "weights", "kv_dtype",
    "engine.eviction", "engine.overlap", "engine.draft_tokens",
    "offload.eviction", "offload.ssd_eviction", "offload.defer_stores", "offload.prefetch",
    "disaggregation.decode_replicas", "fleet.also", "fleet.failures", "fleet.drains", "scaling.min_replicas",
    "frontend.fixed_s", "frontend.per_token_s", "frontend.requests_per_s", "frontend.tokens_per_s"};

Scenario of_engine() {
  Scenario s;
  for (const char* none : {"frontend.fixed_s=0", "frontend.per_token_s=0"}) s.assign(none, "replay");
  return s;
}

// A prediction of what the engine does not do would be of another run.
void refuse_what_engine_lacks(const Scenario& s) {
  const nlohmann::ordered_json asked = s.merged(), engine = of_engine().merged(), none;
  for (const char* path : kFixed) {
    const nlohmann::ordered_json::json_pointer at("/" + boost::replace_all_copy(std::string(path), ".", "/"));
    const auto only = engine.value(at, none);
    if (asked.value(at, none) == only) continue;
    const std::string but = only.is_null() ? "" : " but " + json_text(only);
    throw InputError(s.finding(path, fmt::format("the mini-engine knows no {}{}", path, but), "leave it out"));
  }
  if (s.text("offload.load") == "in-step") {
    throw InputError(s.finding("offload.load", "the mini-engine loads blocking or layer by layer", "leave it out"));
  }
}

SimulationConfig config_for(const Scenario& s, const std::string& hardware, const Architecture& model) {
  refuse_what_engine_lacks(s);
  return build_config(s, s.texts("offload.mode").front(), load_hardware(s, hardware), model).config;
}

ReplayPolicy policy_of(const std::string& name, const Scenario& base, const Architecture& model,
                       const po::variables_map& values) {
  const auto* policy =
      std::find_if(std::begin(kPolicies), std::end(kPolicies), [&](const PolicyName& p) { return p.name == name; });
  if (policy == std::end(kPolicies)) {
    std::vector<std::string> known;
    for (const PolicyName& p : kPolicies) known.push_back(p.name);
    throw UsageError(fmt::format("unknown policy \"{}\"", name), suggestion(name, known));
  }
  Scenario s = base.with("offload.mode", policy->mode);
  s.assign(fmt::format("offload.load={}", policy->load), "replay");
  s.assign(fmt::format("offload.load_choice={}", policy->choice), "replay");
  const std::string hardware = s.texts("hardware").front();
  SimulationConfig c =
      config_for(s, values.count("estimates") ? values["estimates"].as<std::string>() : hardware, model);
  c.engine.g1_pages = Pages(values["g1-tokens"].as<std::int64_t>() / c.engine.page_tokens);
  const bool files = !c.offload.beyond.empty();
  c.offload.capacity = values["g2-tokens"].as<std::int64_t>() / (files ? 4 : 1) * c.kv_bytes_per_token;
  if (files) c.offload.beyond.front().capacity = values["g3-tokens"].as<std::int64_t>() * c.kv_bytes_per_token;
  if (c.offload.enabled) c.links = each_alone(c.links);
  return {name, c, json_text(s.merged())};
}

// The offload.copy_method that prices what the engine does. Copies by kernels are calibrated with 12 blocks, vLLM's.
std::string copy_method_of(const std::string& copies) {
  if (copies == "dma" || copies == "batch") return copies;
  if (copies == "kernel_12") return "kernel";
  throw UsageError(fmt::format("copies by \"{}\" cannot be priced", copies), "expected dma, batch or kernel_12");
}

// A direction that was not measured would be predicted as DMA.
void require_measured(const Hardware& h, const std::string& method) {
  if (method == "dma") return;
  for (const bool to_device : {true, false}) {
    const bool measured = std::any_of(h.copy_surfaces.begin(), h.copy_surfaces.end(), [&](const CopySurface& s) {
      return s.method == method && s.to_device == to_device;
    });
    if (measured) continue;
    throw InfeasibleError(
        fmt::format("error: {} has no measured copies by {} {} the device\n  help: calibrate it with a run that has "
                    "them (X2), or plan with --copies dma",
                    h.name, method, to_device ? "to" : "from"));
  }
}

// The engine copies as the plan says, and a simulation as its scenario does.
void require_same_copies(const ReplayPlan& plan, const Scenario& s, const std::string& path) {
  const std::string method = s.text("offload.copy_method");
  if (method == copy_method_of(plan.copies)) return;
  throw InputError(Diagnostic{path, 0, 0,
                              fmt::format("the engine is to copy by {}, but the scenario says {}", plan.copies, method),
                              "write the plan anew: kvplan validate replay plan --copies " + plan.copies});
}

ExitCode plan_verb(const po::variables_map& values, Streams streams) {
  Scenario base = of_engine();
  if (values.count("first")) base.apply(JsonFile::load(values["first"].as<std::string>()));
  if (values.count("set")) {
    for (const auto& assignment : values["set"].as<std::vector<std::string>>()) base.assign(assignment, "--set");
  }
  const Architecture model = load_model(base);
  ReplayPlan plan;
  plan.model = model_of(model);
  plan.copies = values["copies"].as<std::string>();
  const std::string method = copy_method_of(plan.copies);
  const std::string told = base.text("offload.copy_method");
  if (base.origin("offload.copy_method") != "built-in" && told != method) {
    throw UsageError(fmt::format("--copies {} is not offload.copy_method {}", plan.copies, told),
                     "leave offload.copy_method out: --copies sets it");
  }
  base.assign("offload.copy_method=" + method, "replay");
  plan.page_first = base.text("offload.layout") == "block-first";
  plan.load = with_chains(load_trace(base, false, streams.err));
  as_input([&] { return gpu::Tokens(plan.load, plan.model.vocabulary); });
  std::vector<std::string> names;
  boost::split(names, values["policies"].as<std::string>(), boost::is_any_of(","));
  for (const std::string& name : names) plan.policies.push_back(policy_of(name, base, model, values));
  write(values, to_json_text(plan), streams);
  streams.err << fmt::format("{} turns of {}\n", plan.load.turns.size(), plan.load.name);
  return ExitCode::done;
}

ExitCode predict_verb(const po::variables_map& values, Streams streams) {
  const std::string path = argument(values, "first"), text = read_text_file(path);
  const ReplayPlan plan = as_input([&] { return parse_replay_plan(text, path); });
  Predictions p;
  p.plan_sha256 = sha256_hex(text);
  p.hardware = argument(values, "hardware");
  require_measured(load_hardware(p.hardware), copy_method_of(plan.copies));
  std::vector<SimulationConfig> calibrated, nominal;
  for (const ReplayPolicy& policy : plan.policies) {
    Scenario s;
    s.apply(JsonFile::parse(policy.scenario, path));
    require_same_copies(plan, s, path);
    const auto config_on = [&](const Scenario& scenario, const std::string& hardware) {
      SimulationConfig c = config_for(scenario, hardware, load_model(s));
      c.engine = policy.config.engine;
      c.offload.capacity = policy.config.offload.capacity;
      c.offload.beyond = policy.config.offload.beyond;
      c.offload.scope = Scope::replica;
      return c;
    };
    calibrated.push_back(config_on(s, p.hardware));
    // Of the data sheet the rates alone count; what copies by other methods cost it does not tell.
    Scenario by_dma = s;
    by_dma.assign("offload.copy_method=dma", "replay");
    nominal.push_back(config_on(by_dma, s.texts("hardware").front()));
  }
  p.step_times = calibrated.front().step_times;
  p.calibration = p.step_times[0].provenance;
  if (values.count("training")) {
    const std::string training = values["training"].as<std::string>();
    p.step_overhead_ps =
        step_overhead_ps(as_input([&] { return parse_replay_log(read_text_file(training), training); }), p.step_times);
    for (SimulationConfig& c : calibrated) {
      for (StepTime& t : c.step_times) t = with_overhead(t, p.step_overhead_ps);
    }
    p.step_times = calibrated.front().step_times;
  }
  if (values.count("gpu-run")) p.gpu_uuid = kvplan::text(read_gpu_run(values["gpu-run"].as<std::string>()).gpu, "uuid");
  p.policies = predict(plan, calibrated, nominal);
  write(values, to_json_text(p), streams);
  return ExitCode::done;
}

ExitCode compare_verb(const po::variables_map& values, Streams streams) {
  const std::string plan_path = argument(values, "first"), predictions = argument(values, "second"),
                    replay = argument(values, "third");
  const ReplayComparison c = as_input([&] {
    const std::string text = read_text_file(predictions);
    return compare(parse_replay_plan(read_text_file(plan_path), plan_path), parse_predictions(text, predictions),
                   sha256_hex(text), parse_replay_log(read_text_file(replay), replay));
  });
  write(values, to_text(c), streams);
  return c.met() ? ExitCode::done : ExitCode::target_missed;
}

}  // namespace

ExitCode validate_replay(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description all = flags();
  for (const char* slot : {"what", "first", "second", "third"}) all.add_options()(slot, po::value<std::string>());
  const po::variables_map values = parse_arguments(all, {"what", "first", "second", "third"}, arguments);
  if (values.count("help")) {
    streams.out << kHelp << flags()
                << "\nExample:\n  kvplan validate replay plan --set trace.path=chat.jsonl --set model=llama-3.1-8b --out "
                   "plan.json\n";
    return ExitCode::done;
  }
  const std::string what = values.count("what") ? values["what"].as<std::string>() : "";
  if (what == "plan") return plan_verb(values, streams);
  if (what == "predict") return predict_verb(values, streams);
  if (what == "canary") {
    streams.out << to_text(
        compare_canaries(read_gpu_run(argument(values, "first")), read_gpu_run(argument(values, "second"))));
    return ExitCode::done;
  }
  if (what == "compare") return compare_verb(values, streams);
  throw UsageError(fmt::format("kvplan validate replay needs to know what: \"{}\" is not known", what),
                   suggestion(what, {"plan", "predict", "canary", "compare"}));
}

}  // namespace kvplan
