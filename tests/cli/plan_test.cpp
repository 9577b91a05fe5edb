// The planner against exhaustive search on small random questions, and its manners.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.hpp"
#include "cli/plan_solver.hpp"
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;
using nlohmann::json;

namespace {

json small_request(std::uint64_t seed) {
  RandomStream r(seed, "requests");
  const auto one_of = [&](std::vector<double> v) { return v[r.below(v.size())]; };
  json grid = {{"hardware", {"x86-h100-sxm", "gh200-96"}},
               {"offload.mode", {"none", "dram"}},
               {"offload.dram_bytes", {"2 GB", "20 GB"}}};
  if (r.chance(0.5)) grid["kv_dtype"] = {"bf16", "fp8"};
  if (r.chance(0.5)) grid["engine.max_num_seqs"] = {4, 64};
  if (r.chance(0.3)) grid["router.policy"] = {"round-robin", "weighted"};
  const char* objectives[] = {"usd_per_hour", "gpus", "usd_per_user_month"};
  return {
      {"base",
       {{"trace", {{"users", 6 + static_cast<int>(r.below(20))}, {"users_start_s", 20}, {"duration_s", 200}}},
        {"seed", seed},
        {"engine", {{"gpu_memory_utilization", 0.254 + 0.094 * r.unit()}}}}},
      {"search", {{"grid", grid}}},
      {"most_replicas", 6},
      {"objective", objectives[r.below(3)]},
      {"spare_nodes", r.below(2)},
      {"cost", {{"tenure", r.chance(0.5) ? "owned" : "rented"}}},
      {"confidence", {{"replications", 1 + r.below(2)}}},
      {"slo", {{"ttft_s", {{"p50", one_of({0.1, 0.2, 0.5})}}}, {"tpot_s", {{"mean", one_of({0.011, 0.014, 0.025})}}}}}};
}

std::string written(const Folder& folder, const json& request) { return folder.file("request.json", request.dump(1)); }

struct Row {
  std::int64_t at_ms;
  int blocks, output_tokens;
};

// Turns that share nothing.
std::string trace_of(const Folder& folder, const std::vector<Row>& rows) {
  std::string text;
  std::int64_t block = 0;
  for (const Row& r : rows) {
    json hashes = json::array();
    for (int i = 0; i < r.blocks; ++i) hashes.push_back(block++);
    text += json{{"timestamp", r.at_ms},
                 {"input_length", 512 * r.blocks},
                 {"output_length", r.output_tokens},
                 {"hash_ids", hashes}}
                .dump() +
            "\n";
  }
  return folder.file("turns.jsonl", text);
}

// Turns of their own every half a second: long prompts as long as the load starts up, short ones from then on, and
// before each turn of `refused` one that no window holds.
std::string load_that_starts_up(const Folder& folder, const std::set<int>& refused) {
  std::string rows;
  std::int64_t block = 0;
  const auto add = [&](int turn, int blocks) {
    json hashes = json::array();
    for (int i = 0; i < blocks; ++i) hashes.push_back(block++);
    rows += json{{"timestamp", 500 * turn}, {"input_length", 512 * blocks}, {"output_length", 20}, {"hash_ids", hashes}}
                .dump() +
            "\n";
  };
  for (int turn = 0; turn < 200; ++turn) {
    if (refused.count(turn)) add(turn, 20);
    add(turn, turn < 60 ? 12 : 2);
  }
  return folder.file("load.jsonl", rows);
}

// What the search assumes: more replicas never make a fleet that does one that does not. Loads as small as these show the
// opposite at times: prefixes are spread over more caches, and limits lie within the noise of few judged turns.
bool more_replicas_never_hurt(PlanSolver& p) {
  for (std::size_t arm = 0; arm < p.set().arms.size(); ++arm) {
    bool before = false;
    for (std::int64_t n = 1; n <= p.request().most_replicas; ++n) {
      const bool feasible = p.evaluator().run(arm, n, p.load()).feasible;
      if (before && !feasible) return false;
      before = feasible;
    }
  }
  return true;
}

// False only where more replicas hurt; what is found is never better than what there is.
bool is_optimum(const std::optional<Found>& found, const std::optional<Found>& truth, PlanSolver& p) {
  const double best = found ? found->value : std::numeric_limits<double>::infinity();
  const double least = truth ? truth->value : std::numeric_limits<double>::infinity();
  CHECK(best >= least * (1 - 1e-12));
  if (best <= least * (1 + 1e-12)) return true;
  CHECK_FALSE(more_replicas_never_hurt(p));
  return false;
}

}  // namespace

