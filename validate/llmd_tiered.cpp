// llm-d's tiered prefix cache: prompts of many groups, each with a long shared prefix, sent in stages of rising rate to a
// fleet behind a router that weighs queue, memory, prefixes and recency equally.
#include <fmt/format.h>

#include <cmath>
#include <random>

#include "hardware/topology.hpp"
#include "models/memory.hpp"
#include "models/roofline.hpp"
#include "sim/simulation.hpp"
#include "validate/experiment_head.hpp"

namespace kvplan {
namespace {

constexpr std::int32_t kBlock = 64;

struct Groups {
  std::int64_t groups, prompts, shared_tokens, question_tokens, output_tokens;
};

struct Stage {
  double qps = 0;
  std::size_t first_turn = 0, end_turn = 0;
};

std::uint64_t below(std::mt19937_64& random, std::uint64_t n) { return random() % n; }

// Blocks of all prompts, group by group: the shared ones, then each prompt's own.
struct Prompts {
  std::vector<std::vector<BlockId>> blocks;  // in the order in which they are sent

  Prompts(const Groups& g, Workload& w, std::mt19937_64& random) {
    const auto add = [&](std::vector<BlockId>& chain) {
      w.parent_of_block.push_back(chain.empty() ? kNone : chain.back());
      w.tokens_of_block.push_back(kBlock);
      chain.push_back(static_cast<BlockId>(w.tokens_of_block.size() - 1));
    };
    for (std::int64_t i = 0; i < g.groups; ++i) {
      std::vector<BlockId> shared;
      for (std::int64_t b = 0; b < g.shared_tokens / kBlock; ++b) add(shared);
      for (std::int64_t p = 0; p < g.prompts; ++p) {
        blocks.push_back(shared);
        for (std::int64_t b = 0; b < g.question_tokens / kBlock; ++b) add(blocks.back());
      }
    }
    for (std::size_t i = blocks.size(); i > 1; --i) std::swap(blocks[i - 1], blocks[below(random, i)]);
  }
};

// One more stage: rate x duration requests of a Poisson process, which send the prompts in their order, from the first on
// in every stage, as the load generator does.
void add_stage(const Prompts& prompts, std::int64_t output_tokens, double start_s, double stage_s, Stage& stage, Workload& w,
               std::mt19937_64& random) {
  stage.first_turn = w.turns.size();
  const auto requests = static_cast<std::size_t>(stage.qps * stage_s);
  double at = start_s;
  for (std::size_t i = 0; i < requests; ++i) {
    at -= std::log(1 - static_cast<double>(random() >> 11) * 0x1p-53) / stage.qps;
    const auto& blocks = prompts.blocks[i % prompts.blocks.size()];
    Turn t;
    t.arrival.time = time_from_seconds(at);
    t.session = static_cast<std::uint32_t>(w.turns.size());
    t.prompt_tokens = static_cast<std::int32_t>(blocks.size()) * kBlock;
    t.output_tokens = static_cast<std::int32_t>(output_tokens);
    t.first_block = static_cast<std::uint32_t>(w.prompt_blocks.size());
    t.block_count = static_cast<std::uint32_t>(blocks.size());
    w.prompt_blocks.insert(w.prompt_blocks.end(), blocks.begin(), blocks.end());
    w.turns.push_back(t);
  }
  stage.end_turn = w.turns.size();
  w.session_count = static_cast<std::uint32_t>(w.turns.size());
}

struct Figures {
  double ttft_s = 0, e2e_s = 0, tokens_per_s = 0;
};

Figures figures_of(const Workload& w, const SimulationResult& r, const Stage& stage) {
  Figures f;
  double tokens = 0;
  Time first = Time::max(), last{0};
  for (std::size_t i = stage.first_turn; i < stage.end_turn; ++i) {
    const RequestRecord& q = r.requests[i];
    f.ttft_s += seconds(q.first_token - q.arrival);
    f.e2e_s += seconds(q.finish - q.arrival);
    tokens += w.turns[i].prompt_tokens + w.turns[i].output_tokens;
    first = std::min(first, q.arrival);
    last = std::max(last, q.finish);
  }
  f.ttft_s /= static_cast<double>(stage.end_turn - stage.first_turn);
  f.e2e_s /= static_cast<double>(stage.end_turn - stage.first_turn);
  f.tokens_per_s = tokens / seconds(last - first);
  return f;
}

// A stage begins a pause after the last request of the one before has ended: queues are empty then, caches are not. What
// comes later changes nothing of what has ended, so each stage is found by simulating all up to it.
std::vector<Figures> run_stages(const Groups& g, double stage_s, double pause_s, std::vector<Stage> stages,
                                const SimulationConfig& config) {
  Workload w;
  w.name = "shared prefixes";
  w.block_tokens = kBlock;
  std::mt19937_64 random(1);
  const Prompts prompts(g, w, random);
  std::vector<Figures> figures;
  double start_s = 0;
  for (Stage& stage : stages) {
    add_stage(prompts, g.output_tokens, start_s, stage_s, stage, w, random);
    const Workload load = with_chains(Workload(w));
    const SimulationResult result = simulate(load, config);
    figures.push_back(figures_of(load, result, stage));
    for (const RequestRecord& r : result.requests) start_s = std::max(start_s, seconds(r.finish) + pause_s);
  }
  return figures;
}

void compare(JsonReader in, const std::string& label, const Figures& f, double tolerance, double cliff_s, Experiment& e) {
  const double ttft_s = in.number("ttft_s", 0, 1e4);
  e.comparisons.push_back({label + ": throughput", "tokens/s", f.tokens_per_s, in.number("tokens_per_s", 0, 1e9), tolerance});
  e.comparisons.push_back({label + ": mean TTFT", "s", f.ttft_s, ttft_s, 0});
  e.comparisons.push_back({label + ": mean E2E", "s", f.e2e_s, in.number("e2e_s", 0, 1e4), 0});
  e.comparisons.push_back({label + ": TTFT beyond the cliff", "", double(f.ttft_s > cliff_s), double(ttft_s > cliff_s), 0.5, true});
  in.no_other_keys();
}

SimulationConfig config_of(JsonReader& in, const ExperimentHead& head) {
  SimulationConfig c;
  const auto tp = static_cast<std::int32_t>(in.integer("tp", 1, 64));
  c.replicas = static_cast<std::int32_t>(in.integer("replicas", 1, 1000));
  c.replicas_per_node = head.hardware.gpus_per_node / tp;
  c.engine.max_context_tokens = head.model.max_context_tokens;
  c.engine.g1_pages = Pages(in.integer("kv_tokens_in_hbm", 1, std::int64_t{1} << 40) / c.replicas / c.engine.page_tokens);
  c.engine.frontend_fixed = time_from_seconds(in.number("frontend_fixed_s", 0, 10));
  c.engine.frontend_ps_per_token = std::llround(in.number("frontend_per_token_s", 0, 1e-3) * kPsPerS);
  c.kv_bytes_per_token = head.model.kv_bytes_per_token(head.kv);
  c.kv_bytes_per_token_per_gpu = head.model.kv_bytes_per_token_per_gpu(head.kv, tp);
  c.offload.scope = Scope::replica;
  c.offload.chunk_tokens = kBlock;
  c.offload.capacity = Bytes(in.integer("host_gib_per_replica", 1, 1 << 20) << 30);
  c.offload.segment = c.engine.page_tokens * c.kv_bytes_per_token_per_gpu;
  c.links = compile_links(head.hardware, tp, c.replicas_per_node);
  c.router.policy = RouterPolicy::weighted;
  const StepTime step = roofline_step_time(head.model, head.hardware.gpu, tp, head.weights, head.kv);
  const double load = head.hardware.copy_slowdown_to_device.value, store = head.hardware.copy_slowdown_from_device.value;
  c.step_times = {step, step.scaled(load), step.scaled(store), step.scaled(load * store)};
  return c;
}

}  // namespace

Experiment llmd_tiered(const JsonFile& file) {
  JsonFindings findings;
  JsonReader in(file, findings);
  ExperimentHead head = read_head(in);
  Experiment& e = head.experiment;
  SimulationConfig config = config_of(in, head);
  const auto count = [&](const char* key) { return in.integer(key, 1, 1'000'000); };
  const double retokenised = in.number("tokens_per_random_token", 0.5, 2);
  const auto as_text = [&](const char* key) { return std::llround(static_cast<double>(count(key)) * retokenised / kBlock) * kBlock; };
  const Groups groups{count("groups"), count("prompts_per_group"), as_text("shared_tokens"), as_text("question_tokens"), count("output_tokens")};
  const double tolerance = in.number("tolerance", 0, 1), cliff_s = in.number("cliff_s", 0, 1e3), stage_s = in.number("stage_s", 1, 1e4);
  const double pause_s = in.number("pause_s", 0, 1e4);
  std::vector<JsonReader> published = in.objects("stages", true);
  std::vector<Stage> stages;
  for (JsonReader& s : published) stages.push_back({s.number("qps", 1e-3, 1e6)});
  in.no_other_keys();
  findings.raise();
  const std::vector<Figures> hbm = run_stages(groups, stage_s, pause_s, stages, config);
  config.offload.enabled = true;
  const std::vector<Figures> both = run_stages(groups, stage_s, pause_s, stages, config);
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Figures &without = hbm[i], &with = both[i];
    const std::string at = fmt::format("{:g} QPS", stages[i].qps);
    if (published[i].has("hbm")) {
      compare(published[i].object("hbm"), at + ", HBM", without, tolerance, cliff_s, e);
      compare(published[i].object("hbm_and_cpu"), at + ", HBM + CPU", with, tolerance, cliff_s, e);
    } else {
      e.remarks.push_back(fmt::format("{}: HBM {:.0f} tokens/s, mean TTFT {:.2f} s; with the CPU tier {:.0f} tokens/s, {:.2f} s", at,
                                      without.tokens_per_s, without.ttft_s, with.tokens_per_s, with.ttft_s));
    }
    published[i].no_other_keys();
  }
  findings.raise();
  e.inputs.insert(e.inputs.end(),
                  {{"fleet", fmt::format("{} replicas, weighted router with equal weights", config.replicas)},
                   {"load", fmt::format("{} groups x {} prompts in a shuffled order, Poisson, stages of {:g} s from cold; "
                                        "{:g} s between the last end of one and the next; {} + {} tokens",
                                        groups.groups, groups.prompts, stage_s, pause_s, groups.shared_tokens,
                                        groups.question_tokens)},
                   {"step time", config.step_times[0].provenance}});
  return e;
}

}  // namespace kvplan
