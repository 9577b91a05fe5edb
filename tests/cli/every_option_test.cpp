// No option does nothing: for each there is a scenario in which changing it, and
// nothing else, changes the result. An option that is added without a line here fails.
#include <map>
#include <set>

#include "cli/options.hpp"
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;
using nlohmann::json;

namespace {

using Settings = std::vector<std::string>;

struct Change {
  std::string to;
  Settings under;  // what else the scenario sets, before and after
};

// A small HBM share fills G1 with a part of the sample trace.
const Settings kTight = {"engine.gpu_memory_utilization=0.264", "offload.mode=dram"};

// And DRAM overflows onto the SSD.
const Settings kOverflowing = {"engine.gpu_memory_utilization=0.264", "offload.dram_bytes=1 GB", "offload.mode=dram+ssd"};

// And what DRAM has too little room for is chosen by priority.
const Settings kRetained = {"engine.gpu_memory_utilization=0.264", "offload.dram_bytes=1 GB", "offload.mode=dram",
                            "offload.eviction=priority"};
const Settings kToRemote = {"engine.gpu_memory_utilization=0.264", "offload.dram_bytes=1 GB", "offload.mode=dram+remote"};

// Two superchips, a node each.
const Settings kTwoNodes = {"hardware=gh200-96", "replicas=2", "engine.gpu_memory_utilization=0.227",
                            "offload.dram_bytes=1 GB"};

Settings operator+(Settings a, const Settings& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// More than HBM takes at once arrives, of what has gone to the SSD.
const Settings kQueueing = {"engine.gpu_memory_utilization=0.264", "offload.dram_bytes=2 GB", "offload.mode=dram+ssd",
                            "trace.rate_scale=20"};

const Settings kDgx = {"hardware=dgx-h100", "engine.gpu_memory_utilization=0.264", "offload.dram_bytes=1 GB", "offload.mode=dram+ssd"};

const Settings kPrefixAware = {"replicas=4", "router.policy=prefix-aware", "offload.mode=none"};
const Settings kTwoReplicasApart = {"replicas=2", "replicas_per_node=1"};
const Settings kScaling = {"replicas=4", "scaling.min_replicas=1", "trace.rate_scale=4"};

const std::map<std::string, Change> kChanges = {
    {"offload.copy_method",
     {"kernel", {"engine.gpu_memory_utilization=0.264", "offload.mode=dram", "offload.layout=layer-first"}}},
    {"offload.placement", {"far", {"hardware=gh200-dual", "engine.gpu_memory_utilization=0.227", "offload.mode=dram"}}},
    {"offload.storage_path", {"through-dram", kDgx}},
    {"trace.rate_scale", {"3", {}}},
    {"trace.limit", {"50", {}}},
    {"trace.tick_s", {"10", {}}},
    {"trace.window_start_s", {"20", {}}},
    {"trace.window_end_s", {"40", {}}},
    {"trace.closed_loop", {"inferred", {"trace.rate_scale=20"}}},
    {"trace.context_cap_tokens", {"8192", {}}},
    {"trace.session_share", {"0.5", {}}},
    {"trace.copies", {"2", {}}},
    {"trace.shared_prefix_tokens", {"2048", {}}},
    {"trace.to_block_tokens", {"1024", {}}},
    {"trace.arrivals", {"poisson", {}}},
    {"trace.arrivals_of", {"requests", {"trace.arrivals=poisson"}}},
    {"trace.arrivals_per_s", {"3", {"trace.arrivals=poisson"}}},
    {"trace.arrivals_cv", {"3", {"trace.arrivals=weibull"}}},
    {"trace.profile", {"step", {"trace.arrivals=poisson"}}},
    {"trace.profile_period_s", {"60", {"trace.arrivals=poisson", "trace.profile=diurnal"}}},
    {"trace.profile_amplitude",
     {"1", {"trace.arrivals=poisson", "trace.profile=diurnal", "trace.profile_period_s=60"}}},
    {"trace.profile_step_at_s", {"20", {"trace.arrivals=poisson", "trace.profile=step"}}},
    {"trace.profile_step_factor", {"5", {"trace.arrivals=poisson", "trace.profile=step"}}},
    {"trace.users", {"8", {}}},
    {"trace.users_start_s", {"0", {"trace.users=8"}}},
    {"trace.duration_s", {"30", {}}},
    {"seed", {"2", {"trace.tick_s=5"}}},
    {"model", {"qwen3-32b", {"tp=2"}}},
    {"hardware", {"gh200-96", {}}},
    {"tp", {"2", {}}},
    {"replicas", {"2", {}}},
    {"replicas_per_node", {"1", {"replicas=2"}}},
    {"weights", {"fp8", {}}},
    {"expert_parallel", {"true", {"model=qwen3-30b-a3b", "tp=2"}}},
    {"kv_dtype", {"fp8", {}}},
    {"step_time.calibration", {"roofline", {}}},
    {"step_time.end", {"high", {}}},
    {"engine.max_num_seqs", {"2", {}}},
    {"engine.max_num_batched_tokens", {"512", {}}},
    {"engine.order", {"prefill-first", {}}},
    {"engine.whole_prompts", {"true", {"trace.rate_scale=20"}}},
    {"engine.overlap", {"true", {}}},
    {"engine.draft_tokens", {"3", {}}},
    {"engine.draft_acceptance", {"0.9", {"engine.draft_tokens=3"}}},
    {"engine.draft_cost", {"0.2", {"engine.draft_tokens=3"}}},
    {"engine.eviction", {"lfu", kTight}},
    {"offload.preset", {"hicache", kTight}},
    {"offload.load_choice", {"recompute", kTight}},
    {"offload.defer_stores", {"true", kTight}},
    {"offload.ssd_store", {"back", kOverflowing}},
    {"offload.remote_store", {"back", kToRemote}},
    {"offload.eviction", {"lfu", kOverflowing}},
    {"offload.ssd_eviction", {"lfu", kOverflowing + Settings{"offload.ssd_bytes=300 MB"}}},
    {"offload.remote_eviction", {"lfu", kToRemote + Settings{"offload.remote_bytes=300 MB"}}},
    {"retention.prefix_priority", {"50", kRetained}},
    {"retention.prompt_priority", {"80", kRetained}},
    {"retention.answer_priority", {"80", kRetained + Settings{"retention.prompt_priority=80"}}},
    {"retention.default_priority", {"80", kRetained + Settings{"retention.duration_s=1"}}},
    {"retention.store_from_priority", {"60", kTight + Settings{"engine.eviction=priority", "offload.store=back"}}},
    {"retention.duration_s", {"1", kRetained}},
    {"engine.page_tokens", {"512", kTight}},
    {"engine.gpu_memory_utilization", {"0.28", {}}},
    {"engine.max_context_tokens", {"4096", {}}},
    {"offload.mode", {"none", kTight}},
    {"offload.dram_bytes", {"1 GB", kTight}},
    {"offload.ssd_bytes", {"300 MB", kOverflowing}},
    {"offload.remote_bytes", {"300 MB", kTight + Settings{"offload.dram_bytes=1 GB", "offload.mode=dram+remote"}}},
    {"offload.promote", {"false", kOverflowing}},
    {"offload.ssd_scope", {"fleet", kTwoNodes + Settings{"offload.mode=dram+ssd"}}},
    {"offload.remote_scope", {"node", kTwoNodes + Settings{"offload.mode=dram+remote"}}},
    {"offload.prefetch", {"true", kQueueing}},
    {"offload.prefetch_tokens", {"100000", kQueueing + Settings{"offload.prefetch=true"}}},
    {"disaggregation.decode_replicas", {"1", {}}},
    {"disaggregation.decode_tp", {"2", {"disaggregation.decode_replicas=1"}}},
    {"disaggregation.handover", {"layerwise", {"disaggregation.decode_replicas=1"}}},
    {"disaggregation.network_bytes_per_s", {"1e9", {"disaggregation.decode_replicas=1", "hardware=gh200-96"}}},
    {"disaggregation.latency_s", {"0.01", {"disaggregation.decode_replicas=1"}}},
    {"offload.dram_scope", {"fleet", kTwoNodes + Settings{"offload.mode=dram"}}},
    {"offload.store", {"back", kTight}},
    {"offload.selective_hits", {"1", kTight + Settings{"offload.store=selective"}}},
    {"offload.load", {"layerwise", kTight}},
    {"offload.chunk_tokens", {"4096", kTight}},
    {"offload.layout", {"layer-first", kTight}},
    {"router.policy", {"weighted", {"replicas=4"}}},
    {"router.view", {"snapshot", kPrefixAware}},
    {"router.view_interval_s", {"1000", kPrefixAware + Settings{"router.view=snapshot"}}},
    {"router.view_ttl_s", {"0.001", kPrefixAware + Settings{"router.view=routed"}}},
    {"router.cache_threshold", {"1", kPrefixAware}},
    {"router.balance_requests", {"0", kPrefixAware + Settings{"trace.rate_scale=2", "router.balance_factor=1"}}},
    {"router.balance_factor", {"50", kPrefixAware + Settings{"trace.rate_scale=2", "router.balance_requests=0"}}},
    {"fleet.also", {"1 gh200-96", {}}},
    {"fleet.failures", {"0@20+10", kTwoReplicasApart}},
    {"fleet.drains", {"0@20+10", kTwoReplicasApart}},
    {"scaling.min_replicas", {"1", {"replicas=4"}}},
    {"scaling.target_requests", {"1", kScaling}},
    {"scaling.interval_s", {"2", kScaling + Settings{"scaling.target_requests=1"}}},
    {"scaling.delay_s", {"1", kScaling + Settings{"scaling.target_requests=1"}}},
    {"scaling.cooldown_s",
     {"1", {"replicas=4", "scaling.min_replicas=1", "scaling.target_requests=4", "scaling.delay_s=1"}}},
    {"router.queue_weight", {"50", {"replicas=4", "router.policy=weighted", "trace.rate_scale=40"}}},
    {"router.kv_use_weight", {"50", {"replicas=4", "router.policy=weighted"}}},
    {"router.g1_prefix_weight", {"0", {"replicas=4", "router.policy=weighted", "router.g2_prefix_weight=0"}}},
    {"router.g2_prefix_weight",
     {"0", kTight + Settings{"replicas=4", "offload.dram_scope=replica", "router.policy=weighted",
                             "router.g1_prefix_weight=0"}}},
    {"frontend.fixed_s", {"0.5", {}}},
    {"frontend.per_token_s", {"1e-5", {}}},
    {"frontend.requests_per_s", {"5", {}}},
    {"frontend.tokens_per_s", {"20000", {}}},
    {"slo.ttft_s", {"1e-6", {}}},
    {"slo.tpot_s", {"1e-6", {}}},
    {"slo.quantile", {"0.5", {"slo.ttft_s=0.1"}}},
};

json result_of(const Settings& settings) {
  std::vector<std::string> arguments = {"run", "--format", "json", "--set", "trace.limit=250"};
  for (const std::string& s : settings) arguments.insert(arguments.end(), {"--set", s});
  const CliRun run = cli(arguments);
  INFO(run.err);
  REQUIRE((run.code == 0 || run.code == 5));
  json document = run.json();
  document.erase("provenance");
  document["simulation"].erase("wall_s");
  document["simulation"].erase("start_cpu_s");
  document["simulation"].erase("requests_per_wall_s");
  return document;
}

}  // namespace

TEST_CASE("every option changes something") {
  const std::set<std::string> own_test = {"engine.step_by_step", "engine.check", "trace.block_tokens", "trace.path",
                                          "router.recency_weight"};
  for (const Option& o : option_table()) {
    if (own_test.count(o.path)) continue;
    CAPTURE(o.path);
    REQUIRE(kChanges.count(o.path) == 1);
    const Change& change = kChanges.at(o.path);
    const bool same = result_of(change.under) == result_of(change.under + Settings{o.path + "=" + change.to});
    CHECK_FALSE(same);
  }
}

TEST_CASE("stepping one by one takes more events to the same result") {
  json jumped = result_of({"offload.mode=dram"}),
       stepped = result_of({"offload.mode=dram", "engine.step_by_step=true"});
  CHECK(stepped["simulation"]["events"].get<std::int64_t>() > jumped["simulation"]["events"].get<std::int64_t>());
  jumped.erase("simulation"), stepped.erase("simulation");
  CHECK(stepped == jumped);
}

TEST_CASE("the audit passes and changes nothing") {
  CHECK(result_of(kTight + Settings{"engine.check=true"}) == result_of(kTight));
}

TEST_CASE("the trace and the size of its blocks are what the run replays") {
  Folder folder;
  const std::string trace = folder.file(
      "t.jsonl", "{\"timestamp\": 0, \"input_length\": 60, \"output_length\": 5, \"hash_ids\": [1, 2, 3, 4]}\n");
  CHECK(cli({"run", "--trace", trace}).code == 3);  // four hashes for sixty tokens: not of 512
  const json document = cli({"run", "--trace", trace, "--set", "trace.block_tokens=16", "--format", "json"}).json();
  CHECK(document["kv"]["prompt_tokens"] == 60);
  CHECK(document["provenance"]["trace"]["block_tokens"] == 16);
}

TEST_CASE("recency spreads prompts that no replica knows") {
  Folder folder;
  std::string lines;
  for (int i = 0; i < 4; ++i) {
    lines += "{\"timestamp\": " + std::to_string(i) +
             ", \"input_length\": 512, \"output_length\": 50, \"hash_ids\": [" + std::to_string(i) + "]}\n";
  }
  const Settings only_recency = {"trace.path=" + folder.file("t.jsonl", lines),
                                 "trace.tick_s=0",
                                 "replicas=4",
                                 "router.policy=weighted",
                                 "router.queue_weight=0",
                                 "router.kv_use_weight=0"};
  const auto mean_tpot = [&](const std::string& weight) {
    return result_of(only_recency + Settings{"router.recency_weight=" + weight})["latency"]["tpot_s"]["mean"]
        .get<double>();
  };
  CHECK(mean_tpot("1") < mean_tpot("0"));  // one each, against all four on the first replica
}

TEST_CASE("an option that nothing reads is told of, once a cause, and only then") {
  const auto notes = [](const Settings& settings) { return result_of(settings)["notes"].dump(); };
  const std::pair<Settings, const char*> idle[] = {
      {{"trace.profile=step", "trace.arrivals_per_s=3"}, "trace.arrivals_per_s, trace.profile: arrivals are not imposed"},
      {{"trace.profile_step_at_s=9", "trace.arrivals=poisson"}, "trace.profile_step_at_s: trace.profile is not step"},
      {{"trace.users_start_s=9"}, "trace.users_start_s: there are no trace.users"},
      {{"disaggregation.decode_tp=2"}, "disaggregation.decode_tp: there are no disaggregation.decode_replicas"},
      {{"offload.mode=none", "offload.dram_bytes=1 GB"}, "offload.dram_bytes: offload.mode is none"},
      {{"offload.ssd_bytes=1 TB"}, "offload.ssd_bytes: offload.mode has no SSD"},
      {{"router.view=routed"}, "router.view: router.policy is not prefix-aware"},
      {{"scaling.target_requests=2"}, "scaling.target_requests: the number of replicas is fixed"},
      {{"engine.draft_cost=0.1"}, "engine.draft_cost: nothing is drafted"}};
  for (const auto& [settings, told] : idle) {
    const std::string all = notes(settings);
    CAPTURE(all);
    CHECK(contains(all, std::string("WITHOUT EFFECT: ") + told));
    CHECK(all.find("WITHOUT EFFECT") == all.rfind("WITHOUT EFFECT"));
  }
  // What has its built-in value is not told of, nor what one of the modes that are compared reads.
  CHECK_FALSE(contains(notes({"router.view=exact", "scaling.target_requests=32"}), "WITHOUT EFFECT"));
  CHECK_FALSE(contains(cli({"run", "--limit", "20", "--offload", "none,dram", "--set", "offload.dram_bytes=9 GB"}).out,
                       "WITHOUT EFFECT"));
  // Where an option changes the result, it is read.
  for (const auto& [path, change] : kChanges) {
    CAPTURE(path);
    CHECK_FALSE(contains(notes(change.under + Settings{path + "=" + change.to}), "WITHOUT EFFECT"));
  }
}
