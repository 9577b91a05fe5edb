// The protocol without a GPU: an engine that is the cost model itself is predicted
// to the picosecond, one that is slower by a tenth is found to be, and what is
// written is what is read.
#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/sim/cost_model_executor.hpp"
#include "tests/sim/small.hpp"
#include "validate/replay/compare.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

class LoggingExecutor : public CostModelExecutor {
 public:
  LoggingExecutor(const SimulationConfig& config, ReplayRun& run) : CostModelExecutor(config), run_(run) {}
  void start_step(const std::vector<StepPart>& parts, const BatchFeatures& batch, unsigned copies, Time at) override {
    CostModelExecutor::start_step(parts, batch, copies, at);
    run_.steps.push_back({at, at, 0, batch, copies, 0});
  }
  void start_transfer(FlowNetwork::Purpose p, const Transfer& t, Time at) override {
    CostModelExecutor::start_transfer(p, t, at);
    pending_[p.kind][p.tier] = {p, t.bytes_per_gpu, t.segments, at, at, 0};
  }
  Report wait(Time until) override {
    const Report r = CostModelExecutor::wait(until);
    if (r.kind == Report::step) run_.steps.back().end = r.at;
    if (r.kind == Report::transfer) {
      LoggedTransfer& t = pending_[r.purpose.kind][r.purpose.tier];
      t.end = r.at;
      run_.transfers.push_back(t);
    }
    return r;
  }

 private:
  ReplayRun& run_;
  LoggedTransfer pending_[3][2];
};

// A little host memory, files behind it, and a choice between loading and computing.
SimulationConfig partial_machine() {
  SimulationConfig c = small_machine(60, 40'000'000, 16 * 16);
  c.links.limits.push_back({"files", 20'000'000});
  c.links.beyond = {{{Route{{{2, 1}}, 0}}, Route{{{2, 1}}, 0}, 1}};
  c.links = each_alone(c.links);
  c.offload.beyond = {{Storage::ssd, Scope::node, Bytes(100 * 16 * 1000)}};
  c.offload.choice = LoadChoice::partial;
  return c;
}

ReplayPlan small_plan() {
  Load load(16);
  TurnId last[3] = {kNone, kNone, kNone};
  std::string prompt[3] = {"ab", "ac", "xy"};
  for (int k = 0; k < 4; ++k) {
    for (int s = 0; s < 3; ++s) {
      last[s] = load.turn(ms(k == 0 ? 3 * s : 40 + s), prompt[s], 5, 20, last[s], last[s]);
      prompt[s] += std::string(2, static_cast<char>('p' + k));
    }
  }
  ReplayPlan plan;
  plan.model = {"small", 4, 128, 4, 1, 128, 512};
  plan.load = with_chains(load.build());
  for (const char* policy : {"recompute", "blocking", "partial"}) {
    const bool offload = policy != std::string("recompute");
    SimulationConfig c =
        policy == std::string("partial") ? partial_machine() : small_machine(60, offload ? 40'000'000 : 0, 1000);
    if (offload) c.links.load.front().submission_ps = {200'000'000, 300'000'000, 500'000'000};
    c.step_by_step = true;
    c.offload.scope = Scope::replica;
    for (int i = 1; i < 4; ++i) c.step_times[i] = c.step_times[0].scaled(1 + 0.1 * i);
    plan.policies.push_back({policy, c, "{}"});
  }
  return plan;
}

ReplayLog log_of(const ReplayPlan& plan, double slower) {
  ReplayLog log;
  log.plan_sha256 = "p";
  log.predictions_sha256 = "q";
  for (const ReplayPolicy& p : plan.policies) {
    SimulationConfig c = p.config;
    for (StepTime& t : c.step_times) t = t.scaled(slower);
    ReplayRun& run = log.runs.emplace_back();
    run.policy = p.name;
    LoggingExecutor executor(c, run);
    run.result = execute(plan.load, c, executor);
    run.complete = true;
  }
  return log;
}

Predictions predictions_of(const ReplayPlan& plan) {
  std::vector<SimulationConfig> configs;
  for (const ReplayPolicy& p : plan.policies) configs.push_back(p.config);
  Predictions p;
  p.plan_sha256 = "p";
  p.step_times = configs.front().step_times;
  p.policies = predict(plan, configs, configs);
  return p;
}

const ErrorClass& all_steps(const ReplayComparison& c) { return c.steps.back(); }

}  // namespace

TEST_CASE("an engine that is the cost model is predicted exactly, and a slower one is found out") {
  const ReplayPlan plan = small_plan();
  const Predictions p = predictions_of(plan);
  const ReplayComparison exact = compare(plan, p, "q", log_of(plan, 1));
  CHECK(exact.met());
  CHECK(exact.doubts.empty());
  CHECK(all_steps(exact).p90 == 0);
  REQUIRE(all_steps(exact).count > 50);
  for (const FigureError& e : exact.figures) {
    if (e.variant == "calibrated") CHECK(e.error() == Approx(0).margin(1e-12));
  }
  std::string moved;
  for (const ErrorClass& c : exact.transfers) {
    moved += c.name + (c.p90 < 1e-6 ? ", " : " (wrong), ");
  }
  CHECK(moved == "loads, loads from files, stores, writes to files, ");
  CHECK(p.policies[2].figures.at("calibrated").hit_ssd > 0.01);

  const ReplayLog slow = log_of(plan, 1.1);
  const ReplayComparison slower = compare(plan, p, "q", slow);
  CHECK_FALSE(slower.met());
  CHECK(all_steps(slower).bias == Approx(1 / 1.1 - 1).epsilon(1e-3));
  // What every step takes longer is what a training replay tells: of steps alone, in the median.
  CHECK(step_overhead_ps(log_of(plan, 1), p.step_times) == 0);
  CHECK(step_overhead_ps(slow, p.step_times) > 0);
  CHECK(with_overhead(p.step_times[0], 7)({1, 1, 1, 0}) == p.step_times[0]({1, 1, 1, 0}) + 7);
}

