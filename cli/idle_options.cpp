#include "cli/idle_options.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/options.hpp"
#include "reports/idle_load.hpp"

namespace kvplan {
namespace {

using Paths = std::vector<std::string>;

// Whether an option has another value than its built-in one, wherever from.
bool changed(const nlohmann::ordered_json& scenario, const Option& o) {
  std::string pointer = "/" + o.path;
  std::replace(pointer.begin(), pointer.end(), '.', '/');
  const nlohmann::ordered_json::json_pointer at(pointer);
  return scenario.contains(at) && nlohmann::json(scenario.at(at)) != o.fallback;
}

bool belongs(const std::string& path, const Paths& paths) {
  return std::any_of(paths.begin(), paths.end(),
                     [&](const std::string& p) { return p.back() == '.' ? path.starts_with(p) : path == p; });
}

// An option that several groups hold is told of by the first.
std::vector<std::string> notes_on(const Scenario& s, const std::vector<IdleOptions>& groups) {
  const nlohmann::ordered_json scenario = s.merged();
  std::vector<std::string> notes;
  Paths told = {"offload.mode"};  // is what decides
  for (const IdleOptions& g : groups) {
    Paths found;
    for (const Option& o : option_table()) {
      if (g.idle && belongs(o.path, g.paths) && !belongs(o.path, told) && changed(scenario, o)) found.push_back(o.path);
    }
    if (!found.empty()) notes.push_back(fmt::format("WITHOUT EFFECT: {}: {}", fmt::join(found, ", "), g.why));
    told.insert(told.end(), found.begin(), found.end());
  }
  return notes;
}

bool some_mode(const Scenario& s, const char* tier) {
  const Paths modes = s.texts("offload.mode");
  return std::any_of(modes.begin(), modes.end(), [&](const std::string& m) { return m.find(tier) != std::string::npos; });
}

bool retains(const Scenario& s) {
  const Paths policies = {"engine.eviction", "offload.eviction", "offload.ssd_eviction", "offload.remote_eviction"};
  return std::any_of(policies.begin(), policies.end(), [&](const std::string& p) { return s.text(p) == "priority"; });
}

}  // namespace

std::vector<std::string> idle_load_options(const Scenario& s) {
  return notes_on(s, idle_in_load(s.text("trace.arrivals"), s.text("trace.profile"), s.has("trace.users")));
}

std::vector<std::string> idle_fleet_options(const Scenario& s) {
  const bool also = s.has("fleet.also"), preset = s.has("offload.preset");  // these set options of offload themselves
  const bool ssd = some_mode(s, "ssd"), remote = some_mode(s, "remote");
  const std::string router = s.text("router.policy"), view = s.text("router.view");
  return notes_on(
      s, {{s.integer("engine.draft_tokens") == 0,
           {"engine.draft_acceptance", "engine.draft_cost"},
           "nothing is drafted (engine.draft_tokens)"},
          {s.integer("disaggregation.decode_replicas") == 0,
           {"disaggregation."},
           "there are no disaggregation.decode_replicas"},
          {!also && !preset && !some_mode(s, "dram"), {"offload."}, "offload.mode is none"},
          {!also && !preset && !ssd,
           {"offload.ssd_bytes", "offload.ssd_scope", "offload.ssd_store", "offload.ssd_eviction"},
           "offload.mode has no SSD"},
          {!also && !preset && !remote,
           {"offload.remote_bytes", "offload.remote_scope", "offload.remote_store", "offload.remote_eviction"},
           "offload.mode has no remote store"},
          {!also && !preset && !ssd && !remote,
           {"offload.prefetch", "offload.prefetch_tokens", "offload.promote", "offload.storage_path"},
           "offload.mode has nothing below DRAM"},
          {!also && !retains(s), {"retention."}, "no eviction policy is priority"},
          {router != "prefix-aware",
           {"router.view", "router.view_interval_s", "router.view_ttl_s", "router.cache_threshold",
            "router.balance_requests", "router.balance_factor"},
           "router.policy is not prefix-aware"},
          {view != "snapshot", {"router.view_interval_s"}, "router.view is not snapshot"},
          {view != "routed", {"router.view_ttl_s"}, "router.view is not routed"},
          {router != "weighted",
           {"router.queue_weight", "router.kv_use_weight", "router.g1_prefix_weight", "router.g2_prefix_weight",
            "router.recency_weight"},
           "router.policy is not weighted"},
          {!s.has("scaling.min_replicas"), {"scaling."}, "the number of replicas is fixed (scaling.min_replicas)"}});
}

}  // namespace kvplan
