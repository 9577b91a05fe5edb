#include "validate/replay/log.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/json_integers.hpp"
#include "traces/workload.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "kvplan.replay/1";

// Steps, transfers and requests are kept as columns: thousands of rows with the same keys.
template <class Row, class Get>
Json column(const std::vector<Row>& rows, Get get) {
  Json out = Json::array();
  for (const Row& r : rows) out.push_back(get(r));
  return out;
}
template <class Row, class Set>
void fill(std::vector<Row>& rows, const Json& table, const char* key, Set set) {
  const Json& values = table.at(key);
  if (values.size() != rows.size()) throw std::runtime_error(std::string("columns differ in length at ") + key);
  for (std::size_t i = 0; i < rows.size(); ++i) set(rows[i], values[i]);
}

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

// What no run of an engine has; sums of them stay within 64 bits.
constexpr std::int64_t kMostPs = std::int64_t{1} << 61;
constexpr std::int64_t kMostTokens = std::numeric_limits<std::int32_t>::max();  // of a request
constexpr std::int64_t kMostInStep = 1 << 20;                                   // tokens, sequences, loads
constexpr std::int64_t kMostPairs = std::int64_t{1} << 40;                      // also of what decodes attend to
constexpr std::int64_t kMostBytes = std::int64_t{1} << 41;                      // of a transfer
constexpr std::int64_t kMostSegments = 1 << 22;
constexpr std::int64_t kMostCount = std::int64_t{1} << 53;

// Reads and writes a member under one name, so that both agree: no value is below zero, or beyond `most`.
#define KVPLAN_COLUMNS(X)             \
  X("start_ps", start.count, kMostPs) \
  X("end_ps", end.count, kMostPs)     \
  X("gpu_ns", gpu_ns, kMostPs)
#define KVPLAN_STEP_COLUMNS(X)                          \
  KVPLAN_COLUMNS(X)                                     \
  X("new_tokens", batch.new_tokens, kMostInStep)        \
  X("samples", batch.samples, kMostInStep)              \
  X("decode_context", batch.decode_context, kMostPairs) \
  X("prefill_pairs", batch.prefill_pairs, kMostPairs)   \
  X("copies", copies, 3)                                \
  X("loads", loads, kMostInStep)
#define KVPLAN_TRANSFER_COLUMNS(X)    \
  KVPLAN_COLUMNS(X)                   \
  X("tier", purpose.tier, 2)          \
  X("bytes", bytes.count, kMostBytes) \
  X("segments", segments, kMostSegments)
#define KVPLAN_REQUEST_COLUMNS(X)                        \
  X("turn", turn, kNone - 1)                             \
  X("arrival_ps", arrival.count, kMostPs)                \
  X("first_token_ps", first_token.count, kMostPs)        \
  X("finish_ps", finish.count, kMostPs)                  \
  X("frontend_ps", frontend.count, kMostPs)              \
  X("queue_ps", queue.count, kMostPs)                    \
  X("load_ps", load.count, kMostPs)                      \
  X("prefill_ps", prefill.count, kMostPs)                \
  X("hit_hbm_tokens", hit_g1_tokens, kMostTokens)        \
  X("hit_dram_tokens", hit_g2_tokens, kMostTokens)       \
  X("hit_ssd_tokens", hit_beyond_tokens[0], kMostTokens) \
  X("computed_tokens", computed_tokens, kMostCount)      \
  X("recomputed_tokens", recomputed_tokens, kMostCount)  \
  X("preemptions", preemptions, kMostTokens)
#define KVPLAN_WRITE(name, member, most) table[name] = column(rows, [](const auto& r) { return r.member; });
#define KVPLAN_READ(name, member, most)                                                                    \
  fill(rows, table, name, [](auto& r, const Json& v) {                                                     \
    r.member = static_cast<std::remove_reference_t<decltype(r.member)>>(integer_within(v, 0, most, name)); \
  });

const char* const kKinds[] = {"load", "store", "write"};

