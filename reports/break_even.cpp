#include <algorithm>
#include <cmath>

#include "models/break_even.hpp"
#include "reports/over_time.hpp"

namespace kvplan {
namespace {

// On a route that no other flow uses.
double load_alone_s(const NodeLinks& links, const Route& route, double bytes, double segments) {
  const Bytes whole(static_cast<std::int64_t>(bytes));
  const Time setup = setup_time(route, whole, static_cast<std::int64_t>(std::ceil(segments)));
  return seconds(setup) + bytes / static_cast<double>(rate_alone(links, route));
}

}  // namespace

Json break_even_block(const RunFacts& run) {
  const SimulationConfig& c = run.config;
  if (!c.offload.enabled || c.links.load.empty()) return nullptr;
  Json tokens = Json::array(), compute = tokens, tiers = tokens;
  PromptShape shape;
  shape.max_batched_tokens = Tokens(c.engine.max_num_batched_tokens);
  for (std::int64_t n = std::max(c.offload.chunk_tokens, 1); n <= c.engine.max_context_tokens; n *= 2) {
    tokens.push_back(n);
    compute.push_back(five_digits(seconds(recompute_time(c.step_times[0], Tokens(n), shape))));
  }
  const auto add = [&](const char* name, const Route& route, auto segments) {
    Json times = Json::array();
    for (const Json& n : tokens) {
      const double bytes = static_cast<double>(c.kv_bytes_per_token_per_gpu.count) * n.get<double>();
      times.push_back(five_digits(load_alone_s(c.links, route, bytes, segments(n.get<double>(), bytes))));
    }
    tiers.push_back({{"tier", name}, {"load_s", std::move(times)}});
  };
  const double segment = static_cast<double>(std::max<std::int64_t>(load_segment(c.offload).count, 1));
  add("dram", c.links.load[0], [&](double, double bytes) { return std::ceil(bytes / segment); });
  // Beyond host memory a block of the trace is an object of its own.
  const double block = std::max(run.workload.block_tokens, 1);
  for (std::size_t i = 0; i < c.offload.beyond.size() && i < c.links.beyond.size(); ++i) {
    add(c.offload.beyond[i].kind == Storage::ssd ? "ssd" : "remote", c.links.beyond[i].load[0],
        [&](double n, double) { return std::ceil(n / block); });
  }
  return {{"tokens", std::move(tokens)}, {"recompute_s", std::move(compute)}, {"tiers", std::move(tiers)}};
}

}  // namespace kvplan
