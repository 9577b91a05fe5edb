#include "reports/kept_run.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json_integers.hpp"
#include "models/step_time_json.hpp"
#include "reports/event_shapes.hpp"
#include "reports/totals.hpp"

namespace kvplan {
namespace {

namespace od = simdjson::ondemand;

[[noreturn]] void refuse(const std::string& path, std::int64_t line, const std::string& why, const std::string& help) {
  throw InputError(Diagnostic{path, line, 0, why, help});
}

// Calls `take(number, text, object)` for every line, which is one JSON object.
template <class Take>
std::int64_t each_line(const std::string& path, const std::string& help, Take take) {
  const auto in = open_text_file(path);
  od::parser parser;
  std::string line;
  std::int64_t number = 0;
  while (std::getline(*in, line)) {
    ++number;
    line.reserve(line.size() + simdjson::SIMDJSON_PADDING);
    try {
      od::document document = parser.iterate(line.data(), line.size(), line.capacity());
      take(number, line, document.get_object());
      if (in->eof()) refuse(path, number, "the last line has no end: the file is cut off", help);
    } catch (const std::exception& e) {
      if (dynamic_cast<const InputError*>(&e) != nullptr) throw;
      const auto* error = dynamic_cast<const Error*>(&e);  // of a line that cannot follow those before it
      const std::string_view why = e.what(), expected = why.substr(0, why.find('\n'));
      refuse(path, number,
             in->eof() ? "the file is cut off in its last line"
             : error   ? fmt::format("contradicts what comes before it ({})", expected)
                       : fmt::format("is not a line of such a file: {}", why),
             help);
    }
  }
  return number;
}

constexpr const char* kAgain = "run it again: kvplan run ... --out DIR";
constexpr const char* kWithEvents = "`kvplan run ... --events --out DIR` writes one (with --check, checked)";

template <class Enum>
Enum by_name(std::string_view name, std::initializer_list<Enum> all) {
  for (const Enum e : all) {
    if (name == name_of(e)) return e;
  }
  throw simdjson::simdjson_error(simdjson::INCORRECT_TYPE);
}

void take_time_or_count(KeptRequest& r, std::string_view key, std::int64_t v) {
  using Times = std::pair<std::string_view, Time RequestRecord::*>;
  static constexpr Times kTimes[] = {
      {"arrival_ps", &RequestRecord::arrival},  {"first_token_ps", &RequestRecord::first_token},
      {"finish_ps", &RequestRecord::finish},    {"frontend_ps", &RequestRecord::frontend},
      {"queue_ps", &RequestRecord::queue},      {"load_ps", &RequestRecord::load},
      {"prefill_ps", &RequestRecord::prefill},  {"recompute_ps", &RequestRecord::recompute},
      {"handover_ps", &RequestRecord::handover}};
  for (const auto& [name, member] : kTimes) {
    if (key == name) r.*member = Time(v);
  }
  const auto small = static_cast<std::int32_t>(v);
  if (key == "turn") r.turn = static_cast<TurnId>(v);
  if (key == "session") r.session = static_cast<std::uint32_t>(v);
  if (key == "continues") r.continues = static_cast<TurnId>(v);
  if (key == "replica") r.replica = static_cast<std::uint32_t>(v);
  if (key == "decode_replica") r.decode_replica = static_cast<std::uint32_t>(v);
  if (key == "prompt_tokens") r.prompt_tokens = small;
  if (key == "output_tokens") r.output_tokens = small;
  if (key == "hit_hbm_tokens") r.hit_g1_tokens = small;
  if (key == "hit_dram_tokens") r.hit_g2_tokens = small;
  if (key == "hit_ssd_tokens") r.hit_beyond_tokens[0] = small;
  if (key == "hit_remote_tokens") r.hit_beyond_tokens[1] = small;
  if (key == "computed_tokens") r.computed_tokens = v;
  if (key == "recomputed_tokens") r.recomputed_tokens = v;
  if (key == "preemptions") r.preemptions = small;
  if (key == "requeues") r.requeues = small;
}

KeptRequest request_of(od::object object) {
  KeptRequest r;
  r.turn = kNone;
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    od::value value = field.value();
    if (key == "outcome") {
      r.outcome = by_name<Outcome>(value.get_string(), {Outcome::unfinished, Outcome::completed, Outcome::refused});
    } else if (key == "refusal") {
      r.refusal = by_name<Refusal>(value.get_string(), {Refusal::exceeds_context, Refusal::exceeds_memory,
                                                        Refusal::empty_prompt, Refusal::unavailable});
    } else if (key == "turn" || key == "session" || key == "replica" || key == "decode_replica" ||
               key == "preemptions" || key == "requeues" || key.ends_with("_ps") || key.ends_with("_tokens") ||
               (key == "continues" && !value.is_null())) {
      take_time_or_count(r, key, value.get_int64());
    }
  }
  return r;
}

void require_sense(const KeptRequest& r, const std::string& path, std::int64_t line) {
  const bool in_order = Time(0) <= r.arrival && r.arrival < r.first_token && r.first_token <= r.finish &&
                        r.finish < Time::max() && r.handover <= r.finish - r.first_token;
  if (!in_order) refuse(path, line, "a request that ends before it begins", kAgain);
  for (const Time part : {r.frontend, r.queue, r.load, r.prefill, r.recompute, r.handover}) {
    if (part < Time(0) || part > r.finish) refuse(path, line, "a part of a request that is longer than it", kAgain);
  }
  if (r.replica >= kMostReplicas || (r.decode_replica != kNone && r.decode_replica >= kMostReplicas)) {
    refuse(path, line, "a request that no replica served", kAgain);
  }
  if (r.prompt_tokens < 0 || r.output_tokens < 0 || r.computed_tokens < 0) {
    refuse(path, line, "a request of fewer than no tokens", kAgain);
  }
}

// What no run has would end nowhere, or be undefined.
constexpr std::int64_t kMostBytes = std::int64_t{1} << 53;

KeptKind kind_of(const nlohmann::json& j, std::int64_t first_replica, std::int64_t first_node) {
  KeptKind h;
  const std::int64_t replicas = within(j.at("replicas"), 1, kMostReplicas, "replicas");
  h.first_replica = first_replica, h.end_replica = first_replica + replicas;
  h.replicas_per_node = within(j.at("replicas_per_node"), 1, kMostReplicas, "replicas_per_node");
  h.first_node = first_node, h.end_node = first_node + ceil_div(replicas, h.replicas_per_node);
  h.max_num_batched_tokens = within(j.at("max_num_batched_tokens"), 1, 1 << 20, "max_num_batched_tokens");
  h.kv_bytes_per_token = j.at("kv_bytes_per_token");
  h.kv_bytes_per_token_per_gpu = j.at("kv_bytes_per_token_per_gpu");
  h.step_time = step_time_from(j.at("step_times").at(0), "base", "head");
  for (const auto& l : j.at("limits")) h.limits.push_back({l.at("name"), l.at("bytes_per_s")});
  for (const auto& r : j.at("routes")) {
    h.routes.push_back({r.at("purpose"), r.at("tier"), r.at("replica_on_node"), r.at("segment_ps"), {}, {}});
    Route& cost = h.routes.back().cost;
    cost.segment_ps = r.at("segment_ps");
    if (r.contains("submission_ps")) cost.submission_ps = r.at("submission_ps").get<std::vector<std::int64_t>>();
    if (r.contains("ramp_fs_per_byte")) {
      cost.ramp_fs_per_byte = r.at("ramp_fs_per_byte").get<std::vector<std::int64_t>>();
    }
    cost.latency_ps = r.value("latency_ps", std::int64_t{0});
    for (const auto& u : r.at("uses")) h.routes.back().uses.emplace_back(u.at(0), u.at(1));
  }
  return h;
}

KeptLimits limits_of(const nlohmann::json& j) {
  KeptLimits h;
  h.block_tokens = within(j.at("block_tokens"), 1, kMostCount, "block_tokens");
  h.page_tokens = within(j.at("page_tokens"), 1, kMostCount, "page_tokens");
  h.blocking_loads = j.at("blocking_loads");
  for (const auto& m : j.at("memories")) {
    h.memories.push_back({m.at("name"), m.at("tier"), m.at("replicas").at(0), m.at("replicas").at(1),
                          m.contains("pages") ? m.at("pages") : m.at("blocks")});
  }
  h.kinds.push_back(kind_of(j, 0, 0));
  for (const auto& other : j.value("others", nlohmann::json::array())) {
    h.kinds.push_back(kind_of(other, h.replicas(), h.nodes()));
  }
  return h;
}

[[noreturn]] void absent_at_head(const char* what, std::int64_t number) {
  throw std::runtime_error(fmt::format("{} {} is none of those at the head of the log", what, number));
}

Event event_of(od::object object) {
  Event event;
  const EventShape* shape = nullptr;
  std::int64_t* const values[] = {&event.a, &event.b, &event.c, &event.d};
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    if (shape == nullptr) {
      const std::string_view name = field.value().get_string();
      for (const EventShape& s : kEventShapes) {
        if (key == "e" && name == s.name) shape = &s;
      }
      if (shape == nullptr) throw simdjson::simdjson_error(simdjson::NO_SUCH_FIELD);
      event.what = static_cast<Happening>(shape - kEventShapes);
      continue;
    }
    const std::int64_t v = field.value().get_int64();
    if (key == "at") event.at = Time(v);
    if (key == "turn") event.turn = static_cast<std::uint32_t>(v);
    if (shape->who != nullptr && key == shape->who) event.who = static_cast<std::uint32_t>(v);
    for (int i = 0; i < 4; ++i) {
      if (shape->fields[i] == nullptr || key != shape->fields[i]) continue;
      const std::int64_t most = key == "bytes" ? kMostBytes : kMostCount;
      *values[i] = key.ends_with("_ps") ? v : within(v, -most, most, key);
    }
  }
  if (shape == nullptr || (shape->of_request && event.turn == kNone)) {
    throw simdjson::simdjson_error(simdjson::NO_SUCH_FIELD);
  }
  return event;
}

}  // namespace

