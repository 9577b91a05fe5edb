#include "validate/cuda/engine/replay.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include "sim/simulation.hpp"
#include "validate/cuda/device/machine.hpp"
#include "validate/cuda/device/scratch_file.hpp"
#include "validate/cuda/engine/checks.hpp"
#include "validate/cuda/exit_codes.hpp"
#include "validate/cuda/experiments/bench.hpp"
#include "validate/cuda/kernels/launch.hpp"
#include "validate/replay/plan.hpp"

namespace kvplan::gpu {
namespace {

constexpr std::uint32_t kCheckOneIn = 16;
constexpr std::int64_t kSmallHostBytes = std::int64_t{1} << 30;

void write_whole(const std::string& text, const std::string& path) {
  const std::string part = path + ".part";
  std::ofstream(part, std::ios::binary) << text;
  if (std::rename(part.c_str(), path.c_str()) != 0) throw std::runtime_error("cannot write " + path);
}

ModelShape shape_of(const ReplayModel& m) {
  return {m.name, m.layers, m.hidden, m.heads, m.kv_heads, m.intermediate, m.vocabulary};
}

// What the plan's largest policy needs.
struct Sizes {
  KvLayout layout;
  int max_rows = 0, max_sequences = 0, max_context = 0;
  std::int32_t slots = 0, passing = 0, file_slots = 0;  // blocks: of host memory, on their way from files, of files
  std::int64_t host_bytes = 0, file_bytes = 0;
};

std::int32_t slots_of(const ReplayPlan& plan, const ReplayPolicy& p) {
  const std::int64_t block = plan.load.block_tokens * plan.model.kv_bytes_per_token();
  return p.config.offload.enabled ? static_cast<std::int32_t>(p.config.offload.capacity.count / block) : 0;
}

std::int32_t file_slots_of(const ReplayPlan& plan, const ReplayPolicy& p) {
  const std::int64_t block = plan.load.block_tokens * plan.model.kv_bytes_per_token();
  const auto& beyond = p.config.offload.beyond;
  return beyond.empty() ? 0 : static_cast<std::int32_t>(beyond.front().capacity.count / block);
}

void refuse_other_tiers(const ReplayPolicy& p) {
  const auto& beyond = p.config.offload.beyond;
  if (beyond.size() > 1 || (!beyond.empty() && beyond.front().kind != Storage::ssd)) {
    throw std::runtime_error("policy " + p.name + ": beyond host memory the engine has one tier, in files");
  }
}

Sizes sizes_of(const ReplayPlan& plan) {
  const EngineConfig& e = plan.policies.front().config.engine;
  Sizes s;
  s.layout = {plan.model.layers, static_cast<int>(e.g1_pages.count),
              e.page_tokens,     plan.model.kv_heads,
              plan.page_first,   false};
  s.max_rows = e.max_num_batched_tokens;
  s.max_sequences = e.max_num_seqs;
  for (const Turn& t : plan.load.turns) {
    const std::int32_t all = t.prompt_tokens + t.output_tokens;
    if (all <= e.max_context_tokens) s.max_context = std::max(s.max_context, all);
  }
  for (const ReplayPolicy& p : plan.policies) {
    if (p.config.engine.g1_pages != e.g1_pages || p.config.engine.max_num_batched_tokens != e.max_num_batched_tokens) {
      throw std::runtime_error("the plan's policies differ in the engine's limits");
    }
    refuse_other_tiers(p);
    s.slots = std::max(s.slots, slots_of(plan, p));
    s.file_slots = std::max(s.file_slots, file_slots_of(plan, p));
  }
  if (s.file_slots > 0) s.passing = static_cast<std::int32_t>(ceil_div(s.max_context, plan.load.block_tokens));
  const std::int64_t block = plan.load.block_tokens * plan.model.kv_bytes_per_token();
  s.host_bytes = (std::int64_t{s.slots} + s.passing) * block;
  s.file_bytes = s.file_slots * block;
  return s;
}

// Whether the plan fits into the machine; adds a finding for each that does not.
void judge_room(const ReplayPlan& plan, const Sizes& s, Machine& machine) {
  const auto gib = [](double bytes) { return std::to_string(bytes / (1 << 30)).substr(0, 5) + " GiB"; };
  const auto need =
      static_cast<double>(Model::bytes_needed(shape_of(plan.model), s.layout, s.max_rows, s.max_sequences));
  const auto refuse = [&](const char* code, const std::string& message) {
    machine.findings.push_back({code, true, message});
    std::fprintf(stderr, "error: %s: %s\n", code, message.c_str());
  };
  if (need > static_cast<double>(machine.facts.hbm_free_bytes)) {
    refuse("little_hbm", "the plan's model and pages want " + gib(need) + " of GPU memory, " +
                             gib(static_cast<double>(machine.facts.hbm_free_bytes)) + " are free");
  }
  if (s.host_bytes > machine.facts.host_bytes * 3 / 4) {
    refuse("little_host_memory", "the plan wants " + gib(static_cast<double>(s.host_bytes)) + " of pinned memory of " +
                                     gib(static_cast<double>(machine.facts.host_bytes)));
  }
  if (const std::int64_t free = ScratchFile::free_bytes(scratch_folder()); s.file_bytes > free) {
    refuse("little_disk", "the plan wants " + gib(static_cast<double>(s.file_bytes)) + " of files, " + scratch_folder() +
                              " has " + gib(static_cast<double>(free)) + " (TMPDIR names another folder)");
  }
  if (!machine.facts.cublaslt) refuse("no_cublaslt", "a model cannot run without libcublasLt");
}

class Session {
 public:
  Session(const ReplayPlan& plan, const ReplayOptions& options, Matmul& matmul)
      : plan_(plan),
        options_(options),
        sizes_(sizes_of(plan)),
        tokens_(plan.load, plan.model.vocabulary),
        model_(shape_of(plan.model), sizes_.layout, matmul, sizes_.max_rows, sizes_.max_sequences, sizes_.max_context,
               plan.seed),
        host_(Memory::pinned, static_cast<std::size_t>(std::max<std::int64_t>(8, sizes_.host_bytes))) {}

