#include "cli/interval.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kvplan {
namespace {

struct Figure90 {
  const char* key;
  const char* pointer;
  const char* title;
  const char* unit;
};

constexpr Figure90 kFigures[] = {
    {"ttft_mean_s", "/latency/ttft_s/mean", "TTFT mean", "s"},
    {"ttft_p95_s", "/latency/ttft_s/p95", "TTFT p95", "s"},
    {"tpot_mean_s", "/latency/tpot_s/mean", "TPOT mean", "s"},
    {"tpot_p95_s", "/latency/tpot_s/p95", "TPOT p95", "s"},
    {"e2e_mean_s", "/latency/e2e_s/mean", "E2E mean", "s"},
    {"output_tokens_per_s", "/throughput/output_tokens_per_s", "output", "tokens/s"},
    {"gpu_busy_fraction", "/gpu/busy_fraction", "GPU busy", ""},
    {"joules_per_output_token", "/cost/joules_per_output_token", "energy of an output token", "J"},
    {"usd_per_million_output_tokens", "/cost/usd_per_million_output_tokens", "per million output tokens", "USD"},
};

}  // namespace

Json interval_of(const Json& central, const Json& low, const Json& high) {
  Json figures;
  for (const Figure90& f : kFigures) {
    const Json::json_pointer at(f.pointer);
    std::vector<double> values;
    for (const Json* d : {&central, &low, &high}) {
      if (d->contains(at) && (*d)[at].is_number()) values.push_back((*d)[at].get<double>());
    }
    figures[f.key] = nullptr;
    if (values.size() < 3) continue;
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    figures[f.key] = {{"low", *least}, {"central", values[0]}, {"high", *most}};
  }
  return {{"of", "step times: operators on shapes that were not measured, at both ends of their 90 % interval"},
          {"figures", figures}};
}

std::vector<TitledRows> interval_rows(const std::vector<Column>& columns) {
  std::vector<TitledRows> all;
  for (const Column& c : columns) {
    if (c.document.is_null() || !c.document.contains("interval")) continue;
    std::vector<std::vector<std::string>> grid;
    for (const Figure90& f : kFigures) {
      const Json& i = c.document["interval"]["figures"][f.key];
      if (i.is_null()) continue;
      const auto text = [&](const char* end) { return human_value(i[end].get<double>(), f.unit); };
      grid.push_back({f.title, text("low"), "to", text("high"), fmt::format("central {}", text("central"))});
    }
    all.push_back({fmt::format("Interval of {} (both ends of the 90 % interval of step times)", c.name), std::move(grid), ""});
  }
  return all;
}

}  // namespace kvplan