std::vector<KeptRequest> read_kept_requests(const std::string& folder) {
  const std::string path = folder + "/requests.jsonl";
  if (!std::filesystem::exists(path)) {
    refuse(folder, 0, "holds no requests.jsonl", "name a folder that `kvplan run --out` wrote for one combination");
  }
  std::vector<KeptRequest> all;
  each_line(path, kAgain, [&](std::int64_t line, const std::string&, od::object object) {
    const KeptRequest& r = all.emplace_back(request_of(object));
    if (r.turn != line - 1) refuse(path, line, "the turns are not numbered in order", kAgain);
    if (r.outcome == Outcome::completed) require_sense(r, path, line);
  });
  return all;
}

bool keeps_events(const std::string& folder) { return std::filesystem::exists(folder + "/events.jsonl"); }

void read_kept_events(const std::string& folder, const std::function<void(const KeptLimits&)>& begin,
                      const std::function<void(const Event&)>& each) {
  const std::string path = folder + "/events.jsonl";
  if (!keeps_events(folder)) refuse(folder, 0, "holds no events.jsonl", kWithEvents);
  std::int64_t asked = 0, said = 0;
  const std::int64_t lines =
      each_line(path, kWithEvents, [&](std::int64_t line, const std::string& text, od::object object) {
        if (line == 1) {
          const auto header = nlohmann::json::parse(text);
          if (header.value("schema", "") != "kvplan.events/1")
            refuse(path, 1, "the schema is not kvplan.events/1", kWithEvents);
          begin(limits_of(require_integers(header)));
        } else if (text.starts_with("{\"e\":")) {
          each(event_of(object));
        } else {
          asked += text.starts_with("{\"asked\":");
          said += text.starts_with("{\"said\":");
        }
      });
  if (said != asked || lines == 0) {
    refuse(path, lines, fmt::format("the log is cut off: {} requests, {} results", asked, said), kWithEvents);
  }
}

const KeptKind& KeptLimits::kind_of_replica(std::int64_t replica) const {
  const auto at = std::find_if(kinds.begin(), kinds.end(), [&](const KeptKind& k) { return replica < k.end_replica; });
  if (at == kinds.end()) absent_at_head("replica", replica);
  return *at;
}

const KeptKind& KeptLimits::kind_of_node(std::int64_t node) const {
  const auto at = std::find_if(kinds.begin(), kinds.end(), [&](const KeptKind& k) { return node < k.end_node; });
  if (at == kinds.end()) absent_at_head("node", node);
  return *at;
}

std::int64_t KeptLimits::node_of(std::int64_t replica) const {
  const KeptKind& kind = kind_of_replica(replica);
  return kind.first_node + (replica - kind.first_replica) / kind.replicas_per_node;
}

const std::string& KeptLimits::tier_name(std::int64_t tier) const {
  const auto at = std::find_if(memories.begin(), memories.end(), [&](const KeptMemory& m) { return m.tier == tier; });
  if (at == memories.end()) absent_at_head("tier", tier);
  return at->name;
}

}  // namespace kvplan
