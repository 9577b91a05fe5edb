#include "cli/bench_scenarios.hpp"

#include <unistd.h>

#include <boost/iostreams/device/file_descriptor.hpp>
#include <boost/iostreams/stream.hpp>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <thread>

#include "base/error.hpp"
#include "cli/load_trace.hpp"
#include "traces/compile.hpp"
#include "traces/mooncake_reader.hpp"
#include "traces/synth.hpp"
#include "traces/transform.hpp"

namespace kvplan {
namespace {

namespace io = boost::iostreams;
using Settings = std::vector<std::string>;

// Llama-3.1-70B on TP4. Offered all at once, the trace of 3,537 s takes eight replicas with a DRAM tier 1,898 s: at
// 1.4 times its rate the load is three quarters of what they can take.
const Settings kFleet = {"model=llama-3.1-70b", "tp=4", "replicas=8", "trace.rate_scale=1.4"};

Settings with(Settings settings, const Settings& more) {
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

// Many copies of the trace one after another: its sessions, 8,056 in 3,537 s, arrive at the same rate for longer.
Settings repeated(const std::string& copies, const std::string& sessions_per_s) {
  return {"trace.copies=" + copies, "trace.arrivals=poisson", "trace.arrivals_per_s=" + sessions_per_s};
}

// The standard load of agents: sessions end before the turn that would leave the model's window.
const Settings kAgents = {"model=llama-3.1-70b",          "tp=4",          "replicas=8",
                          "trace.context_cap_tokens=131072", "trace.users=64", "trace.duration_s=7200"};

std::string trace_file(const char* name) {
  const char* data = std::getenv("KVPLAN_DATA");
  const std::string path = std::string(data && *data ? data : "../shared") + "/traces/" + name;
  return std::filesystem::exists(path) ? path : "";
}

SynthOptions like_conversation() {
  SynthOptions o = synth_preset("mooncake-conversation");
  o.requests = 12031;
  o.sessions_per_s = 2.3;
  return o;
}

SynthOptions like_agents() {
  SynthOptions o;
  o.requests = 25000;
  o.block_tokens = 64;
  o.system_tokens = 16000;
  o.first_tokens = {6000, 1};
  o.follow_up_tokens = {700, 1.2};
  o.output_tokens = {300, 1};
  o.multi_turn_share = 1;
  o.mean_turns = 50;
  o.think_s = {5, 1.5};
  o.pause_share = 0.05;
  return o;
}

SynthOptions ten_million() {
  SynthOptions o = synth_preset("chat");
  o.requests = 10'000'000;
  o.sessions_per_s = 1.6;
  o.first_tokens = {900, 0.9};
  o.follow_up_tokens = {250, 0.9};
  return o;
}

// The text of ten million turns never stands in memory: a thread writes what this one reads.
TraceRows synthetic_rows(const SynthOptions& options, const LoadOptions& load) {
  int ends[2];
  KVPLAN_ASSERT(::pipe(ends) == 0);
  std::jthread writer([&] {
    io::stream<io::file_descriptor_sink> out(ends[1], io::close_handle);
    synthesise(options, out);
  });
  TextSource in(std::make_unique<io::stream<io::file_descriptor_source>>(ends[0], io::close_handle), "synthetic");
  TraceRows rows = read_mooncake(in, load);
  rows.format = "synthetic";
  return rows;
}

Workload synthetic(const SynthOptions& options, const Scenario& s) {
  LoadOptions load;
  load.block_tokens = static_cast<std::int32_t>(options.block_tokens);
  load.rate_scale = s.number("trace.rate_scale");
  load.seed = static_cast<std::uint64_t>(s.integer("seed"));
  if (s.has("trace.context_cap_tokens")) load.context_cap_tokens = s.integer("trace.context_cap_tokens");
  return transform_load(compile_workload(synthetic_rows(options, load), load), s);
}

}  // namespace

const std::vector<BenchScenario>& bench_scenarios() {
  using L = BenchLoad;
  static const std::vector<BenchScenario> table = {
      {"g1", "8 replicas, HBM only", L::conversation, with(kFleet, {"offload.mode=none"})},
      {"g2", "8 replicas, DRAM tier, contended links", L::conversation, with(kFleet, {"offload.mode=dram"})},
      {"g2-layerwise", "the same, layer-wise loads", L::conversation,
       with(kFleet, {"offload.mode=dram", "offload.load=layerwise"})},
      {"g2-write-back", "the same, write-back", L::conversation,
       with(kFleet, {"offload.mode=dram", "offload.store=back"})},
      {"g2-weighted", "the same, a router that knows prefixes", L::conversation,
       with(kFleet, {"offload.mode=dram", "router.policy=weighted"})},
      {"g3", "DRAM and SSD", L::conversation, with(kFleet, {"offload.mode=dram+ssd"})},
      {"g4", "DRAM, SSD and a remote store", L::conversation, with(kFleet, {"offload.mode=dram+ssd+remote"})},
      {"agents", "Claude Code, closed loop of users", L::agents, with(kAgents, {"offload.mode=dram"})},
      {"fleet", "256 replicas, 32 times the load", L::conversation,
       with(kFleet, with({"replicas=256"}, repeated("32", "102.0"))), false},
      {"1m", "100 times the trace, 1.2M turns", L::conversation, with(kFleet, repeated("100", "3.19")), false},
      {"10m", "10M synthetic turns of chat", L::chat, {"model=llama-3.1-70b", "tp=4", "replicas=8"}, false, false},
  };
  return table;
}

Scenario scenario_of(const BenchScenario& b) {
  Scenario s;
  for (const std::string& setting : b.settings) s.assign(setting, "bench");
  const std::string path = b.load == BenchLoad::conversation ? trace_file("mooncake_fast25_conversation_trace.jsonl.gz")
                           : b.load == BenchLoad::agents     ? trace_file("claude_code_requests.csv.gz")
                                                             : "";
  if (!path.empty()) s.assign("trace.path", path, "bench");
  return s;
}

Workload load_of(const BenchScenario& b, const Scenario& s, std::ostream& err) {
  if (s.has("trace.path")) return load_trace(s, false, err);
  return synthetic(b.load == BenchLoad::conversation ? like_conversation()
                   : b.load == BenchLoad::agents     ? like_agents()
                                                     : ten_million(),
                   s);
}

}  // namespace kvplan
