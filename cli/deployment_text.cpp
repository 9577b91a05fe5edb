#include <fmt/format.h>

#include "cli/deployment_facts.hpp"
#include "cli/text_grid.hpp"
#include "reports/cells.hpp"

namespace kvplan {
namespace {

std::string break_even_text(const Json& row) {
  if (row["load_pays"] != "above")
    return row["load_pays"].get<std::string>() + (row["load_pays"] == "never" ? " within the window" : "");
  return fmt::format("above {} tokens", human_count(row["above_prefix_tokens"].get<double>()));
}

std::string fit_text(const Json& facts) {
  if (facts["kv_memory_bytes_per_gpu"].is_null()) return facts["does_not_fit"].get<std::string>();
  const double windows = facts["kv_windows_bytes_per_gpu"];
  return fmt::format("{} a GPU{}, {} tokens a replica", human_bytes(facts["kv_memory_bytes_per_gpu"].get<double>()),
                     windows > 0 ? fmt::format(" ({} for windows)", human_bytes(windows)) : "",
                     human_count(facts["kv_memory_tokens_per_replica"].get<double>()));
}

std::string uses_text(const Json& uses) {
  std::string text;
  for (const Json& u : uses) {
    text += (text.empty() ? "" : ", ") + u["limit"].get<std::string>();
    if (u["streams"] > 1) text += fmt::format(" x {}", u["streams"].get<std::int64_t>());
  }
  return text;
}

std::string break_even_grid(const Json& facts) {
  std::vector<std::vector<std::string>> rows = {
      {"tier", "layout", "segment", "loading at once", "rate a GPU", "8,192 tokens", "loading pays"}};
  for (const Json& row : facts["break_even"]) {
    const auto at_once = row["replicas_loading"].get<std::int64_t>();
    rows.push_back({row["tier"], row["layout"], human_bytes(row["segment_bytes"].get<double>()),
                    fmt::format("{} {}", at_once, at_once == 1 ? "replica" : "replicas"),
                    human_value(row["bytes_per_s_per_gpu"].get<double>(), "B/s"),
                    human_value(row["load_s_of_8192_tokens"].get<double>(), "s"), break_even_text(row)});
  }
  return text_grid(rows, "    ");
}

// The curve of each tier, for one replica alone and the larger segments, beside computing again.
std::string curve_grid(const Json& facts) {
  std::vector<std::vector<std::string>> rows = {{"prefix tokens"}, {"computed again"}};
  for (const Json& point : facts["break_even"][0]["curve"]) {
    rows[0].push_back(human_count(point["prefix_tokens"].get<double>()));
    rows[1].push_back(human_value(point["recompute_s"].get<double>(), "s"));
  }
  for (const Json& row : facts["break_even"]) {
    if (row["replicas_loading"] != 1) continue;
    rows.push_back({fmt::format("{}, {}", row["tier"].get<std::string>(), row["layout"].get<std::string>())});
    for (const Json& point : row["curve"]) rows.back().push_back(human_value(point["load_s"].get<double>(), "s"));
  }
  return text_grid(rows, "    ");
}

}  // namespace

std::string deployment_text(const Json& f) {
  const auto number = [&](const char* key) { return f[key].get<double>(); };
  std::string text =
      fmt::format("{} on {}: TP{}, {} weights, {} KV, {} {} a node\n", f["model"].get<std::string>(),
                  f["hardware"].get<std::string>(), f["tp"].get<int>(), f["weights_dtype"].get<std::string>(),
                  f["kv_dtype"].get<std::string>(), f["replicas_per_node"].get<int>(),
                  f["replicas_per_node"] == 1 ? "replica" : "replicas");
  text +=
      text_grid({{"KV of a token", fmt::format("{} B, {} B on each GPU", human_count(number("kv_bytes_per_token")),
                                               human_count(number("kv_bytes_per_token_per_gpu")))},
                 {"weights", fmt::format("{}, {} on each GPU", human_bytes(number("weight_bytes")),
                                         human_bytes(number("weight_bytes_per_gpu")))},
                 {"left for KV in HBM", fit_text(f)},
                 {"host memory", fmt::format("{} a node, {} tokens", human_bytes(number("host_memory_bytes_per_node")),
                                             human_count(number("host_memory_tokens_per_node")))},
                 {"prefill, 8,192 tokens", human_value(number("prefill_s_of_8192_tokens"), "s")},
                 {"decode step at 8,192 tokens",
                  fmt::format("{} for 1 sequence, {} for 32",
                              human_value(number("decode_step_s_of_1_sequence_at_8192_tokens"), "s"),
                              human_value(number("decode_step_s_of_32_sequences_at_8192_tokens"), "s"))},
                 {"step time", f["step_time"]}},
                "  ");
  text +=
      fmt::format("\n  Loading a cached prefix against computing it again ({} tokens follow it; nothing else runs)\n",
                  f["break_even_new_tokens"].get<std::int64_t>());
  text += break_even_grid(f) + "\n" + curve_grid(f);
  text += "\n  Limits that the copies of a node share\n";
  std::vector<std::vector<std::string>> rows;
  for (const Json& l : f["limits"]) rows.push_back({l["name"], human_value(l["bytes_per_s"].get<double>(), "B/s")});
  text += text_grid(rows, "    ") + "\n  Routes\n";
  rows.clear();
  for (const Json& r : f["routes"]) {
    const std::string replica = fmt::format("replica {}", r["replica"].get<int>());
    rows.push_back({replica, "load", uses_text(r["load"])});
    rows.push_back({"", "store", uses_text(r["store"])});
  }
  return text + text_grid(rows, "    ");
}

}  // namespace kvplan
