#include "validate/replay/plan.hpp"

#include <array>
#include <bit>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "base/json_integers.hpp"
#include "traces/well_formed.hpp"
#include "validate/replay/links_json.hpp"
#include "validate/replay/step_time_json.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "kvplan.replay-plan/1";

template <class Enum, std::size_t N>
using Names = std::array<std::pair<Enum, std::string_view>, N>;
constexpr Names<StorePolicy, 3> kStores{
    {{StorePolicy::through, "through"}, {StorePolicy::back, "back"}, {StorePolicy::selective, "selective"}}};
constexpr Names<LoadPolicy, 2> kLoads{{{LoadPolicy::blocking, "blocking"}, {LoadPolicy::layerwise, "layerwise"}}};
constexpr Names<LoadChoice, 4> kChoices{{{LoadChoice::load, "load"},
                                         {LoadChoice::recompute, "recompute"},
                                         {LoadChoice::cheaper, "cheaper"},
                                         {LoadChoice::partial, "partial"}}};
constexpr Names<StepOrder, 2> kOrders{{{StepOrder::mixed, "mixed"}, {StepOrder::prefill_first, "prefill-first"}}};
constexpr Names<Storage, 2> kStorages{{{Storage::ssd, "ssd"}, {Storage::remote, "remote"}}};

template <class Enum, std::size_t N>
std::string name_in(const Names<Enum, N>& names, Enum value) {
  for (const auto& [v, name] : names) {
    if (v == value) return std::string(name);
  }
  throw std::runtime_error("a replay has no name for this policy");
}
template <class Enum, std::size_t N>
Enum value_in(const Names<Enum, N>& names, const Json& text) {
  for (const auto& [v, name] : names) {
    if (text.get<std::string>() == name) return v;
  }
  throw std::runtime_error("\"" + text.get<std::string>() + "\" is not known here");
}

Json to_json(const Workload& w) {
  Json turns = Json::array();
  for (const Turn& t : w.turns) {
    const Arrival& a = t.arrival;
    Json j{{"time_ps", a.time.count}};
    if (a.after != kNone) j["after"] = a.after;
    if (a.join != kNone) j["join"] = a.join;
    if (a.not_before.count > 0) j["not_before_ps"] = a.not_before.count;
    if (t.continues != kNone) j["continues"] = t.continues;
    j["session"] = t.session;
    j["prompt_tokens"] = t.prompt_tokens;
    j["output_tokens"] = t.output_tokens;
    j["blocks"] = w.blocks(t);
    j["output_blocks"] = w.outputs(t);
    turns.push_back(j);
  }
  return {{"name", w.name},
          {"format", w.format},
          {"sha256", w.sha256},
          {"block_tokens", w.block_tokens},
          {"turns", turns},
          {"parent_of_block", w.parent_of_block},
          {"tokens_of_block", w.tokens_of_block}};
}

// Within a scenario's; and what is read here is an integer.
constexpr std::int64_t kMostPs = std::int64_t{1} << 61;
constexpr std::int64_t kMostTokens = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMostBytes = std::int64_t{1} << 60;

std::int32_t int32(const Json& of, const char* key, std::int64_t low, std::int64_t high) {
  return static_cast<std::int32_t>(integer_within(of.at(key), low, high, key));
}

