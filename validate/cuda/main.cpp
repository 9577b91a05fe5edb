// kvplan-gpu: measures the KV paths and kernels of one GPU. docs/gpu-harness.md.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "validate/cuda/engine/replay.hpp"
#include "validate/cuda/exit_codes.hpp"
#include "validate/cuda/list.hpp"
#include "validate/cuda/measure.hpp"
#include "validate/cuda/selftest.hpp"
#include "validate/gpu_run/plan.hpp"

namespace {

using namespace kvplan::gpu;

constexpr const char* kHelp =
    "kvplan-gpu [list]                 the GPUs of this machine, as JSON\n"
    "kvplan-gpu selftest               every kernel against double precision\n"
    "kvplan-gpu experiments            what `measure` measures, and its time budgets (needs no GPU)\n"
    "kvplan-gpu measure [options]      measure the first GPU\n"
    "  --out FILE      the run, kvplan.gpu-run/1 (gpu-run.json)\n"
    "  --quick         the experiments that a step-time calibration needs, in 75 s\n"
    "  --only X1,X6    these experiments alone\n"
    "  --managed       X15 too, which allocates managed memory\n"
    "  --seed N        of scattered addresses and contents (1)\n"
    "kvplan-gpu replay --plan FILE [options]  run a plan's policies on the mini-engine\n"
    "  --plan FILE     kvplan.replay-plan/1, from `kvplan validate replay plan`\n"
    "  --out FILE      what happened, kvplan.replay/1 (replay.json)\n"
    "  --policies A,B  these policies, in this order; one named twice runs twice\n"
    "  --reference     compare all logits with double precision (small models only)\n"
    "  --plan-sha256 HEX, --predictions-sha256 HEX   go into the file before anything runs\n"
    "exit codes: 0 done, 1 a CUDA call failed, 2 usage, 6 no GPU, 7 this GPU cannot be measured,\n"
    "            8 some points or checks failed, 130 interrupted (what was measured is kept)\n";

int usage(const std::string& problem) {
  std::fprintf(stderr, "kvplan-gpu: error: %s\n%s", problem.c_str(), kHelp);
  return kUsage;
}

bool known_experiment(std::string_view id) {
  for (const auto& e : kvplan::kExperiments) {
    if (e.id == id) return true;
  }
  return false;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> out(1);
  for (const char c : list) {
    if (c == ',') {
      out.emplace_back();
    } else {
      out.back().push_back(c);
    }
  }
  return out;
}

// Fills `options`; what is wrong, or nothing.
std::string parse(const std::vector<std::string>& arguments, MeasureOptions& options) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& a = arguments[i];
    const bool has_value = i + 1 < arguments.size();
    if (a == "--quick") {
      options.quick = true;
    } else if (a == "--managed") {
      options.managed = true;
    } else if (a != "--out" && a != "--only" && a != "--seed") {
      return "unknown option \"" + a + "\"";
    } else if (!has_value) {
      return a + " wants a value";
    } else if (a == "--out") {
      options.out = arguments[++i];
    } else if (a == "--only") {
      options.only = split(arguments[++i]);
      for (const std::string& id : options.only) {
        if (!known_experiment(id)) return "--only: unknown experiment \"" + id + "\"; known: X1 to X16";
      }
    } else {
      char* end = nullptr;
      options.seed = std::strtoull(arguments[++i].c_str(), &end, 10);
      if (end == arguments[i].c_str() || *end != '\0')
        return "--seed wants a whole number, not \"" + arguments[i] + "\"";
    }
  }
  return "";
}

std::string parse(const std::vector<std::string>& arguments, ReplayOptions& options) {
  const std::map<std::string, std::string*> texts{{"--plan", &options.plan},
                                                  {"--out", &options.out},
                                                  {"--plan-sha256", &options.plan_sha256},
                                                  {"--predictions-sha256", &options.predictions_sha256}};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& a = arguments[i];
    const auto text = texts.find(a);
    if (a == "--reference") {
      options.reference = true;
    } else if (text == texts.end() && a != "--policies") {
      return "unknown option \"" + a + "\"";
    } else if (i + 1 == arguments.size()) {
      return a + " wants a value";
    } else if (text != texts.end()) {
      *text->second = arguments[++i];
    } else {
      options.only = split(arguments[++i]);
    }
  }
  return options.plan.empty() ? "replay wants --plan FILE" : "";
}

int print_experiments() {
  double full = kvplan::kFullSetUpSeconds, quick = kvplan::kQuickSetUpSeconds;
  std::printf("%-4s %7s %8s  %s\n", "id", "whole s", "quick s", "what");
  for (const auto& e : kvplan::kExperiments) {
    full += e.full_s;
    quick += e.quick_s;
    std::printf("%-4s %7.0f %8.0f  %s\n", e.id.data(), e.full_s, e.quick_s, e.title.data());
  }
  std::printf("%-4s %7.0f %8.0f  with set-up and anchors\n", "all", full, quick);
  return kDone;
}

int without_gpu(Presence p) {
  if (p == Presence::old_driver) {
    std::fprintf(stderr,
                 "kvplan-gpu: error: the driver is too old for this program's CUDA; update it, or build with an "
                 "older toolkit (12.4 or later)\n");
    return kCannotMeasure;
  }
  if (p == Presence::broken) return list_gpus();  // says which call failed
  std::puts("{\"schema\": \"kvplan.gpu/1\", \"status\": \"no GPU\", \"gpus\": []}");
  return kNoGpu;
}

int run(int argc, char** argv) {
  const std::vector<std::string> all(argv + 1, argv + argc);
  const std::string verb = all.empty() ? "list" : all[0];
  if (verb == "--help" || verb == "-h" || verb == "help") {
    std::fputs(kHelp, stdout);
    return kDone;
  }
  if (verb == "experiments") return print_experiments();
  if (verb != "list" && verb != "selftest" && verb != "measure" && verb != "replay") {
    return usage("unknown verb \"" + verb + "\"");
  }
  MeasureOptions options;
  ReplayOptions replay_options;
  options.arguments = replay_options.arguments = {argv, argv + argc};
  const std::vector<std::string> rest(all.begin() + (all.empty() ? 0 : 1), all.end());
  const std::string problem = verb == "replay" ? parse(rest, replay_options) : parse(rest, options);
  if (!problem.empty()) return usage(problem);
  if (verb != "measure" && verb != "replay" && all.size() > 1) return usage(verb + " takes no options");
  const Presence p = presence();
  if (p != Presence::gpu) return without_gpu(p);
  if (verb == "list") return list_gpus();
  if (verb == "selftest") return run_selftest() == 0 ? kDone : kSomeFailed;
  return verb == "replay" ? replay(replay_options) : measure(options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "kvplan-gpu: error: %s\n", e.what());
    return kCudaFailed;
  }
}