  // Fills `run` as far as it comes; throws Interrupted and CudaError.
  void run(const ReplayPolicy& policy, ReplayRun& run) {
    forget_contents();
    GpuExecutor executor(plan_.load, tokens_, model_, host_, executor_options(policy));
    try {
      run.files_are_direct = executor.files_are_direct();
      run.result = execute(plan_.load, policy.config, executor);
      run.complete = true;
    } catch (...) {
      note(executor, run);
      throw;
    }
    note(executor, run);
    run.logits = check_logits(executor, model_, tokens_, plan_.load, policy.config.engine.max_num_batched_tokens,
                              options_.reference);
  }

 private:
  GpuExecutor::Options executor_options(const ReplayPolicy& policy) const {
    GpuExecutor::Options o;
    o.slots = slots_of(plan_, policy);
    o.file_slots = file_slots_of(plan_, policy);
    o.folder = scratch_folder();
    o.copies = plan_.copies;
    o.by_layer = policy.config.offload.load == LoadPolicy::layerwise;
    o.check_every = options_.reference ? 1 : kCheckOneIn;
    o.most_kept = options_.reference ? static_cast<std::int32_t>(plan_.load.turns.size()) : plan_.most_checked;
    o.keep_any = options_.reference;
    return o;
  }

  // Nothing that an earlier run left may help this one.
  void forget_contents() {
    KVPLAN_CUDA(cudaMemset(model_.pool(), 0xff, static_cast<std::size_t>(2 * sizes_.layout.pool_elements())));
    if (sizes_.host_bytes <= kSmallHostBytes) std::fill_n(host_.data(), host_.bytes(), char(-1));
    KVPLAN_CUDA(cudaDeviceSynchronize());
  }

  static void note(GpuExecutor& executor, ReplayRun& run) {
    run.steps = executor.take_steps();
    run.transfers = executor.take_transfers();
    run.blocks_checked = executor.mover().blocks_checked();
    run.blocks_wrong = executor.mover().blocks_wrong();
  }