Workload load_of(const Json& j) {
  const auto id = [](const Json& of, const char* key) {
    return of.contains(key) ? static_cast<std::uint32_t>(integer_within(of.at(key), 0, kNone, key)) : kNone;
  };
  const auto time = [](const Json& v, const char* what) { return Time(integer_within(v, 0, kMostPs, what)); };
  Workload w;
  w.name = j.at("name");
  w.format = j.at("format");
  w.sha256 = j.at("sha256");
  w.block_tokens = int32(j, "block_tokens", 1, 65536);
  w.parent_of_block = require_integers(j.at("parent_of_block")).get<std::vector<BlockId>>();
  w.tokens_of_block = require_integers(j.at("tokens_of_block")).get<std::vector<std::int32_t>>();
  const auto append = [](std::vector<BlockId>& all, const Json& some, std::uint32_t& first, std::uint32_t& count) {
    first = static_cast<std::uint32_t>(all.size());
    for (const Json& b : some) all.push_back(static_cast<BlockId>(integer_within(b, 0, kNone, "a block")));
    count = static_cast<std::uint32_t>(all.size()) - first;
  };
  for (const Json& k : j.at("turns")) {
    Turn t;
    t.arrival = {time(k.at("time_ps"), "time_ps"), id(k, "after"), id(k, "join"),
                 time(k.value("not_before_ps", Json(0)), "not_before_ps")};
    t.continues = id(k, "continues");
    t.session = static_cast<std::uint32_t>(integer_within(k.at("session"), 0, kNone - 1, "session"));
    t.prompt_tokens = int32(k, "prompt_tokens", 0, kMostTokens);
    t.output_tokens = int32(k, "output_tokens", 0, kMostTokens);
    append(w.prompt_blocks, k.at("blocks"), t.first_block, t.block_count);
    append(w.output_blocks, k.at("output_blocks"), t.first_output_block, t.output_block_count);
    w.session_count = std::max(w.session_count, t.session + 1);
    w.turns.push_back(t);
  }
  require_well_formed(w);
  return with_chains(std::move(w));
}

Json to_json(const ReplayPolicy& p) {
  const EngineConfig& e = p.config.engine;
  const OffloadConfig& o = p.config.offload;
  Json beyond = Json::array();
  for (const LowerTierConfig& t : o.beyond) {
    beyond.push_back(
        {{"kind", name_in(kStorages, t.kind)}, {"bytes", t.capacity.count}, {"store", name_in(kStores, t.store)}});
  }
  Json j{{"name", p.name},
         {"engine",
          {{"max_num_seqs", e.max_num_seqs},
           {"max_num_batched_tokens", e.max_num_batched_tokens},
           {"order", name_in(kOrders, e.order)},
           {"whole_prompts", e.whole_prompts},
           {"page_tokens", e.page_tokens},
           {"max_context_tokens", e.max_context_tokens},
           {"g1_pages", e.g1_pages.count}}},
         {"kv_bytes_per_token", p.config.kv_bytes_per_token.count}};
  if (o.enabled) {
    j["offload"] = {{"store", name_in(kStores, o.store)},
                    {"load", name_in(kLoads, o.load)},
                    {"choice", name_in(kChoices, o.choice)},
                    {"bytes", o.capacity.count},
                    {"beyond", beyond},
                    {"promote", o.promote},
                    {"selective_hits", o.selective_hits},
                    {"chunk_tokens", o.chunk_tokens},
                    {"segment_bytes", o.segment.count}};
    if (o.choice != LoadChoice::load) {
      j["estimates"] = {{"step_times", step_times_json(p.config.step_times)}, {"links", links_json(p.config.links)}};
    }
  }
  j["scenario"] = Json::parse(p.scenario);
  return j;
}

ReplayPolicy policy_of(const Json& j) {
  ReplayPolicy p;
  p.name = j.at("name");
  p.scenario = j.at("scenario").dump();
  EngineConfig& e = p.config.engine;
  const Json& engine = j.at("engine");
  e.max_num_seqs = int32(engine, "max_num_seqs", 1, 65536);
  e.max_num_batched_tokens = int32(engine, "max_num_batched_tokens", 1, 1 << 20);
  e.order = value_in(kOrders, engine.at("order"));
  e.whole_prompts = engine.at("whole_prompts");
  e.page_tokens = int32(engine, "page_tokens", 1, 65536);
  if (!std::has_single_bit(static_cast<std::uint32_t>(e.page_tokens))) {
    throw std::runtime_error("page_tokens is no power of two");
  }
  e.max_context_tokens = int32(engine, "max_context_tokens", 1, kMostTokens);
  e.g1_pages = Pages(integer_within(engine.at("g1_pages"), 0, kMostTokens, "g1_pages"));
  p.config.kv_bytes_per_token = p.config.kv_bytes_per_token_per_gpu =
      Bytes(integer_within(j.at("kv_bytes_per_token"), 1, 1 << 30, "kv_bytes_per_token"));
  p.config.step_by_step = true;
  if (!j.contains("offload")) return p;
  OffloadConfig& o = p.config.offload;
  const Json& offload = j.at("offload");
  o.enabled = true;
  o.store = value_in(kStores, offload.at("store"));
  o.load = value_in(kLoads, offload.at("load"));
  o.choice = value_in(kChoices, offload.at("choice"));
  o.scope = Scope::replica;
  const auto bytes = [](const Json& of, const char* key) {
    return Bytes(integer_within(of.at(key), 0, kMostBytes, key));
  };
  o.capacity = bytes(offload, "bytes");
  for (const Json& t : offload.at("beyond")) {
    o.beyond.push_back({value_in(kStorages, t.at("kind")), Scope::node, bytes(t, "bytes"), Eviction::lru,
                        value_in(kStores, t.at("store"))});
  }
  o.promote = offload.at("promote");
  o.selective_hits = int32(offload, "selective_hits", 1, kMostTokens);
  o.chunk_tokens = int32(offload, "chunk_tokens", 1, kMostTokens);
  o.segment = bytes(offload, "segment_bytes");
  if (o.choice == LoadChoice::load) {
    p.config.links = links_for_executor(o.beyond.size());
  } else {
    p.config.step_times = step_times_from(j.at("estimates").at("step_times"));
    p.config.links = links_from(j.at("estimates").at("links"));
  }
  return p;
}

