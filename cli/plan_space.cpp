#include "cli/plan_space.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/json_text.hpp"
#include "base/parallel.hpp"
#include "cli/mixed_fleet.hpp"
#include "reports/cells.hpp"

namespace kvplan {
namespace {

bool is_memory(const std::string& path) { return path == "offload.dram_bytes" || path == "offload.ssd_bytes"; }

// Whether a router's option, where it is one, does something under the policy.
bool router_asks_for(const std::string& path, const Scenario& s) {
  const std::string policy = s.text("router.policy"), view = s.text("router.view");
  if (path.rfind("router.", 0) != 0 || path == "router.policy") return true;
  if (path.ends_with("_weight")) return policy == "weighted";
  if (policy != "prefix-aware") return false;
  if (path == "router.view_interval_s") return view == "snapshot";
  if (path == "router.view_ttl_s") return view == "routed";
  return true;
}

// The values without those that do nothing under the others.
Json canonical(const Json& values, const Scenario& s) {
  const std::string mode = s.texts("offload.mode").at(0);
  const bool selective = s.text("offload.store") == "selective";
  Json kept = Json::object();
  for (const auto& [path, value] : values.items()) {
    const bool offload = path.rfind("offload.", 0) == 0 && path != "offload.mode";
    if (offload && mode == "none") continue;
    if (path == "offload.ssd_bytes" && mode.find("ssd") == std::string::npos) continue;
    if (path == "offload.remote_bytes" && mode.find("remote") == std::string::npos) continue;
    if (path == "offload.selective_hits" && !selective) continue;
    if (!router_asks_for(path, s)) continue;
    kept[path] = value;
  }
  return kept;
}

std::string group_key(const Json& values, bool bounds) {
  Json key = Json::object();
  for (const auto& [path, value] : values.items()) {
    if (is_memory(path)) continue;
    if (bounds && (path.rfind("offload.", 0) == 0 || path.rfind("router.", 0) == 0)) continue;
    key[path] = value;
  }
  return json_text(key);
}

// The first line of an error, without its prefix.
std::string short_reason(const std::string& what) {
  std::string text = without_prefix(what);
  return text.substr(0, text.find('\n'));
}

class Hardwares {
 public:
  std::shared_ptr<const Hardware> get(const Scenario& s) {
    auto& known = known_[s.texts("hardware").at(0)];
    if (!known) known = std::make_shared<const Hardware>(load_hardware(s, s.texts("hardware").at(0)));
    return known;
  }