  const ReplayPlan& plan_;
  const ReplayOptions& options_;
  Sizes sizes_;
  Tokens tokens_;
  Model model_;
  Buffer host_;
};

std::vector<const ReplayPolicy*> chosen(const ReplayPlan& plan, const ReplayOptions& options) {
  std::vector<const ReplayPolicy*> out;
  for (const ReplayPolicy& p : plan.policies) {
    if (options.only.empty()) out.push_back(&p);
  }
  for (const std::string& name : options.only) {
    const auto at =
        std::find_if(plan.policies.begin(), plan.policies.end(), [&](const auto& p) { return p.name == name; });
    if (at == plan.policies.end()) throw std::runtime_error("the plan has no policy \"" + name + "\"");
    out.push_back(&*at);
  }
  return out;
}

// One run after the other; the log is written after each. The exit code.
int run_all(const ReplayPlan& plan, const ReplayOptions& options, Matmul& matmul, ReplayLog& log) {
  int code = kDone;
  try {
    Session session(plan, options, matmul);
    for (const ReplayPolicy* policy : chosen(plan, options)) {
      ReplayRun& run = log.runs.emplace_back();
      run.policy = policy->name;
      std::fprintf(stderr, "%s\n", policy->name.c_str());
      session.run(*policy, run);
      if (!run.files_are_direct) {
        log.findings.push_back({"page_cache", false,
                                policy->name + ": " + scratch_folder() +
                                    " takes no direct access, so that the file tier may have been memory"});
      }
      for (const std::string& problem : problems_of(run)) {
        std::fprintf(stderr, "  FAILED: %s\n", problem.c_str());
        code = kSomeFailed;
      }
      std::fprintf(stderr, "  %zu steps, %zu transfers, %.1f s, %lld blocks and %zu turns checked\n", run.steps.size(),
                   run.transfers.size(), seconds(run.result.end), static_cast<long long>(run.blocks_checked),
                   run.logits.size());
      write_whole(to_json_text(log), options.out);
    }
  } catch (const Interrupted&) {
    code = kInterrupted;
  } catch (const CudaError& e) {
    log.findings.push_back({e.fatal() ? "context_lost" : "cuda", false, e.what()});
    std::fprintf(stderr, "error: %s\n", e.what());
    code = kCudaFailed;
  } catch (const FileTierError& e) {
    log.findings.push_back({"file_tier", false, e.what()});
    std::fprintf(stderr, "error: %s\n", e.what());
    code = kSomeFailed;
  } catch (const std::logic_error& e) {
    log.findings.push_back({"engine", false, e.what()});
    std::fprintf(stderr, "error: the engine lost track: %s\n", e.what());
    code = kSomeFailed;
  }
  write_whole(to_json_text(log), options.out);
  return code;
}

}  // namespace

int replay(const ReplayOptions& options) {
  const ReplayPlan plan = read_replay_plan(options.plan);
  const Nvml nvml(bus_id());
  Matmul matmul;
  Machine machine = inspect_machine(nvml, matmul);
  judge_room(plan, sizes_of(plan), machine);
  ReplayLog log;
  log.utc = utc_now();
  log.version = KVPLAN_VERSION;
  log.arguments = options.arguments;
  log.plan_sha256 = options.plan_sha256;
  log.predictions_sha256 = options.predictions_sha256;
  log.synthetic = kernels_are_emulated();
  log.gpu = machine.gpu;
  log.host = machine.host;
  log.findings = machine.findings;
  std::fprintf(stderr, "plan %s\npredictions %s\n", log.plan_sha256.c_str(), log.predictions_sha256.c_str());
  write_whole(to_json_text(log), options.out);
  if (machine.refuses()) return kCannotMeasure;
  for (const auto load : {load_attention_kernels, load_copy_kernels, load_fused_kernels}) KVPLAN_CUDA(load());
  std::signal(SIGINT, [](int) { interrupt_wanted = 1; });
  std::signal(SIGTERM, [](int) { interrupt_wanted = 1; });
  return run_all(plan, options, matmul, log);
}

}  // namespace kvplan::gpu
