#include "reports/cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace kvplan {
namespace {

enum class Kind { seconds, count, rate, bytes, fraction, share_of_prompt, share_of_computed, usd, joules, link };

struct Row {
  const char* group;
  const char* label;
  const char* pointer;
  Kind kind;
  bool ratio;
};

// A row whose value is null in every column (no target given, no sample) is left out.
const Row kRows[] = {
    {"Requests", "completed", "/requests/completed", Kind::count, false},
    {"Requests", "refused", "/requests/refused", Kind::count, false},
    {"Latency", "TTFT p50", "/latency/ttft_s/p50", Kind::seconds, true},
    {"Latency", "TTFT p90", "/latency/ttft_s/p90", Kind::seconds, true},
    {"Latency", "TTFT p99", "/latency/ttft_s/p99", Kind::seconds, true},
    {"Latency", "TPOT p50", "/latency/tpot_s/p50", Kind::seconds, true},
    {"Latency", "TPOT p90", "/latency/tpot_s/p90", Kind::seconds, true},
    {"Latency", "TPOT p99", "/latency/tpot_s/p99", Kind::seconds, true},
    {"Latency", "E2E p50", "/latency/e2e_s/p50", Kind::seconds, true},
    {"Latency", "E2E p90", "/latency/e2e_s/p90", Kind::seconds, true},
    {"Latency", "E2E p99", "/latency/e2e_s/p99", Kind::seconds, true},
    {"Mean TTFT", "front end", "/latency/ttft_parts_mean_s/frontend", Kind::seconds, false},
    {"Mean TTFT", "queue", "/latency/ttft_parts_mean_s/queue", Kind::seconds, false},
    {"Mean TTFT", "load", "/latency/ttft_parts_mean_s/load", Kind::seconds, false},
    {"Mean TTFT", "prefill", "/latency/ttft_parts_mean_s/prefill", Kind::seconds, false},
    {"Mean TTFT", "of it recompute", "/latency/ttft_parts_mean_s/recompute_in_prefill", Kind::seconds, false},
    {"Throughput", "output tokens/s", "/throughput/output_tokens_per_s", Kind::rate, true},
    {"Throughput", "prompt tokens/s", "/throughput/prompt_tokens_per_s", Kind::rate, true},
    {"Throughput", "requests/s", "/throughput/requests_per_s", Kind::rate, true},
    {"Throughput", "goodput requests/s", "/throughput/goodput_requests_per_s", Kind::rate, true},
    {"KV cache", "hits in HBM", "/kv/hit_tokens/hbm", Kind::share_of_prompt, false},
    {"KV cache", "hits in DRAM", "/kv/hit_tokens/dram", Kind::share_of_prompt, false},
    {"KV cache", "hits on SSD", "/kv/hit_tokens/ssd", Kind::share_of_prompt, false},
    {"KV cache", "hits in the remote store", "/kv/hit_tokens/remote", Kind::share_of_prompt, false},
    {"KV cache", "computed", "/kv/computed_tokens", Kind::share_of_prompt, false},
    {"KV cache", "of it recomputed", "/kv/recomputed_tokens", Kind::share_of_computed, false},
    {"KV cache", "evicted from HBM", "/kv/evicted_blocks/hbm", Kind::count, false},
    {"KV cache", "evicted from DRAM", "/kv/evicted_blocks/dram", Kind::count, false},
    {"KV cache", "requests that load", "/kv/load_choice/loaded_requests", Kind::count, false},
    {"KV cache", "that compute instead", "/kv/load_choice/recomputed_requests", Kind::count, false},
    {"KV cache", "that do both", "/kv/load_choice/partial_requests", Kind::count, false},
    {"KV cache", "preemptions", "/kv/preemptions", Kind::count, false},
    {"Capacity", "KV tokens in HBM, a replica", "/provenance/derived/hbm_kv_tokens_per_replica", Kind::count, false},
    {"Capacity", "KV tokens in DRAM, a node", "/provenance/derived/dram_kv_tokens_per_node", Kind::count, false},
    {"Moved", "loaded to HBM", "/kv/loaded_bytes", Kind::bytes, false},
    {"Moved", "stored to DRAM", "/kv/stored_bytes", Kind::bytes, false},
    {"Moved", "written on to SSD or remote", "/kv/written_beyond_bytes", Kind::bytes, false},
    {"Moved", "written to SSD a day", "/kv/written_bytes_per_day/ssd", Kind::bytes, false},
    {"Moved", "SSD lasts so, years", "/kv/ssd_endurance/years_left", Kind::count, false},
    {"Moved", "busiest link", "/links", Kind::link, false},
    {"GPUs", "busy", "/gpu/busy_fraction", Kind::fraction, false},
    {"GPUs", "waiting for loads", "/gpu/waiting_for_load_fraction", Kind::fraction, false},
    {"Cost", "USD per hour", "/cost/usd_per_hour", Kind::usd, true},
    {"Cost", "USD per M output tokens", "/cost/usd_per_million_output_tokens", Kind::usd, true},
    {"Cost", "J per output token", "/cost/joules_per_output_token", Kind::joules, true},
};

const Json* value_at(const Column& c, const char* pointer) {
  const Json::json_pointer at(pointer);
  if (c.document.is_null() || !c.document.contains(at)) return nullptr;
  const Json& v = c.document.at(at);
  return v.is_null() ? nullptr : &v;
}

std::string busiest_link(const Json& links) {
  const Json* best = nullptr;
  for (const Json& l : links) {
    if (l["busy_fraction"].is_null() || l["bytes"] == 0) continue;
    if (!best || l["busy_fraction"].get<double>() > (*best)["busy_fraction"].get<double>()) best = &l;
  }
  if (!best) return "none used";
  return fmt::format("{}, {:.1f} % busy", (*best)["name"].get<std::string>(),
                     100 * (*best)["busy_fraction"].get<double>());
}

std::string with_share(double part, double whole) {
  return fmt::format("{} ({:.1f} %)", human_count(part), whole > 0 ? 100 * part / whole : 0);
}

std::string cell(const Row& row, const Column& c) {
  const Json* v = value_at(c, row.pointer);
  if (!v) return "-";
  if (row.kind == Kind::link) return busiest_link(*v);
  const double x = v->get<double>();
  switch (row.kind) {
    case Kind::seconds:
      return human_seconds(x);
    case Kind::bytes:
      return human_bytes(x);
    case Kind::fraction:
      return fmt::format("{:.1f} %", 100 * x);
    case Kind::share_of_prompt: {
      const double prompt = value_at(c, "/kv/prompt_tokens")->get<double>();
      if (x <= prompt || prompt == 0) return with_share(x, prompt);
      return fmt::format("{} ({:.2f} x the prompts)", human_count(x), x / prompt);  // again, after preemption
    }
    case Kind::share_of_computed:
      return with_share(x, value_at(c, "/kv/computed_tokens")->get<double>());
    case Kind::usd:
      return fmt::format("{:.2f}", x);
    case Kind::joules:
      return fmt::format("{:.2f}", x);
    default:
      return human_count(x);
  }
}

std::string ratio(const Row& row, const Column& c, const Column& base) {
  const Json* v = value_at(c, row.pointer);
  const Json* b = value_at(base, row.pointer);
  if (!row.ratio || !v || !b || &c == &base || b->get<double>() <= 0) return "";
  const double x = v->get<double>() / b->get<double>();
  return fmt::format("{:.{}f}x", x, x < 0.095 ? 3 : 2);
}

}  // namespace