TEST_CASE("the plan is the optimum of exhaustive search, from a fifth of its simulations or fewer") {
  Folder folder;
  std::ostringstream err;
  std::int64_t simulated = 0, exhaustive = 0, feasible = 0, missed = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const std::string file = written(folder, small_request(seed));
    PlanSolver solver(read_plan_request(file), 1, err);
    const auto best = solver.solve();
    simulated += static_cast<std::int64_t>(solver.searched().judged.size());
    std::int64_t judged = 0;
    const auto truth = solver.solve_exhaustively(judged);
    exhaustive += judged;
    missed += !is_optimum(best, truth, solver);
    feasible += best.has_value();
  }
  CHECK(feasible >= 10);  // the comparison is of plans, not of refusals
  CHECK(missed <= 2);
  CHECK(5 * simulated <= exhaustive);
}

TEST_CASE("within limits, too, the plan is the optimum of exhaustive search") {
  Folder folder;
  std::ostringstream err;
  std::int64_t feasible = 0, missed = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    RandomStream r(seed, "limits");
    json request = small_request(seed);
    request["spare_nodes"] = 0;
    if (r.chance(0.6))
      request["limits"] = {{"gpus", 1 + r.below(6)}};
    else
      request["limits"] = {{"usd_per_hour", 3 + 17 * r.unit()}};
    PlanSolver solver(read_plan_request(written(folder, request)), 1, err);
    const auto best = solver.solve();
    std::int64_t judged = 0;
    const auto truth = solver.solve_exhaustively(judged);
    missed += !is_optimum(best, truth, solver);
    feasible += best.has_value();
  }
  CHECK(feasible >= 4);
  CHECK(missed <= 1);
}

TEST_CASE("what an owned fleet costs at work is held to the limit, and stands in no smaller fleet's way") {
  Folder folder;
  std::ostringstream err;
  std::int64_t solved = 0, refused = 0, missed = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    json request = small_request(seed);
    request["spare_nodes"] = 0;
    request["cost"] = {{"tenure", "owned"}, {"override", {{"usd_per_kwh", 3}}}};  // work is dear
    PlanSolver free(read_plan_request(written(folder, request)), 1, err);
    const auto cheapest = free.solve();
    if (!cheapest) continue;
    const FleetOutcome o = free.evaluator().run(cheapest->arm, cheapest->running, free.load());
    const double usd = free.evaluator().cost(cheapest->arm, cheapest->replicas, cheapest->running, o).usd_per_hour;
    for (const double limit : {0.97, 1.0001, 1.1, 1.35}) {
      request["limits"] = {{"usd_per_hour", limit * usd}};
      PlanSolver solver(read_plan_request(written(folder, request)), 1, err);
      const auto best = solver.solve();
      std::int64_t judged = 0;
      missed += !is_optimum(best, solver.solve_exhaustively(judged), solver);
      solved += best.has_value();
      refused += !best.has_value();
      if (!best) continue;
      const FleetOutcome at_work = solver.evaluator().run(best->arm, best->running, solver.load());
      CHECK(solver.evaluator().cost(best->arm, best->replicas, best->running, at_work).usd_per_hour <= limit * usd);
    }
  }
  CHECK(solved >= 10);
  CHECK(refused >= 1);
  CHECK(missed <= 3);
}

