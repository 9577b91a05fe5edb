#include "reports/events_jsonl.hpp"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "reports/event_shapes.hpp"
#include "reports/totals.hpp"
#include "sim/pools.hpp"

namespace kvplan {
namespace {

using nlohmann::ordered_json;

ordered_json pieces(const PiecewiseLinear& f) {
  ordered_json all = ordered_json::array();
  for (const auto& p : f.pieces()) all.push_back({p.from, p.start_ps, p.slope_ps});
  return all;
}

ordered_json route(const char* purpose, std::size_t tier, std::size_t replica_on_node, const Route& r) {
  ordered_json uses = ordered_json::array();
  for (const LimitUse& u : r.uses) uses.push_back({u.limit, u.weight});
  ordered_json j = {{"purpose", purpose},
                    {"tier", tier},
                    {"replica_on_node", replica_on_node},
                    {"uses", uses},
                    {"segment_ps", r.segment_ps}};
  if (!r.submission_ps.empty()) j["submission_ps"] = r.submission_ps;
  if (r.latency_ps > 0) j["latency_ps"] = r.latency_ps;
  if (!r.ramp_fs_per_byte.empty()) j["ramp_fs_per_byte"] = r.ramp_fs_per_byte;
  return j;
}

// In the order of FlowNetwork's numbers.
ordered_json routes(const NodeLinks& links) {
  ordered_json all = ordered_json::array();
  for (std::size_t r = 0; r < links.load.size(); ++r) {
    all.push_back(route("load", 1, r, links.load[r]));
    all.push_back(route("store", 1, r, links.store[r]));
  }
  for (std::size_t t = 0; t < links.beyond.size(); ++t) {
    const NodeLinks::Beyond& beyond = links.beyond[t];
    for (std::size_t r = 0; r < beyond.load.size(); ++r) all.push_back(route("load", t + 2, r, beyond.load[r]));
    all.push_back(route("write", t + 2, 0, beyond.write));
    all.back()["streams"] = beyond.write_streams;
    for (std::size_t r = 0; r < beyond.prefetch.size(); ++r) {
      all.push_back(route("prefetch", t + 2, r, beyond.prefetch[r]));
    }
  }
  return all;
}

// In the order of Simulation::watch().
ordered_json memories(const SimulationConfig& c, std::int32_t block_tokens) {
  ordered_json all = ordered_json::array();
  const Layout layout(c);
  const auto hbm = [&](std::uint32_t r, const SimulationConfig& kind) {
    all.push_back({{"name", "hbm"}, {"tier", 0}, {"replicas", {r, r + 1}}, {"pages", kind.engine.g1_pages.count}});
  };
  for (std::uint32_t r = 0; r < layout.replicas(); ++r) hbm(r, layout.of_replica(r));
  for (std::int32_t d = 0; d < decode_replicas(c); ++d) {
    hbm(layout.replicas() + static_cast<std::uint32_t>(d), c.decode_pool.front());
  }
  const auto add = [&](const char* name, std::size_t tier, Scope scope) {
    for (std::uint32_t r = 0, end = 0; r < layout.replicas(); r = end) {
      end = end_of_tier(layout, r, scope);
      const SimulationConfig& kind = layout.of_replica(r);
      const std::int64_t blocks = tier_bytes(layout, r, tier - 1) / (kind.kv_bytes_per_token * block_tokens);
      all.push_back({{"name", name}, {"tier", tier}, {"replicas", {r, end}}, {"blocks", blocks}});
    }
  };
  if (!c.offload.enabled) return all;
  add("dram", 1, c.offload.scope);
  for (std::size_t t = 0; t < c.offload.beyond.size(); ++t) {
    const LowerTierConfig& tier = c.offload.beyond[t];
    add(tier.kind == Storage::ssd ? "ssd" : "remote", t + 2, tier.scope);
  }
  return all;
}

ordered_json step_times(const SimulationConfig& c, const StepTimes& of) {
  ordered_json times = ordered_json::array();
  for (const StepTime& t : of) {
    times.push_back({{"base", pieces(t.base)},
                     {"head", pieces(t.head)},
                     {"context_ps", t.context_ps},
                     {"pair_ps", t.pair_ps},
                     {"key_queries", t.key_queries},
                     {"layers", load_parts(c.offload, t)},
                     {"host_ps", t.host_ps},
                     {"host_sample_ps", t.host_sample_ps}});
  }
  return times;
}

ordered_json limits(const std::vector<Limit>& all, const std::vector<BusyLimit>& busy = {}) {
  ordered_json j = ordered_json::array();
  for (const Limit& l : all) j.push_back({{"name", l.name}, {"bytes_per_s", l.bytes_per_s}});
  for (const BusyLimit& b : busy) {
    j[b.limit]["replica_on_node"] = b.replica;
    j[b.limit]["busy_bytes_per_s"] = b.bytes_per_s;
  }
  return j;
}

void add_drafts(const SimulationConfig& c, ordered_json& kind) {
  if (c.engine.speculation.draft_tokens > 0) kind["draft_times"] = step_times(c, c.draft_times);
}

// The routes: by prefill replica, and of each by decode replica.
ordered_json decode_side(const SimulationConfig& c) {
  if (c.decode_pool.empty()) return nullptr;
  const SimulationConfig& own = c.decode_pool.front();
  ordered_json routes = ordered_json::array();
  for (std::size_t i = 0; i < c.handoff.routes.size(); ++i) {
    routes.push_back(route("handover", 0, i / static_cast<std::size_t>(own.replicas), c.handoff.routes[i]));
  }
  ordered_json j = {{"replicas", own.replicas},
                    {"max_num_seqs", own.engine.max_num_seqs},
                    {"max_num_batched_tokens", own.engine.max_num_batched_tokens},
                    {"kv_bytes_per_token", own.kv_bytes_per_token.count},
                    {"step_times", step_times(own, own.step_times)},
                    {"parts", c.handoff.layerwise ? c.step_times[0].layers : 1},
                    {"limits", limits(c.handoff.limits)},
                    {"routes", routes}};
  add_drafts(own, j);
  return j;
}

// What may differ between the kinds of a mixed fleet.
ordered_json kind_header(const SimulationConfig& c) {
  ordered_json j = {{"replicas", c.replicas},
                    {"replicas_per_node", c.replicas_per_node},
                    {"max_num_seqs", c.engine.max_num_seqs},
                    {"max_num_batched_tokens", c.engine.max_num_batched_tokens},
                    {"kv_bytes_per_token_per_gpu", c.kv_bytes_per_token_per_gpu.count},
                    {"kv_bytes_per_token", c.kv_bytes_per_token.count},
                    {"step_times", step_times(c, c.step_times)},
                    {"limits", limits(c.links.limits, c.links.busy)},
                    {"routes", c.offload.enabled ? routes(c.links) : ordered_json::array()}};
  add_drafts(c, j);
  return j;
}

ordered_json header(const Workload& load, const SimulationConfig& c) {
  ordered_json h = {{"schema", "kvplan.events/1"},
                    {"block_tokens", load.block_tokens},
                    {"page_tokens", c.engine.page_tokens},
                    {"max_context_tokens", c.engine.max_context_tokens},
                    {"blocking_loads", c.offload.load == LoadPolicy::blocking},
                    {"overlap", c.engine.overlap},
                    {"memories", memories(c, load.block_tokens)}};
  const Speculation& s = c.engine.speculation;
  if (s.draft_tokens > 0) {
    h["speculation"] = {
        {"draft_tokens", s.draft_tokens}, {"token_parts", s.token_parts}, {"step_parts", s.step_parts}};
  }
  h.update(kind_header(c));
  h["replicas"] = c.replicas + decode_replicas(c);
  h["decode"] = decode_side(c);
  for (const SimulationConfig& other : c.others) h["others"].push_back(kind_header(other));
  return h;
}

ordered_json places(const PrefixChains& chains, std::span<const PrefixRun> runs) {
  ordered_json all = ordered_json::array();
  for (const PrefixRun& run : runs) {
    const std::int64_t first = chains[run.range.chain].first_place;
    all.push_back({first + run.range.first, first + run.range.last});
  }
  return all;
}

ordered_json asked(const PrefixChains& chains, const Turn& t, TurnId turn) {
  return {{"asked", turn},
          {"prompt_tokens", t.prompt_tokens},
          {"output_tokens", t.output_tokens},
          {"blocks", places(chains, chains.prompt(turn))},
          {"answer", places(chains, chains.output(turn))}};
}

void append_event(std::string& out, const Event& e) {
  const EventShape& shape = kEventShapes[static_cast<std::size_t>(e.what)];
  auto to = std::back_inserter(out);
  fmt::format_to(to, R"({{"e":"{}","at":{})", shape.name, e.at.count);
  if (shape.who != nullptr) fmt::format_to(to, R"(,"{}":{})", shape.who, e.who);
  if (e.turn != kNone) fmt::format_to(to, R"(,"turn":{})", e.turn);
  const std::int64_t values[] = {e.a, e.b, e.c, e.d};
  for (int i = 0; i < 4; ++i) {
    if (shape.fields[i] != nullptr) fmt::format_to(to, R"(,"{}":{})", shape.fields[i], values[i]);
  }
  out += "}\n";
}

ordered_json said(const RequestRecord& r, TurnId turn) {
  ordered_json j = {{"said", turn}, {"outcome", name_of(r.outcome)}, {"arrival", r.arrival.count}};
  if (r.outcome != Outcome::completed) return j;
  j.update({{"replica", r.replica},
            {"first_token", r.first_token.count},
            {"finish", r.finish.count},
            {"frontend_ps", r.frontend.count},
            {"queue_ps", r.queue.count},
            {"load_ps", r.load.count},
            {"prefill_ps", r.prefill.count},
            {"hit_tokens", {r.hit_g1_tokens, r.hit_g2_tokens, r.hit_beyond_tokens[0], r.hit_beyond_tokens[1]}},
            {"computed_tokens", r.computed_tokens},
            {"preemptions", r.preemptions}});
  if (r.decode_replica != kNone) j.update({{"decode_replica", r.decode_replica}, {"handover_ps", r.handover.count}});
  return j;
}

}  // namespace

void write_events(const Workload& load, const SimulationConfig& config, const SimulationResult& result,
                  const EventLog& log, const std::function<void(std::string_view)>& write) {
  const PrefixChains own = load.chains.empty() ? PrefixChains(load) : PrefixChains();
  const PrefixChains& chains = load.chains.empty() ? own : load.chains;
  std::string out = header(load, config).dump() + "\n";
  const auto flush = [&](std::size_t most) {
    if (out.size() < most) return;
    write(out);
    out.clear();
  };
  for (TurnId t = 0; t < load.turns.size(); ++t) {
    out += asked(chains, load.turns[t], t).dump() + "\n";
    flush(1 << 20);
  }
  for (const Event& e : log.events) {
    append_event(out, e);
    flush(1 << 20);
  }
  for (TurnId t = 0; t < load.turns.size(); ++t) {
    out += said(result.requests[t], t).dump() + "\n";
    flush(1 << 20);
  }
  flush(0);
}

}  // namespace kvplan