bool is_marked(const Column& c) {
  return !c.document.is_null() && c.document["verdict"]["state"] != "stable" && c.document["requests"]["completed"] > 0;
}

std::string marked(const std::string& cell, const Column& c) { return cell != "-" && is_marked(c) ? cell + "*" : cell; }

std::string marked(const RowOfCells& row, std::size_t i, const Column& c) {
  return row.group == "Latency" || row.group == "Mean TTFT" ? marked(row.cells[i], c) : row.cells[i];
}

// Units change where the last digit shown rounds up to the next one.
std::string human_seconds(double s) {
  if (s == 0) return "0 s";
  if (s < 999.5e-6) return fmt::format("{:.3g} us", s * 1e6);
  if (s < 0.9995) return fmt::format("{:.3g} ms", s * 1e3);
  return s < 99.995 ? fmt::format("{:.2f} s", s) : fmt::format("{} s", human_count(std::round(s)));
}

std::string human_bytes(double bytes) {
  const char* const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  std::size_t i = 0;
  while (bytes >= 999.5 && i + 1 < std::size(units)) bytes /= 1000, ++i;
  if (i == 0) return fmt::format("{:.0f} B", bytes);
  return fmt::format("{} {}", bytes < 999.5 ? fmt::format("{:.3g}", bytes) : human_count(std::round(bytes)), units[i]);
}

std::string human_count(double n) {
  if (n != std::floor(n) && n < 99.995) {
    return std::abs(n) < 0.01 ? fmt::format("{:.2g}", n) : fmt::format("{:.2f}", n);
  }
  std::string digits = fmt::format("{:.0f}", n);
  for (std::ptrdiff_t i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > (n < 0 ? 1 : 0); i -= 3) {
    digits.insert(static_cast<std::size_t>(i), ",");
  }
  return digits;
}

std::string human_number(double x) {
  constexpr double kMost = 1e15;  // beyond it zeros tell nothing
  return std::abs(x) < 9999.5 || !(std::abs(x) < kMost) ? fmt::format("{:.4g}", x) : human_count(std::round(x));
}

std::string counted(double n, const std::string& noun) {
  return fmt::format("{} {}{}", human_count(n), noun, n == 1 ? "" : "s");
}

const Column* base_of(const std::vector<Column>& columns) {
  const auto first =
      std::find_if(columns.begin(), columns.end(), [](const Column& c) { return !c.document.is_null(); });
  return first == columns.end() ? nullptr : &*first;
}

std::vector<RowOfCells> rows_of(const std::vector<Column>& columns) {
  const Column* base = base_of(columns);
  std::vector<RowOfCells> rows;
  if (!base) return rows;
  for (const Row& row : kRows) {
    if (std::none_of(columns.begin(), columns.end(), [&](const Column& c) { return value_at(c, row.pointer); }))
      continue;
    RowOfCells r{row.group, row.label, {}, {}};
    for (const Column& c : columns) {
      r.cells.push_back(cell(row, c));
      r.ratios.push_back(ratio(row, c, *base));
    }
    rows.push_back(std::move(r));
  }
  return rows;
}

std::vector<std::string> ratio_pointers() {
  std::vector<std::string> pointers;
  for (const Row& row : kRows) {
    if (row.ratio) pointers.push_back(row.pointer);
  }
  return pointers;
}

}  // namespace kvplan