ReplayPlan plan_of(const Json& j) {
  if (j.value("schema", "") != kSchema) throw std::runtime_error(std::string("expected schema ") + kSchema);
  ReplayPlan plan;
  const Json& m = j.at("model");
  const auto shape = [&](const char* key) { return int32(m, key, 1, 1 << 24); };
  plan.model = {m.at("name"),      shape("layers"),       shape("hidden"),    shape("heads"),
                shape("kv_heads"), shape("intermediate"), shape("vocabulary")};
  plan.page_first = j.at("layout") == "block-first";
  plan.copies = j.at("copies");
  plan.seed = require_integers(j.at("seed"));
  plan.most_checked = int32(j, "most_checked", 0, kMostTokens);
  plan.load = load_of(j.at("load"));
  for (const Json& p : j.at("policies")) plan.policies.push_back(policy_of(p));
  if (plan.policies.empty()) throw std::runtime_error("there are no policies");
  return plan;
}

}  // namespace

NodeLinks links_for_executor(std::size_t tiers_beyond) {
  const Route any{{{0, 1}}, 0};
  NodeLinks links{{{"executor", 1}}, {any}, {any}, {}};
  for (std::size_t i = 0; i < tiers_beyond; ++i) links.beyond.push_back({{any}, any, 1});
  return links;
}

NodeLinks each_alone(const NodeLinks& links) {
  NodeLinks out;
  const auto alone = [&](const Route& route, const char* name, std::int64_t streams) {
    out.limits.push_back({name, rate_alone(links, route) * streams});
    Route own = route;
    own.uses = {{static_cast<std::uint32_t>(out.limits.size() - 1), 1}};
    return own;
  };
  out.load = {alone(links.load.front(), "load", 1)};
  out.store = {alone(links.store.front(), "store", 1)};
  for (const NodeLinks::Beyond& b : links.beyond) {
    const Route load = alone(b.load.front(), "load beyond", 1);
    out.beyond.push_back({{load}, alone(b.write, "write beyond", b.write_streams), 1});
  }
  return out;
}

std::string to_json_text(const ReplayPlan& plan) {
  const ReplayModel& m = plan.model;
  Json j{{"schema", kSchema},
         {"model",
          {{"name", m.name},
           {"layers", m.layers},
           {"hidden", m.hidden},
           {"heads", m.heads},
           {"kv_heads", m.kv_heads},
           {"intermediate", m.intermediate},
           {"vocabulary", m.vocabulary}}},
         {"layout", plan.page_first ? "block-first" : "layer-first"},
         {"copies", plan.copies},
         {"seed", plan.seed},
         {"most_checked", plan.most_checked}};
  j["policies"] = Json::array();
  for (const ReplayPolicy& p : plan.policies) j["policies"].push_back(to_json(p));
  j["load"] = to_json(plan.load);
  return j.dump() + "\n";
}

ReplayPlan parse_replay_plan(const std::string& text, const std::string& name) {
  try {
    return plan_of(Json::parse(text));
  } catch (const std::exception& e) {
    throw std::runtime_error(name + " is not a replay plan: " + e.what());
  }
}

ReplayPlan read_replay_plan(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return parse_replay_plan(text.str(), path);
}

}  // namespace kvplan