Json steps_table(const std::vector<LoggedStep>& rows) {
  Json table;
  KVPLAN_STEP_COLUMNS(KVPLAN_WRITE)
  return table;
}
Json transfers_table(const std::vector<LoggedTransfer>& rows) {
  Json table;
  table["kind"] = column(rows, [](const LoggedTransfer& t) { return kKinds[t.purpose.kind]; });
  KVPLAN_TRANSFER_COLUMNS(KVPLAN_WRITE)
  return table;
}
Json requests_table(const std::vector<RequestRecord>& rows) {
  Json table;
  table["completed"] = column(rows, [](const RequestRecord& r) { return r.outcome == Outcome::completed; });
  KVPLAN_REQUEST_COLUMNS(KVPLAN_WRITE)
  return table;
}

std::vector<LoggedStep> steps_of(const Json& table) {
  std::vector<LoggedStep> rows(table.at("start_ps").size());
  KVPLAN_STEP_COLUMNS(KVPLAN_READ)
  for (const LoggedStep& s : rows) require(s.start < s.end, "a step ends before it begins");
  return rows;
}
std::vector<LoggedTransfer> transfers_of(const Json& table) {
  std::vector<LoggedTransfer> rows(table.at("start_ps").size());
  fill(rows, table, "kind", [](LoggedTransfer& t, const Json& v) {
    t.purpose.kind = v == "load"    ? FlowNetwork::Purpose::load
                     : v == "store" ? FlowNetwork::Purpose::store
                                    : FlowNetwork::Purpose::write;
  });
  KVPLAN_TRANSFER_COLUMNS(KVPLAN_READ)
  for (const LoggedTransfer& t : rows) require(t.start < t.end, "a transfer ends before it begins");
  return rows;
}
std::vector<RequestRecord> requests_of(const Json& table) {
  std::vector<RequestRecord> rows(table.at("turn").size());
  fill(rows, table, "completed",
       [](RequestRecord& r, const Json& v) { r.outcome = v.get<bool>() ? Outcome::completed : Outcome::refused; });
  KVPLAN_REQUEST_COLUMNS(KVPLAN_READ)
  for (const RequestRecord& r : rows) {
    if (r.outcome != Outcome::completed) continue;
    require(r.arrival < r.first_token && r.first_token <= r.finish, "a request ends before it begins");
  }
  return rows;
}

Json to_json(const RunValues& values) {
  Json out = Json::object();
  for (const auto& [key, value] : values) {
    Json& entry = out[key];
    std::visit([&](const auto& v) { entry = v; }, value);
  }
  return out;
}
RunValues values_of(const Json& object) {
  RunValues out;
  for (const auto& [key, value] : object.items()) {
    if (value.is_boolean()) {
      out[key] = value.get<bool>();
    } else if (value.is_number_integer()) {
      out[key] = value.get<std::int64_t>();
    } else if (value.is_number()) {
      out[key] = value.get<double>();
    } else {
      out[key] = value.get<std::string>();
    }
  }
  return out;
}

Json to_json(const ReplayRun& run) {
  const SimulationResult& r = run.result;
  Json logits = Json::array();
  for (const LoggedLogits& l : run.logits) {
    Json j{{"turn", l.turn}, {"loaded_tokens", l.loaded_tokens}, {"relative_error", l.error}};
    if (l.reference_error >= 0) j["relative_error_of_reference"] = l.reference_error;
    logits.push_back(j);
  }
  return {{"policy", run.policy},
          {"complete", run.complete},
          {"files_are_direct", run.files_are_direct},
          {"end_ps", r.end.count},
          {"gpu_busy_ps", static_cast<std::int64_t>(r.gpu_busy.count)},
          {"gpu_waiting_for_load_ps", static_cast<std::int64_t>(r.gpu_waiting_for_load.count)},
          {"preemptions", r.preemptions},
          {"evicted_blocks",
           {{"hbm", r.evicted_g1_blocks}, {"dram", r.evicted_g2_blocks}, {"ssd", r.evicted_beyond_blocks[0]}}},
          {"written_beyond_bytes", r.written_beyond.count},
          {"loaded_bytes", r.loaded.count},
          {"stored_bytes", r.stored.count},
          {"skipped_stores", r.skipped_stores},
          {"checks", {{"blocks", run.blocks_checked}, {"blocks_wrong", run.blocks_wrong}, {"logits", logits}}},
          {"requests", requests_table(r.requests)},
          {"steps", steps_table(run.steps)},
          {"transfers", transfers_table(run.transfers)}};
}

