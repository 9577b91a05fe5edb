#include "validate/run_check/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_integers.hpp"

namespace kvplan::run_check {
namespace {

using nlohmann::json;

void require(bool well, const char* what) {
  if (!well) throw std::runtime_error(what);
}

std::vector<Piece> pieces(const json& j) {
  std::vector<Piece> all;
  for (const json& p : j) all.push_back({p.at(0), p.at(1), p.at(2)});
  require(!all.empty() && all.front().from == 0, "the cost of a step does not begin at 0 tokens");
  return all;
}

std::vector<StepCost> step_costs(const json& j) {
  std::vector<StepCost> all;
  for (const json& t : j) {
    all.push_back({pieces(t.at("base")), pieces(t.at("head")), t.at("context_ps"), t.at("pair_ps"),
                   t.value("key_queries", std::int64_t{0}), t.at("layers"), t.at("host_ps"), t.at("host_sample_ps")});
    require(all.back().layers > 0, "a step of no layers");
  }
  return all;
}

std::map<std::int64_t, BusyLimit> busy_limits(const json& j) {
  std::map<std::int64_t, BusyLimit> all;
  for (std::size_t i = 0; i < j.size(); ++i) {
    const json& l = j[i];
    if (l.contains("busy_bytes_per_s")) {
      all[static_cast<std::int64_t>(i)] = {l.at("replica_on_node"), l.at("busy_bytes_per_s")};
    }
  }
  return all;
}

std::vector<std::int64_t> limits(const json& j) {
  std::vector<std::int64_t> all;
  for (const json& l : j) all.push_back(l.at("bytes_per_s"));
  for (const std::int64_t l : all) require(l > 0, "a limit lets nothing pass");
  return all;
}

std::vector<RouteLimit> routes(const json& j) {
  std::vector<RouteLimit> all;
  for (const json& r : j) {
    RouteLimit route{r.at("purpose"), r.at("tier"), r.at("replica_on_node"), r.at("segment_ps"), {}, {}, {}, 0};
    if (r.contains("submission_ps")) route.submission_ps = r.at("submission_ps").get<std::vector<std::int64_t>>();
    if (r.contains("ramp_fs_per_byte"))
      route.ramp_fs_per_byte = r.at("ramp_fs_per_byte").get<std::vector<std::int64_t>>();
    route.latency_ps = r.value("latency_ps", std::int64_t{0});
    for (const json& u : r.at("uses")) route.uses.emplace_back(u.at(0), u.at(1));
    require(!route.uses.empty(), "a route uses no limit");
    require(route.submission_ps.size() != 1 && route.submission_ps.size() < 60, "submissions are two to sixty");
    for (const auto& [limit, weight] : route.uses) require(limit >= 0 && weight > 0, "a route uses no limit");
    all.push_back(std::move(route));
  }
  return all;
}

DecodeSide decode_side(const json& j) {
  if (j.is_null()) return {};
  return {j.at("replicas"),
          j.at("max_num_seqs"),
          j.at("max_num_batched_tokens"),
          j.at("kv_bytes_per_token"),
          j.at("parts"),
          step_costs(j.at("step_times")),
          step_costs(j.value("draft_times", json::array())),
          limits(j.at("limits")),
          routes(j.at("routes"))};
}

Speculation speculation(const json& j) {
  const Speculation s{j.at("draft_tokens"), j.at("token_parts"), j.at("step_parts")};
  require(s.draft_tokens > 0 && s.token_parts > 0 && s.step_parts >= s.token_parts, "a step of drafts yields no token");
  return s;
}

void require_limits(const std::vector<RouteLimit>& routes, const std::vector<std::int64_t>& limits) {
  for (const RouteLimit& r : routes) {
    for (const auto& [limit, weight] : r.uses) {
      require(limit < static_cast<std::int64_t>(limits.size()), "a route uses a limit that is not there");
    }
  }
}

void require_sense(const Header& h) {
  const auto require_costs = [&](const std::vector<StepCost>& steps, const std::vector<StepCost>& drafts) {
    const bool well = steps.size() == 4 && drafts.size() == (h.speculation.draft_tokens > 0 ? 4 : 0);
    require(well, "steps and drafts have four costs: with no copy, a load, a store, both");
  };
  for (const Kind& k : h.kinds) {
    require_limits(k.routes, k.limits);
    require_costs(k.step_costs, k.draft_costs);
  }
  require_limits(h.decode.routes, h.decode.limits);
  require(h.decode.replicas >= 0 && h.prefill_replicas() > 0 && h.replicas() <= 1'000'000,
          "the numbers of replicas make no sense");
  require(h.block_tokens > 0 && h.page_tokens > 0, "blocks or pages hold no tokens");
  if (h.decode.replicas > 0) require_costs(h.decode.step_costs, h.decode.draft_costs);
  require(h.decode.parts > 0 &&
              h.decode.routes.size() == static_cast<std::size_t>(h.prefill_replicas() * h.decode.replicas),
          "hand-overs lack routes");
  for (std::int64_t r = 0; r < h.replicas(); ++r) {  // each has its G1, ahead of all other memories
    require(r < static_cast<std::int64_t>(h.memories.size()), "a replica has no G1");
    const MemoryLimit& g1 = h.memories[static_cast<std::size_t>(r)];
    require(g1.tier == 0 && g1.first_replica == r && g1.end_replica == r + 1, "a replica has no G1");
  }
  for (const MemoryLimit& m : h.memories) {
    require(m.first_replica >= 0 && m.first_replica < m.end_replica && m.end_replica <= h.replicas(),
            "a memory serves no replica");
  }
}

Kind kind_of(const json& j, std::int64_t replicas, std::int64_t first_replica, std::int64_t first_node) {
  Kind k;
  k.replicas_per_node = j.at("replicas_per_node");
  require(replicas > 0 && k.replicas_per_node > 0, "no replicas");
  k.first_replica = first_replica;
  k.end_replica = first_replica + replicas;
  k.first_node = first_node;
  k.end_node = first_node + (replicas + k.replicas_per_node - 1) / k.replicas_per_node;
  k.max_num_seqs = j.at("max_num_seqs");
  k.max_num_batched_tokens = j.at("max_num_batched_tokens");
  k.kv_bytes_per_token_per_gpu = j.at("kv_bytes_per_token_per_gpu");
  k.step_costs = step_costs(j.at("step_times"));
  k.draft_costs = step_costs(j.value("draft_times", json::array()));
  k.limits = limits(j.at("limits"));
  k.busy_limits = busy_limits(j.at("limits"));
  k.routes = routes(j.at("routes"));
  return k;
}

Header header_of(const json& j) {
  Header h;
  h.block_tokens = j.at("block_tokens");
  h.page_tokens = j.at("page_tokens");
  h.max_context_tokens = j.at("max_context_tokens");
  h.blocking_loads = j.at("blocking_loads");
  h.overlap = j.at("overlap");
  if (j.contains("speculation")) h.speculation = speculation(j.at("speculation"));
  for (const json& m : j.at("memories")) {
    h.memories.push_back({m.at("tier"), m.at("replicas").at(0), m.at("replicas").at(1),
                          m.contains("pages") ? m.at("pages") : m.at("blocks")});
  }
  if (j.contains("decode")) h.decode = decode_side(j.at("decode"));
  h.kinds.push_back(kind_of(j, j.at("replicas").get<std::int64_t>() - h.decode.replicas, 0, 0));
  for (const json& other : j.value("others", json::array())) {
    const std::int64_t first = h.kinds.back().end_replica, node = h.kinds.back().end_node;
    h.kinds.push_back(kind_of(other, other.at("replicas"), first, node));
  }
  require_sense(h);
  return h;
}

Places places(const json& ranges) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31, kLongest = std::int64_t{1} << 24;
  Places all;
  for (const json& r : ranges) {
    const std::int64_t first = r.at(0), last = r.at(1);
    require(first >= 0 && first <= last && last <= kMost && last - first <= kLongest, "no range of blocks");
    for (std::int64_t p = first; p < last; ++p) all.push_back(p);
  }
  return all;
}

Said said_of(const json& j) {
  Said s;
  s.outcome = j.at("outcome");
  s.arrival = j.at("arrival");
  if (s.outcome != "completed") return s;
  s.replica = j.at("replica");
  s.first_token = j.at("first_token");
  s.finish = j.at("finish");
  s.frontend = j.at("frontend_ps");
  s.queue = j.at("queue_ps");
  s.load = j.at("load_ps");
  s.prefill = j.at("prefill_ps");
  s.computed_tokens = j.at("computed_tokens");
  s.preemptions = j.at("preemptions");
  s.handover = j.value("handover_ps", std::int64_t{0});
  for (std::size_t i = 0; i < 4; ++i) s.hit_tokens[i] = j.at("hit_tokens").at(i);
  return s;
}

Entry entry_of(const json& j, std::int64_t line) {
  static const std::map<std::string, std::int64_t Entry::*> fields = {{"at", &Entry::at},
                                                                      {"replica", &Entry::replica},
                                                                      {"node", &Entry::node},
                                                                      {"memory", &Entry::memory},
                                                                      {"turn", &Entry::turn},
                                                                      {"tier", &Entry::tier},
                                                                      {"first", &Entry::first},
                                                                      {"last", &Entry::last},
                                                                      {"count", &Entry::count},
                                                                      {"tokens", &Entry::tokens},
                                                                      {"route", &Entry::route},
                                                                      {"bytes", &Entry::bytes},
                                                                      {"segments", &Entry::segments},
                                                                      {"cached_tokens", &Entry::cached_tokens},
                                                                      {"lead_tokens", &Entry::lead_tokens},
                                                                      {"waits", &Entry::waits},
                                                                      {"decodes", &Entry::decodes},
                                                                      {"copies", &Entry::copies},
                                                                      {"first_ps", &Entry::first_ps},
                                                                      {"growth_ps", &Entry::growth_ps},
                                                                      {"stall_ps", &Entry::stall_ps},
                                                                      {"ready", &Entry::ready},
                                                                      {"reason", &Entry::reason},
                                                                      {"from", &Entry::from}};
  Entry e;
  e.line = line;
  for (const auto& [key, value] : j.items()) {
    if (key == "e") {
      e.what = value;
    } else {
      e.*fields.at(key) = value;
    }
  }
  return e;
}

void add_line(Log& log, const json& j, std::int64_t line) {
  if (line == 1) {
    if (j.value("schema", "") != "kvplan.events/1") throw std::runtime_error("the schema is not kvplan.events/1");
    log.header = header_of(j);
  } else if (j.contains("asked")) {
    log.asked.push_back({j.at("prompt_tokens"), j.at("output_tokens"), places(j.at("blocks")), places(j.at("answer"))});
    const Asked& a = log.asked.back();
    const std::int64_t blocks = (a.prompt_tokens + log.header.block_tokens - 1) / log.header.block_tokens;
    require(a.prompt_tokens >= 0 && blocks == static_cast<std::int64_t>(a.prompt.size()),
            "a prompt that is not its blocks");
  } else if (j.contains("said")) {
    log.said.push_back(said_of(j));
  } else {
    log.entries.push_back(entry_of(j, line));
  }
}

std::int64_t at(const std::vector<Piece>& pieces, std::int64_t x) {
  const auto behind = std::find_if(pieces.begin(), pieces.end(), [&](const Piece& p) { return p.from > x; });
  const Piece& p = behind == pieces.begin() ? pieces.front() : *std::prev(behind);
  return p.start_ps + p.slope_ps * (x - p.from);
}

}  // namespace