TEST_CASE("simpler models differ from the calibrated one where copies count, and only there") {
  const ReplayPlan plan = small_plan();
  const Predictions p = predictions_of(plan);
  for (const auto& [variant, name] : kVariants) {
    CHECK(p.policies[0].figures.at(std::string(name)).ttft_mean_s ==
          p.policies[0].figures.at("calibrated").ttft_mean_s);
  }
  CHECK(p.policies[1].figures.at("calibrated").hit_dram > 0.05);
  CHECK(p.policies[1].figures.at("constant 32 GB/s").ttft_mean_s < p.policies[1].figures.at("calibrated").ttft_mean_s);
  CHECK(p.policies[1].figures.at("no interference").tpot_mean_s < p.policies[1].figures.at("calibrated").tpot_mean_s);
}

TEST_CASE("a comparison says what a reader must know first") {
  const ReplayPlan plan = small_plan();
  Predictions p = predictions_of(plan);
  ReplayLog log = log_of(plan, 1);
  p.gpu_uuid = "GPU-1";
  log.gpu["uuid"] = std::string("GPU-2");
  log.synthetic = true;
  log.runs[1].blocks_checked = 9;
  log.runs[1].blocks_wrong = 1;
  const std::string text = to_text(compare(plan, p, "another hash", log));
  for (const char* what : {"SYNTHETIC", "NOT PRE-REGISTERED", "another card", "1 of 9 checked blocks"}) {
    INFO(what);
    CHECK(text.find(what) != std::string::npos);
  }
}

TEST_CASE("plans, predictions and replays survive writing and reading") {
  const ReplayPlan plan = small_plan();
  const std::string text = to_json_text(plan);
  CHECK(to_json_text(parse_replay_plan(text, "plan.json")) == text);
  const std::string predicted = to_json_text(predictions_of(plan));
  CHECK(to_json_text(parse_predictions(predicted, "p.json")) == predicted);
  ReplayLog log = log_of(plan, 1);
  log.runs[0].logits = {{3, 16, 0.004, 0.006}};
  const std::string happened = to_json_text(log);
  CHECK(to_json_text(parse_replay_log(happened, "r.json")) == happened);
  CHECK_THROWS_WITH(parse_replay_plan("{}", "plan.json"),
                    Catch::Contains("plan.json") && Catch::Contains("kvplan.replay-plan/1"));
}

// Each would end the program, or be an index or a sum that is undefined.
TEST_CASE("what no plan, prediction or replay holds is refused") {
  const ReplayPlan plan = small_plan();
  using nlohmann::json;
  const auto refuses = [](const std::string& text, const char* at, const json& value, auto parse) {
    CAPTURE(at, value);
    json changed = json::parse(text);
    REQUIRE(changed.contains(json::json_pointer(at)));
    changed[json::json_pointer(at)] = value;
    CHECK_THROWS_AS(parse(changed.dump(), "file"), std::runtime_error);
  };
  CHECK_NOTHROW(read_replay_plan(KVPLAN_SOURCE_DIR "/tests/replay/tiny-plan.json"));  // by hand: in no order of arrival
  const std::string planned = to_json_text(plan);
  for (const auto& [at, value] : {std::pair{"/policies/0/engine/max_num_seqs", -1},
                                  {"/policies/0/engine/max_num_batched_tokens", 0},
                                  {"/policies/0/engine/page_tokens", 0},
                                  {"/policies/0/engine/page_tokens", 48},
                                  {"/policies/2/estimates/step_times/3/base_ps/0/0", 5},
                                  {"/policies/2/estimates/links/load/bytes_per_s", 0},
                                  {"/load/block_tokens", 0},
                                  {"/load/turns/0/blocks/0", 1'000'000},
                                  {"/load/turns/3/after", 100},
                                  {"/load/turns/0/prompt_tokens", 1},
                                  {"/load/turns/0/session", 500},
                                  {"/load/parent_of_block/0", 7},
                                  {"/load/tokens_of_block/0", 0}}) {
    refuses(planned, at, value, parse_replay_plan);
  }
  refuses(planned, "/policies", json::array(), parse_replay_plan);
  const std::string predicted = to_json_text(predictions_of(plan));
  refuses(predicted, "/step_times/3/base_ps/0/0", 32, parse_predictions);
  refuses(predicted, "/policies/0/figures/calibrated/e2e_mean_s", 1e308, parse_predictions);
  const std::string happened = to_json_text(log_of(plan, 1));
  refuses(happened, "/runs/0/steps/copies/0", -1, parse_replay_log);
  refuses(happened, "/runs/0/steps/copies/0", 4, parse_replay_log);
  refuses(happened, "/runs/0/steps/end_ps/0", 0, parse_replay_log);
  refuses(happened, "/runs/0/steps/prefill_pairs/0", 1e308, parse_replay_log);
  refuses(happened, "/runs/0/requests/finish_ps/0", 0, parse_replay_log);
  ReplayLog of_more_turns = log_of(plan, 1);
  of_more_turns.runs[0].result.requests[0].turn = 100'000;
  CHECK_THROWS_WITH(compare(plan, predictions_of(plan), "", of_more_turns), Catch::Contains("another plan"));
}