TEST_CASE("limits that leave just the cheapest fleet leave the plan: tighter ones are told to be in the way") {
  Folder folder;
  std::vector<Row> rows;
  for (int i = 0; i < 100; ++i) rows.push_back({500 * i, 2, 150});
  json request = {{"base", {{"trace", {{"path", trace_of(folder, rows)}}}, {"engine", {{"max_num_seqs", 1}}}}},
                  {"search", {{"grid", {{"hardware", {"x86-h100-sxm"}}, {"replicas_per_node", {1}}}}}},
                  {"spare_nodes", 0},
                  {"regret_draws", 0},
                  {"slo", {{"ttft_s", {{"p50", 0.2}}}, {"tpot_s", {{"p50", 0.05}}}}}};
  const auto plan = [&](const json& limits) {
    request["limits"] = limits;
    return cli({"plan", written(folder, request), "--format", "json"});
  };
  const json free = plan(json::object()).json()["recommended"];
  const auto gpus = free["gpus"].get<std::int64_t>();
  REQUIRE(gpus == 3);  // which doubling passes over
  const double usd = free["cost"]["usd_per_hour"];
  for (const json& limits : {json{{"gpus", gpus}}, json{{"gpus", gpus + 1}}, json{{"usd_per_hour", usd}}}) {
    CAPTURE(limits.dump());
    CHECK(plan(limits).json()["recommended"] == free);
  }
  for (const json& limits : {json{{"gpus", gpus - 1}}, json{{"usd_per_hour", 0.99 * usd}}}) {
    CAPTURE(limits.dump());
    const CliRun run = plan(limits);
    CHECK(run.code == 4);
    CHECK(contains(run.json()["sentence"], "No fleet of up to 256 replicas within the limits meets the SLO"));
    const CliRun text = cli({"plan", written(folder, request)});
    CHECK(text.code == 4);
    CHECK(contains(text.out, run.json()["closest"]["why"].get<std::string>()));
  }
  request["spare_nodes"] = 5;  // one replica in service is one too many
  request["limits"] = {{"gpus", 5}};
  const CliRun none = cli({"plan", written(folder, request)});
  CHECK(none.code == 4);
  CHECK(contains(none.out, "GPUs, and 5 are allowed"));
}

