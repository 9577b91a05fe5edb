#include "cli/mixed_fleet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "cli/options.hpp"
#include "cli/replay.hpp"
#include "reports/cells.hpp"
#include "sim/layout.hpp"

namespace kvplan {
namespace {

constexpr const char* kAlso = "fleet.also";
constexpr const char* kForm =
    "\"2 gh200-96\" or \"2 gh200-96 tp=1 offload.dram_bytes=400GB\": a number of replicas, a hardware, and what this "
    "kind "
    "has of its own; several kinds stand between commas";

// What each kind may have of its own; all else is the fleet's.
const std::vector<std::string> kOwn = {"tp",
                                       "replicas_per_node",
                                       "step_time.calibration",
                                       "offload.dram_bytes",
                                       "offload.ssd_bytes",
                                       "engine.max_num_seqs",
                                       "engine.max_num_batched_tokens",
                                       "engine.gpu_memory_utilization"};

struct Reader {
  const Scenario& fleet;

  [[noreturn]] void fail(const std::string& message, const std::string& help = kForm) const {
    throw InputError(fleet.finding(kAlso, fmt::format("{}: {}", kAlso, message), help));
  }

  void set(Scenario& own, const std::string& path, const nlohmann::json& value) const {
    const Diagnostic here = fleet.finding(kAlso, "");
    own.assign(path, value, fleet.origin(kAlso), {here.line, here.column});
  }

  void set_text(Scenario& own, const std::string& path, const std::string& text) const {
    const Option& option = *find_option(path);
    const auto good = accept_text(option, text);
    if (!good) fail(refusal(option, nlohmann::json(text)).message, refusal(option, nlohmann::json(text)).help);
    set(own, path, *good);
  }

  // The fleet's scenario as one kind sees it, and its hardware.
  std::pair<Scenario, Hardware> kind(const std::string& text, const Hardware& first) const {
    std::istringstream words(text);
    std::string replicas, name, word;
    if (!(words >> replicas >> name) || replicas.find_first_not_of("0123456789") != std::string::npos) {
      fail(fmt::format("\"{}\" is not REPLICAS HARDWARE", text));
    }
    Scenario own = fleet;
    for (const char* path : {kAlso, "fleet.failures", "fleet.drains", "replicas_per_node"}) set(own, path, nullptr);
    set(own, "hardware", nlohmann::json::array({name}));
    Hardware hardware = load_hardware(own, name);
    if (hardware.name != first.name && own.has("step_time.calibration") &&
        own.text("step_time.calibration") != "roofline") {
      set(own, "step_time.calibration", nullptr);  // it is of the first kind's hardware
    }
    set_text(own, "replicas", replicas);
    while (words >> word) {
      const std::size_t equals = word.find('=');
      if (equals == std::string::npos) fail(fmt::format("\"{}\" is not PATH=VALUE", word));
      const std::string path = word.substr(0, equals);
      if (std::find(kOwn.begin(), kOwn.end(), path) == kOwn.end()) {
        const std::string near = suggestion(path, kOwn);
        fail(fmt::format("a kind has no {} of its own", path),
             near.empty() ? fmt::format("it may have {}", fmt::join(kOwn, ", ")) : near);
      }
      set_text(own, path, word.substr(equals + 1));
    }
    return {std::move(own), std::move(hardware)};
  }
};

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream all(text);
  for (std::string part; std::getline(all, part, ',');) parts.push_back(part);
  if (parts.empty() || text.back() == ',') parts.push_back("");
  return parts;
}

// Of the whole fleet: one such tier serves all kinds, or each has its share of the one remote store.
void share_tiers(Built& b, const Reader& reader) {
  SimulationConfig& c = b.config;
  if (!c.offload.enabled) return;
  const Layout layout(c);
  if (c.offload.scope == Scope::fleet) {
    for (const SimulationConfig& other : c.others) c.offload.capacity += other.offload.capacity;
    for (SimulationConfig& other : c.others) other.offload.capacity = c.offload.capacity;
  }
  for (std::size_t t = 0; t < c.offload.beyond.size(); ++t) {
    LowerTierConfig& first = c.offload.beyond[t];
    const Scope scope = first.scope;
    if (first.kind == Storage::remote) {
      const std::int64_t parts = scope == Scope::fleet ? 1 : scope == Scope::node ? layout.nodes() : layout.replicas();
      first.capacity = Bytes(b.remote.count / parts);
      for (SimulationConfig& other : c.others) other.offload.beyond[t].capacity = first.capacity;
    } else if (scope == Scope::fleet) {
      for (const SimulationConfig& other : c.others) first.capacity += other.offload.beyond[t].capacity;
    }
  }
  const bool shared =
      c.offload.scope == Scope::fleet || std::any_of(c.offload.beyond.begin(), c.offload.beyond.end(),
                                                     [](const LowerTierConfig& t) { return t.scope == Scope::fleet; });
  for (const OtherKind& kind : b.others) {
    if (!shared || kind.built.config.kv_bytes_per_token == c.kv_bytes_per_token) continue;
    reader.fail(
        fmt::format("a token's KV takes {} bytes on {} of tp {} and {} on the first kind, and a tier of the whole "
                    "fleet has one form",
                    kind.built.config.kv_bytes_per_token.count, kind.hardware.name, kind.built.config.gpus_per_replica,
                    c.kv_bytes_per_token.count),
        "choose the same tp, or tiers that a node or replica has for itself");
  }
}

std::string told(const Built& b, const std::string& hardware, std::int64_t first_node) {
  const std::string nodes = b.nodes == 1 ? fmt::format("node {}", first_node)
                                         : fmt::format("nodes {} to {}", first_node, first_node + b.nodes - 1);
  return fmt::format("{} x {} of tp {} on {}", b.config.replicas, hardware, b.config.gpus_per_replica, nodes);
}

}  // namespace

void add_other_kinds(Built& b, const Scenario& s, const std::string& offload, const Hardware& first,
                     const Architecture& model) {
  if (!s.has(kAlso)) return;
  const Reader reader{s};
  for (const char* path : {"disaggregation.decode_replicas", "scaling.min_replicas"}) {
    if (!s.has(path) || s.integer(path) == 0) continue;
    throw InputError(s.finding(path, fmt::format("{} does not go together with a fleet of several kinds", path),
                               "leave out fleet.also, or this"));
  }
  std::string kinds = told(b, first.name, 0);
  std::int64_t node = b.nodes;
  for (const std::string& part : parts_of(s.text(kAlso))) {
    auto [own, hardware] = reader.kind(part, first);
    Built built = build_kind(own, offload, hardware, model, true);
    kinds += "; " + told(built, hardware.name, node);
    node += built.nodes;
    for (const std::string& note : built.notes) {
      if (std::find(b.notes.begin(), b.notes.end(), note) == b.notes.end())
        b.notes.push_back(hardware.name + ": " + note);
    }
    b.config.others.push_back(built.config);
    b.others.push_back({std::move(hardware), std::move(built)});
  }
  share_tiers(b, reader);
  b.notes.insert(b.notes.begin(), "MIXED FLEET: " + kinds);
}

void refuse_mixed_fleet(const Scenario& s, const std::string& why, const std::string& help) {
  if (s.has(kAlso)) throw InputError(s.finding(kAlso, why, help));
}

}  // namespace kvplan