 private:
  std::map<std::string, std::shared_ptr<const Hardware>> known_;
};

}  // namespace

Fleet Arm::fleet(std::int64_t replicas) const {
  const std::int64_t per_node = built.config.replicas_per_node, on_node = std::min(replicas, per_node);
  const auto held = [&](Bytes when_full, bool shared_out) {
    return static_cast<double>(when_full.count) *
           (shared_out ? static_cast<double>(on_node) / static_cast<double>(per_node) : 1);
  };
  return {replicas * built.config.gpus_per_replica, ceil_div(replicas, per_node), on_node * built.config.gpus_per_replica,
          held(built.dram_per_node, dram_is_shared_out), held(built.ssd_per_node, ssd_is_shared_out)};
}

std::string Arm::name() const {
  std::string name = fmt::format("{} tp{} {}", hardware->name, built.config.gpus_per_replica, mode);
  for (const auto& [path, value] : values.items()) {
    if (path == "hardware" || path == "tp" || path == "offload.mode") continue;
    const std::string last = path.substr(path.rfind('.') + 1);
    if (is_memory(path))
      name += fmt::format(" {}={}", last.substr(0, last.find('_')), human_bytes(value.get<double>()));
    else
      name += fmt::format(" {}={}", last, value.is_string() ? value.get<std::string>() : json_text(value));
  }
  return name;
}

ArmSet arms_of(const PlanRequest& r, const Architecture& model) {
  ArmSet set;
  Hardwares hardwares;
  std::map<std::string, std::size_t> groups;
  std::set<std::string> seen;
  const auto unfit = [&](const Arm& arm, const std::string& why) {
    const std::string& name = arm.hardware->name;
    const auto known = std::find_if(set.unfit.begin(), set.unfit.end(),
                                    [&](const ArmSet::Unfit& u) { return u.hardware == name && u.why == why; });
    if (known == set.unfit.end())
      set.unfit.push_back({name, why, 1});
    else
      ++known->points;
  };
  set.points = r.points();
  for (std::int64_t i = 0; i < set.points; ++i) {
    const Json all = r.values(i);
    Scenario s = r.scenario(all);
    const Json values = canonical(all, s);
    if (!seen.insert(json_text(values)).second) {
      ++set.same;
      continue;
    }
    if (s.integer("disaggregation.decode_replicas") > 0) {
      throw InputError(s.finding("disaggregation.decode_replicas",
                                 "plan searches fleets whose replicas are alike, and this one has decode replicas of their own",
                                 "compare such fleets by kvplan sweep"));
    }
    refuse_mixed_fleet(s, "plan searches fleets whose replicas are alike, and this one has several kinds",
                       "compare such fleets by kvplan sweep, over fleet.also and replicas");
    Arm arm{values, 0, hardwares.get(s), Built(), s.texts("offload.mode").at(0)};
    arm.dram_is_shared_out = !s.has("offload.dram_bytes"), arm.ssd_is_shared_out = !s.has("offload.ssd_bytes");
    require_price(arm.hardware->name, r.prices, r.tenure);
    s.assign("replicas", replicas_of_full_node(s, *arm.hardware), "search", {});
    try {
      arm.built = build_config(s, arm.mode, *arm.hardware, model);
    } catch (const InfeasibleError& e) {
      unfit(arm, short_reason(e.what()));
      continue;
    }
    const std::string why =
        cannot_be_had(arm.fleet(arm.built.config.replicas_per_node), *arm.hardware, r.prices, r.tenure);
    if (!why.empty()) {
      unfit(arm, why);
      continue;
    }
    if (arm.built.ssd_per_node.count > 0 &&
        static_cast<double>(arm.built.ssd_per_node.count) > arm.hardware->storage(VertexKind::ssd)->bytes.value) {
      unfit(arm, fmt::format("more SSD than {} has", arm.hardware->name));
      continue;
    }
    arm.group = groups.try_emplace(group_key(values, false), groups.size()).first->second;
    set.arms.push_back(std::move(arm));
  }
  return set;
}

ArmBounds::ArmBounds(const PlanRequest& r, const ArmSet& set, const std::vector<Load>& loads, int threads)
    : needs_(set.arms.size()) {
  std::map<std::string, std::vector<std::size_t>> alike;  // but for what lies below HBM
  std::set<std::int64_t> windows;
  for (std::size_t a = 0; a < set.arms.size(); ++a) {
    alike[group_key(set.arms[a].values, true)].push_back(a);
    windows.insert(most_tokens_of(set.arms[a].built.config));
  }
  std::vector<std::vector<std::size_t>> work;
  for (auto& [key, arms] : alike) work.push_back(std::move(arms));
  for (std::size_t l = 0; l < loads.size(); ++l) {
    const Workload& w = *loads[l].workload;
    // Windows that serve the same turns share their facts.
    std::map<std::int64_t, LoadFacts> facts;  // by the number of turns that are refused
    std::map<std::int64_t, std::int64_t> refused;
    for (const std::int64_t window : windows) {
      const std::int64_t n = std::count_if(w.turns.begin(), w.turns.end(), [&](const Turn& t) {
        return t.prompt_tokens <= 0 || std::int64_t{t.prompt_tokens} + t.output_tokens > window;
      });
      refused[window] = n;
      if (!facts.count(n)) facts[n] = facts_of(w, window);
    }
    const Pace none{0, 0, std::nullopt};
    for (const std::int64_t window : windows) fastest_s_ = std::min(fastest_s_, time_at_pace(w, none, window).value());
    const auto judge_alike = [&](const std::vector<std::size_t>& arms) {
      const SimulationConfig& first = set.arms[arms[0]].built.config;
      const std::int64_t window = most_tokens_of(first);
      std::optional<double> time = time_at_pace(w, pace_of(r.slo), window);
      if (time) *time *= kPaceSlack;
      const Bounds bounds(facts.at(refused.at(window)), machine_of(first), time);
      const std::vector<double> alone = bounds.alone(r.slo, w, loads[l].judged_from);
      for (const std::size_t a : arms) {
        Need& need = needs_[a];
        std::optional<std::int64_t> least;
        if (worst_ratio(r.slo, alone) <= 1)
          least = bounds.least_replicas(r.most_replicas, machine_of(set.arms[a].built.config));
        // A decision rests on some or all of the loads: only what every one of them rules out is ruled out.
        if (l == 0 || (least && (!need.replicas || *least < *need.replicas))) need.replicas = least;
        if (l == 0) need.alone = alone;
        for (std::size_t i = 0; i < alone.size(); ++i) {
          need.alone[i] = r.slo.at_most(i) ? std::min(need.alone[i], alone[i]) : std::max(need.alone[i], alone[i]);
        }
      }
    };
    for_each_index(work.size(), threads, [&](std::size_t i) { judge_alike(work[i]); });
  }
  for (Need& need : needs_) {
    if (need.replicas) continue;
    for (std::size_t i = 0; i < need.alone.size() && need.why.empty(); ++i) {
      const double limit = r.slo.limit(i);
      if (r.slo.at_most(i) ? need.alone[i] <= limit : need.alone[i] >= limit) continue;
      need.why = fmt::format("{} is at least {} even for requests alone on the fleet, and may be {}", r.slo.name(i),
                             human_seconds(need.alone[i]), human_seconds(limit));
      if (!r.slo.at_most(i))
        need.why = fmt::format("goodput share is at most {:.3f} even for requests alone, and must be {:.3f}",
                               need.alone[i], limit);
    }
    if (need.why.empty()) need.why = fmt::format("more than {} replicas are needed to keep up", r.most_replicas);
  }
}

}  // namespace kvplan