TEST_CASE("a load that begins later is planned for alike") {
  Folder folder;
  const auto plan = [&](std::int64_t from_ms) {
    std::vector<Row> rows;
    for (int i = 0; i < 200; ++i) rows.push_back({from_ms + 500 * i, 2, 100});
    const json request = {
        {"base", {{"trace", {{"path", trace_of(folder, rows)}}}}},
        {"search",
         {{"grid", {{"hardware", {"x86-h100-sxm"}}, {"engine.max_num_seqs", {1, 64}}, {"replicas_per_node", {1}}}}}},
        {"objective", "usd_per_million_output_tokens"},
        {"regret_draws", 0},
        {"slo", {{"ttft_s", {{"p50", 0.5}}}, {"tpot_s", {{"p50", 0.05}}}}}};
    const CliRun run = cli({"plan", written(folder, request)});
    INFO(run.err);
    CHECK(run.code == 0);
    return run.out;
  };
  const std::string at_once = plan(0);
  CHECK(contains(at_once, "max_num_seqs=64"));  // the better, though it is looked at after the other
  for (const std::int64_t later_ms : {3'000, 100'000'000}) CHECK(plan(later_ms) == at_once);
}

TEST_CASE("what is off the scale is said to be: intervals that would be negative, loads beyond twice the load") {
  Folder folder;
  std::vector<Row> rows;
  for (int i = 0; i < 400; ++i) rows.push_back({4000 * i, i >= 320 && i < 329 ? 100 : 1, 20});
  const json request = {{"base", {{"trace", {{"path", trace_of(folder, rows)}}}}},
                        {"search", {{"grid", {{"hardware", {"x86-h100-sxm"}}}}}},
                        {"regret_draws", 0},
                        {"slo", {{"ttft_s", {{"p95", 15.0}}}, {"tpot_s", {{"p95", 0.5}}}}}};
  const CliRun run = cli({"plan", written(folder, request), "--format", "json"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  const json d = run.json(), ttft = d["recommended"]["at_full_strength"]["slo"][0];
  CHECK(ttft["low"] == 0);
  CHECK(ttft["high"] > 2 * ttft["value"].get<double>());
  CHECK(d["shadow_prices"]["load_carried_fraction"] == 2.0);
  CHECK(d["shadow_prices"]["load_carried_is"] == "at least");
  for (const json& r : d["shadow_prices"]["resources"]) CHECK(r["usd_per_hour_per_unit"].is_null());
  const CliRun text = cli({"plan", written(folder, request)});
  CHECK(contains(text.out, "carries at least 2.00 x the load"));
  CHECK(contains(text.out, "not known"));
}

TEST_CASE("a plan's document holds what the terminal prints, and its scenario runs") {
  Folder folder;
  json request = small_request(3);
  request["slo"] = {{"ttft_s", {{"p50", 1.0}}}, {"tpot_s", {{"p50", 0.05}}}};
  request["regret_draws"] = 2;
  const std::string file = written(folder, request), out = (folder.path / "out").string();
  const CliRun run = cli({"plan", file, "--format", "json", "--out", out});
  INFO(run.err);
  REQUIRE(run.code == 0);
  const json d = run.json();
  CHECK(d["schema"] == "kvplan.plan/1");
  CHECK(d["recommended"]["with_spare_nodes_lost"]["meets_slo"] == true);
  CHECK(d["regret"]["draws"] == 2);
  CHECK(d["best_by_hardware"].size() == 2);
  CHECK(d["hardware_without_fleet"].empty());
  for (const json& r : d["shadow_prices"]["resources"]) {
    if (r["low"].is_null()) continue;
    CHECK(r["low"] <= r["usd_per_hour_per_unit"]);
    CHECK(r["usd_per_hour_per_unit"] <= r["high"]);
  }
  CHECK(contains(d["recommended"]["serving_flags"]["vLLM"].get<std::string>(), "--tensor-parallel-size 1"));
  const auto share = [&](const char* server, const std::string& flag) {
    const auto text = d["recommended"]["serving_flags"][server].get<std::string>();
    return std::stod(text.substr(text.find(flag) + flag.size()));
  };
  const double beside = share("vLLM", "--gpu-memory-utilization ") - share("SGLang", "--mem-fraction-static ");
  CHECK(beside > 3.22 / 102 - 0.001);  // 3 GiB of an H100 or a GH200
  CHECK(beside < 3.22 / 85 + 0.001);
  const CliRun again = cli({"run", out + "/recommended.scenario.json", "--format", "json"});
  CHECK(again.code == 0);
  CHECK(text_of(folder.path / "out" / "plan.json") == run.out);
}

TEST_CASE("a hardware for which there is no fleet is named, with the reason") {
  Folder folder;
  json request = small_request(3);
  request["base"]["model"] = "llama-3.1-70b";  // 141 GB of weights: for no single GPU of these
  request["base"]["engine"]["gpu_memory_utilization"] = 0.9;
  request["search"]["grid"] = {{"hardware", {"x86-h100-sxm", "gh200-96"}}, {"tp", {1, 4}}};
  request["slo"] = {{"ttft_s", {{"p50", 5.0}}}};
  request["regret_draws"] = 0;
  const CliRun run = cli({"plan", written(folder, request), "--format", "json"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  const json none = run.json()["hardware_without_fleet"];
  REQUIRE(none.size() == 1);
  CHECK(none[0]["hardware"] == "gh200-96");
  CHECK(!none[0]["why"].get<std::string>().empty());
}

TEST_CASE("an SLO out of reach: exit 4, the nearest fleet, what binds and how far it is") {
  Folder folder;
  json request = small_request(1);
  request["slo"] = {{"ttft_s", {{"p50", 0.001}}}};
  const CliRun run = cli({"plan", written(folder, request)});
  CHECK(run.code == 4);
  CHECK(contains(run.out, "No fleet meets the SLO"));
  CHECK(contains(run.out, "even for requests alone on the fleet"));
}

TEST_CASE("refused turns do not move the end of the start-up") {
  Folder folder;
  std::ostringstream err;
  const auto judged_from = [&](const std::set<int>& refused) {
    const json request = {
        {"base",
         {{"trace", {{"path", load_that_starts_up(folder, refused)}}}, {"engine", {{"max_context_tokens", 8192}}}}},
        {"search", {{"grid", {{"hardware", {"x86-h100-sxm"}}}}}},
        {"slo", {{"ttft_s", {{"p50", 1.0}}}}}};
    const PlanSolver solver(read_plan_request(written(folder, request)), 1, err);
    return static_cast<int>(solver.load().loads[0].judged_from);
  };
  const int end = judged_from({});
  CHECK(end >= 60);
  CHECK(end < 80);
  RandomStream random(7, "refused");
  for (int i = 0; i < 4; ++i) {
    const std::set<int> refused = {static_cast<int>(random.below(60)), static_cast<int>(random.below(200))};
    const auto before = std::count_if(refused.begin(), refused.end(), [&](int turn) { return turn < end; });
    CAPTURE(i, *refused.begin(), *refused.rbegin());
    CHECK(judged_from(refused) == end + before);
  }
}

TEST_CASE("what a plan takes of a node's memory is what a run of the fleet takes, and bounds take no less") {
  Folder folder;
  std::ostringstream err;
  json request = small_request(3);
  request["base"]["offload"] = {{"remote_bytes", "30 GB"}, {"ssd_scope", "fleet"}};
  request["search"]["grid"] = {{"hardware", {"x86-h100-sxm"}}, {"tp", {1, 2}}, {"offload.mode", {"dram+ssd+remote"}}};
  request["search"]["grid"]["offload.dram_scope"] = {"replica", "node", "fleet"};
  for (const bool given : {false, true}) {
    if (given) request["base"]["offload"].update({{"dram_bytes", "500 GB"}, {"ssd_bytes", "1 TB"}});
    PlanSolver p(read_plan_request(written(folder, request)), 1, err);
    REQUIRE(p.set().arms.size() == 6);
    for (std::size_t a = 0; a < p.set().arms.size(); ++a) {
      const Arm& arm = p.set().arms[a];
      const Machine bound = machine_of(arm.built.config);
      for (const std::int64_t n : {1, 3, 4, 8, 11}) {
        CAPTURE(given, arm.name(), n);
        Scenario s = p.request().scenario(arm.values);
        s.assign("replicas", n, "test", {});
        const Built run = build_config(s, arm.mode, *arm.hardware, p.model());
        const Fleet f = arm.fleet(n);
        CHECK(std::abs(f.dram_bytes_per_node - static_cast<double>(run.dram_per_node.count)) < 1);
        CHECK(std::abs(f.ssd_bytes_per_node - static_cast<double>(run.ssd_per_node.count)) < 1);
        CHECK(f.nodes == run.nodes);
        const double nodes = static_cast<double>(run.nodes),
                     of_nodes = nodes * static_cast<double>((run.dram_per_node + run.ssd_per_node).count),
                     below = nodes * bound.below_tokens_per_node + bound.below_tokens_of_fleet;
        CHECK(below * static_cast<double>(run.config.kv_bytes_per_token.count) >=
              (1 - 1e-9) * (of_nodes + static_cast<double>(run.remote.count)));
      }
    }
  }
}

TEST_CASE("a plan prices the DRAM that its replicas share, and its flags give each GPU a part of that") {
  Folder folder;
  json request = small_request(3);
  request["base"]["trace"]["users"] = 20;
  request["base"]["engine"]["max_num_seqs"] = 2;
  request["search"]["grid"] = {{"hardware", {"x86-h100-sxm"}}, {"offload.mode", {"dram"}}, {"tp", {2}}};
  request["slo"] = {{"ttft_s", {{"p50", 0.08}}}, {"tpot_s", {{"mean", 0.05}}}};
  request["objective"] = "usd_per_hour";
  request["spare_nodes"] = 0;
  request["regret_draws"] = 0;
  request["cost"] = {{"tenure", "owned"},
                     {"override", {{"dram_usd_per_gb", 10.0}, {"host_reserve_dram_bytes", 1e11}}}};
  const CliRun plan = cli({"plan", written(folder, request), "--format", "json"});
  INFO(plan.err);
  REQUIRE(plan.code == 0);
  const json d = plan.json()["recommended"];
  const auto replicas = d["replicas"].get<std::int64_t>();
  REQUIRE(replicas > 1);
  REQUIRE(d["nodes"] == 1);
  const CliRun run = cli({"run", folder.file("plan.scenario.json", d["scenario"].dump()), "--format", "json"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  const double dram = run.json()["provenance"]["derived"]["dram_bytes_per_node"].get<double>();
  const Prices prices = read_plan_request(written(folder, request)).prices;
  const double bought = dram + 1e11 - prices.nodes.at("x86-h100-sxm").included_dram_bytes.value;
  CHECK(d["cost"]["parts_usd_per_hour"]["dram"].get<double>() ==
        Approx(bought / 1e9 * 10 / (prices.years.value * 8766)));
  const auto each = static_cast<std::int64_t>(dram) / replicas / 2;
  CHECK(contains(d["serving_flags"]["TensorRT-LLM"].get<std::string>(), fmt::format("host_cache_size: {}\n", each)));
}

TEST_CASE("where no fleet will do, neither the plan nor its hardware does: regret counts each share over all draws") {
  Folder folder;
  for (const double limit : {0.0068, 0.0074}) {
    const json request = {{"base", {{"trace", {{"path", load_that_starts_up(folder, {})}}}}},
                          {"search", {{"grid", {{"hardware", {"gh200-96", "x86-h200"}}}}}},
                          {"most_replicas", 3},
                          {"spare_nodes", 0},
                          {"regret_draws", 20},
                          {"slo", {{"tpot_s", {{"p50", limit}}}}}};
    const CliRun run = cli({"plan", written(folder, request), "--format", "json"});
    CAPTURE(limit, run.err);
    REQUIRE(run.code == 0);
    const json r = run.json()["regret"];
    CAPTURE(r.dump());
    const auto share = [&](const char* key) { return r[key].get<double>(); };
    const double none = share("share_no_fleet_will_do"), own = share("share_plan_hardware_will_not_do");
    CHECK(own > 0);
    CHECK(none <= own);
    CHECK(own <= share("share_plan_without_spares_misses_slo"));
    CHECK(own - none <= share("share_another_hardware_is_best") + 1e-12);
    CHECK(r["mean_regret_fraction"].is_null() == (own == 1));
  }
}

TEST_CASE("other worlds keep the size of a fleet that is bought for its latency, so that a faster GPU is no loss") {
  Folder folder;
  json request = small_request(5);
  std::vector<Row> rows;
  for (int i = 0; i < 100; ++i) rows.push_back({500 * i, 2, 150});
  request["base"]["trace"] = {{"path", trace_of(folder, rows)}};
  request["search"]["grid"] = {{"hardware", {"x86-h100-sxm"}}, {"offload.mode", {"none"}}};
  request["objective"] = "ttft_s";
  request["limits"] = {{"gpus", 4}};
  request["spare_nodes"] = 0;
  request["regret_draws"] = 0;
  request["confidence"] = {{"replications", 1}};
  request["slo"] = {{"ttft_s", {{"p50", 5.0}}}, {"tpot_s", {{"mean", 0.05}}}};
  const CliRun run = cli({"plan", written(folder, request), "--format", "json"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  const json d = run.json();
  CHECK(d["recommended"]["replicas"] == 4);
  for (const json& row : d["sensitivity"]) {
    CAPTURE(row.dump());
    for (const char* side : {"at_low", "at_high"}) CHECK(row[side]["replicas"] == 4);
    if (row["what"] != "step times (90 % interval)") continue;
    CHECK(row["at_low"]["value_of_plan"] <= d["recommended"]["value"]);
    CHECK(row["at_high"]["value_of_plan"] >= d["recommended"]["value"]);
  }
}

TEST_CASE("other worlds are within the request's limits: what they take beyond is told as none") {
  Folder folder;
  json request = small_request(5);
  request["search"]["grid"] = {{"hardware", {"x86-h100-sxm"}}, {"offload.mode", {"none"}}};
  request["objective"] = "usd_per_hour";
  request["spare_nodes"] = 0;
  request["regret_draws"] = 0;
  request["cost"] = {{"tenure", "rented"}};
  request["confidence"] = {{"replications", 1}};
  request["slo"] = {{"ttft_s", {{"p50", 1.0}}}, {"tpot_s", {{"mean", 0.0085}}}};
  const auto planned = [&] {
    const CliRun run = cli({"plan", written(folder, request), "--format", "json"});
    INFO(run.err);
    REQUIRE(run.code == 0);
    return run.json();
  };
  const json free = planned();
  const auto gpus = free["recommended"]["gpus"].get<std::int64_t>();
  const double usd = free["recommended"]["cost"]["usd_per_hour"];
  request["limits"] = {{"gpus", gpus}, {"usd_per_hour", 1.2 * usd}};
  const json limited = planned();
  CHECK(limited["recommended"]["gpus"] == gpus);
  bool none = false;
  for (std::size_t i = 0; i < limited["sensitivity"].size(); ++i) {
    const json& row = limited["sensitivity"][i];
    const auto same = std::find_if(free["sensitivity"].begin(), free["sensitivity"].end(),
                                   [&](const json& other) { return other["what"] == row["what"]; });
    for (const char* side : {"at_low", "at_high"}) {
      CAPTURE(row.dump());
      const json& unlimited = (*same)[side];
      const bool within = unlimited["best"].is_null() ||
                          (unlimited["replicas"] <= gpus && unlimited["value"].get<double>() <= 1.2 * usd);
      CHECK(row[side]["replicas"] == (within ? unlimited["replicas"].get<std::int64_t>() : 0));
      none = none || !within;
    }
  }
  CHECK(none);
}

TEST_CASE("the ends of what sensitivity and regret draw are the models of run --intervals, for steps of every size") {
  Folder folder;
  std::ostringstream err;
  json request = small_request(3);
  request["search"]["grid"] = {{"hardware", {"gh200-96", "x86-h200"}}, {"engine.draft_tokens", {0, 3}}};
  PlanSolver p(read_plan_request(written(folder, request)), 1, err);
  for (std::size_t a = 0; a < p.set().arms.size(); ++a) {
    const Arm& arm = p.set().arms[a];
    const bool known = p.evaluator().calibrated(a);
    CHECK(known == (arm.hardware->name == "x86-h200"));
    const SimulationConfig now = p.evaluator().config(a, 2, {});
    for (const double z : {-kNormal90, kNormal90}) {
      Tweak tweak;
      tweak.steps = {z, z, z, z};
      const SimulationConfig drawn = p.evaluator().config(a, 2, tweak);
      Scenario s = p.request().scenario(arm.values);
      s.assign("replicas", 2, "test", {});
      if (known) s.assign("step_time.end", z < 0 ? "low" : "high", "test");
      const SimulationConfig end = build_config(s, arm.mode, *arm.hardware, p.model()).config;
      const double assumed = known ? 1 : std::exp(z / kNormal90 * kUncalibrated);
      for (const auto of : {&SimulationConfig::step_times, &SimulationConfig::draft_times}) {
        for (const BatchFeatures& b : {BatchFeatures{8, 8, 8000, 0}, BatchFeatures{64, 64, 90'000, 0},
                                       BatchFeatures{2048, 30, 30'000, 3'000'000}}) {
          CAPTURE(arm.name(), z, b.new_tokens);
          CHECK(static_cast<double>((drawn.*of)[3](b)) ==
                Approx(assumed * static_cast<double>((end.*of)[3](b))).epsilon(1e-3).margin(2));
        }
        CHECK(static_cast<double>((drawn.*of)[0].host_ps) ==
              Approx(assumed * static_cast<double>((end.*of)[0].host_ps)).margin(2));
      }
      CHECK((drawn.step_times[0].base(8) < now.step_times[0].base(8)) == (z < 0));
    }
  }
}

TEST_CASE("a limit within the interval of decoding is missed in about as many draws as that interval says") {
  Folder folder;
  json request = {{"base", {{"trace", {{"path", load_that_starts_up(folder, {})}}}}},
                  {"search", {{"grid", {{"hardware", {"x86-h200"}}}}}},
                  {"most_replicas", 2},
                  {"spare_nodes", 0},
                  {"regret_draws", 60},
                  {"slo", {{"tpot_s", {{"p50", 0.007}}}}}};
  const auto tpot = [&](const char* end) {
    json scenario = request["base"];
    scenario.update({{"hardware", "x86-h200"}, {"step_time", {{"end", end}}}});
    const CliRun run = cli({"run", folder.file("scenario.json", scenario.dump()), "--format", "json"});
    INFO(run.err);
    REQUIRE(run.code == 0);
    return run.json()["latency"]["tpot_s"]["p50"].get<double>();
  };
  const double central = tpot("central"), high = tpot("high");
  REQUIRE(central < 0.007);
  REQUIRE(high > 0.007);
  const double z = kNormal90 * std::log(0.007 / central) / std::log(high / central);
  const double expected = std::erfc(z / std::sqrt(2.0)) / 2;
  const CliRun run = cli({"plan", written(folder, request), "--format", "json"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  const double missed = run.json()["regret"]["share_plan_without_spares_misses_slo"];
  CHECK(std::abs(missed - expected) < 3 * std::sqrt(expected * (1 - expected) / 60));
}

TEST_CASE("what is wrong with a request is told at once, with its line") {
  Folder folder;
  const std::string file = folder.file("r.json",
                                       "{ \"objective\": \"usd_per_hours\",\n"
                                       "  \"slo\": {\"ttft_s\": {\"p50\": 2, \"p95\": 1, \"q9\": 3}},\n"
                                       "  \"search\": {\"grid\": {\"replicas\": [1], \"trace.users\": [3]}},\n"
                                       "  \"cost\": {\"override\": {\"dram_usd_per_gb\": 0}} }\n");
  const CliRun run = cli({"plan", file});
  CHECK(run.code == 3);
  CHECK(contains(run.err, "usd_per_hour"));
  CHECK(contains(run.err, "no statistic \"q9\""));
  CHECK(contains(run.err, "the first says nothing"));
  CHECK(contains(run.err, "replicas are searched always"));
  CHECK(contains(run.err, "no choice of whoever builds the fleet"));
  CHECK(contains(run.err, "dram_usd_per_gb"));
}

TEST_CASE("a load too short for a quantile says how much longer it has to be: a hardware without a price is named") {
  Folder folder;
  json request = small_request(2);
  request["slo"] = {{"ttft_s", {{"p99.9", 1.0}}}};
  const CliRun brief = cli({"plan", written(folder, request)});
  CHECK(brief.code == 3);
  CHECK(contains(brief.err, "times as long"));
  request = small_request(2);
  request["search"]["grid"]["hardware"] = {"x86-a100-pcie"};
  request["cost"] = {{"tenure", "owned"}};
  const CliRun unpriced = cli({"plan", written(folder, request)});
  CHECK(unpriced.code == 3);
  CHECK(contains(unpriced.err, "usd_per_node of x86-a100-pcie"));
}

TEST_CASE("a plan for other values of a request is the plan of the request with that value") {
  Folder folder;
  json request = small_request(3);
  const std::string file = written(folder, request);
  const CliRun varied = cli({"plan", file, "--vary", "slo.ttft_s.p50=0.05,0.5,5", "--format", "json"});
  INFO(varied.err);
  REQUIRE(varied.code == 0);
  const json rows = varied.json()["rows"];
  REQUIRE(rows.size() == 4);  // as requested, and three values
  double before = 1e300;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    request["slo"]["ttft_s"]["p50"] = rows[i]["variant"]["/slo/ttft_s/p50"];
    const CliRun alone = cli({"plan", written(folder, request), "--format", "json"});
    CAPTURE(i, alone.err);
    CHECK(rows[i]["plan"].is_null() == (alone.code == 4));
    if (rows[i]["plan"].is_null()) continue;
    CHECK(rows[i]["usd_per_hour"] == alone.json()["recommended"]["cost"]["usd_per_hour"]);
    CHECK(rows[i]["value"].get<double>() <= before);  // of the objective: a looser target costs no more
    before = rows[i]["value"].get<double>();
  }
  CHECK(before < 1e300);
  const CliRun table = cli({"plan", file, "--vary", "slo.ttft_s.p50=5"});
  CHECK(contains(table.out, "as requested"));
  CHECK(contains(table.out, "slo/ttft_s/p50=5"));
  CHECK(cli({"plan", file, "--vary", "slo.ttft_s.p50"}).code == 2);
}