ReplayRun run_of(const Json& j) {
  ReplayRun run;
  run.policy = j.at("policy");
  run.complete = j.at("complete");
  run.files_are_direct = j.value("files_are_direct", true);
  SimulationResult& r = run.result;
  const auto count = [](const Json& of, const char* key) { return integer_within(of.at(key), 0, kMostCount, key); };
  const Json &evicted = j.at("evicted_blocks"), &checks = j.at("checks");
  r.end = Time(integer_within(j.at("end_ps"), 0, kMostPs, "end_ps"));
  r.gpu_busy = Time(integer_within(j.at("gpu_busy_ps"), 0, kMostPs, "gpu_busy_ps"));
  r.gpu_waiting_for_load = Time(integer_within(j.at("gpu_waiting_for_load_ps"), 0, kMostPs, "gpu_waiting_for_load_ps"));
  r.preemptions = count(j, "preemptions");
  r.evicted_g1_blocks = count(evicted, "hbm");
  r.evicted_g2_blocks = count(evicted, "dram");
  r.evicted_beyond_blocks[0] = count(evicted, "ssd");
  r.written_beyond = Bytes(count(j, "written_beyond_bytes"));
  r.loaded = Bytes(count(j, "loaded_bytes"));
  r.stored = Bytes(count(j, "stored_bytes"));
  r.skipped_stores = count(j, "skipped_stores");
  run.blocks_checked = count(checks, "blocks");
  run.blocks_wrong = count(checks, "blocks_wrong");
  for (const Json& l : checks.at("logits")) {
    run.logits.push_back(
        {static_cast<TurnId>(integer_within(l.at("turn"), 0, kNone - 1, "turn")),
         static_cast<std::int32_t>(integer_within(l.at("loaded_tokens"), 0, kMostTokens, "loaded_tokens")),
         l.at("relative_error"), l.value("relative_error_of_reference", -1.0)});
  }
  r.requests = requests_of(j.at("requests"));
  run.steps = steps_of(j.at("steps"));
  run.transfers = transfers_of(j.at("transfers"));
  r.steps = static_cast<std::int64_t>(run.steps.size());
  require(!run.complete || r.requests.empty() || r.end > Time(0), "a run takes no time");
  return run;
}

}  // namespace

std::string to_json_text(const ReplayLog& log) {
  Json j{{"schema", kSchema},
         {"utc", log.utc},
         {"version", log.version},
         {"argv", log.arguments},
         {"synthetic", log.synthetic},
         {"plan_sha256", log.plan_sha256},
         {"predictions_sha256", log.predictions_sha256},
         {"env", {{"gpu", to_json(log.gpu)}, {"host", to_json(log.host)}}}};
  j["findings"] = Json::array();
  for (const RunFinding& f : log.findings) {
    j["findings"].push_back({{"code", f.code}, {"refuses", f.refuses}, {"message", f.message}});
  }
  j["runs"] = Json::array();
  for (const ReplayRun& run : log.runs) j["runs"].push_back(to_json(run));
  return j.dump() + "\n";
}

ReplayLog parse_replay_log(const std::string& text, const std::string& name) {
  try {
    const Json j = Json::parse(text);
    if (j.value("schema", "") != kSchema) throw std::runtime_error(std::string("expected schema ") + kSchema);
    ReplayLog log;
    log.utc = j.at("utc");
    log.version = j.at("version");
    log.arguments = j.at("argv").get<std::vector<std::string>>();
    log.synthetic = j.at("synthetic");
    log.plan_sha256 = j.at("plan_sha256");
    log.predictions_sha256 = j.at("predictions_sha256");
    log.gpu = values_of(j.at("env").at("gpu"));
    log.host = values_of(j.at("env").at("host"));
    for (const Json& f : j.at("findings")) log.findings.push_back({f.at("code"), f.at("refuses"), f.at("message")});
    for (const Json& run : j.at("runs")) log.runs.push_back(run_of(run));
    return log;
  } catch (const std::exception& e) {
    throw std::runtime_error(name + " is not a replay: " + e.what());
  }
}

}  // namespace kvplan