std::int64_t StepCost::total(std::int64_t tokens, std::int64_t samples, std::int64_t context, std::int64_t pairs) const {
  return at(base, tokens) + at(head, samples) + context_ps * context + pair_ps * pairs;
}

const Kind& Header::kind_of_replica(std::int64_t replica) const {
  for (const Kind& k : kinds) {
    if (replica >= k.first_replica && replica < k.end_replica) return k;
  }
  throw std::out_of_range("replica");
}

const Kind& Header::kind_of_node(std::int64_t node) const {
  for (const Kind& k : kinds) {
    if (node >= k.first_node && node < k.end_node) return k;
  }
  throw std::out_of_range("node");
}

// So that a few bytes cannot ask for much memory: whoever has a number is listed.
void require_dense(const Log& log, const std::string& name) {
  std::size_t listed = 0;
  std::int64_t last = -1;
  for (const Asked& a : log.asked) {
    for (const Places* places : {&a.prompt, &a.answer}) {
      listed += places->size();
      for (const std::int64_t p : *places) last = std::max(last, p);
    }
  }
  if (last >= static_cast<std::int64_t>(listed)) {
    throw InputError(
        {name, 0, 0, fmt::format("names block {}, and lists {}", last, listed), "run it again with --check"});
  }
}

Log parse_log(const std::string& text, const std::string& name) {
  Log log;
  std::int64_t line = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    ++line;
    try {
      const auto from = text.begin() + static_cast<std::ptrdiff_t>(at);
      add_line(log, require_integers(json::parse(from, text.begin() + static_cast<std::ptrdiff_t>(end))), line);
    } catch (const std::exception& e) {
      throw InputError({name, static_cast<int>(line), 0, fmt::format("no line of a run's log: {}", e.what()),
                        "kvplan run --check --out DIR writes one"});
    }
    at = end + 1;
  }
  if (line == 0 || log.said.size() != log.asked.size()) {
    throw InputError({name, static_cast<int>(line), 0,
                      fmt::format("the log is cut off: {} requests, {} results", log.asked.size(), log.said.size()),
                      "run it again with --check"});
  }
  require_dense(log, name);
  return log;
}

}  // namespace kvplan::run_check
