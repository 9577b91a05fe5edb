#include "validate/benchmark.hpp"

#include <algorithm>
#include <cmath>

#include "base/random.hpp"
#include "sim/simulation.hpp"

namespace kvplan {
namespace {

constexpr std::int32_t kPageTokens = 16;

// Even over tokens * (1 - jitter) to tokens * (1 + jitter), at least one.
std::int32_t jittered(std::int32_t tokens, double jitter, RandomStream& random) {
  const double factor = 1 + jitter * (2 * random.unit() - 1);
  return std::max(1, static_cast<std::int32_t>(std::lround(tokens * factor)));
}

}  // namespace

Workload benchmark_load(const ServerRow& row, const Benchmark& b) {
  RandomStream random(1, "benchmark lengths");
  const auto longest = static_cast<std::int32_t>(row.isl * (1 + b.length_jitter)) + 1;
  Workload w;
  w.name = "benchmark";
  w.format = "synthetic";
  w.block_tokens = static_cast<std::int32_t>(ceil_div(longest, kPageTokens)) * kPageTokens;  // a prompt is one block
  w.session_count = static_cast<std::uint32_t>(row.concurrency);
  const auto clients = static_cast<TurnId>(row.concurrency);
  const std::int32_t rounds = row.requests_per_client > 0 ? row.requests_per_client : b.requests_per_client;
  for (std::int32_t round = 0; round < rounds; ++round) {
    for (TurnId client = 0; client < clients; ++client) {
      Turn t;
      t.session = client;
      if (round == 0) {
        t.arrival.time = time_from_seconds(b.spacing_s * client);
      } else {
        t.arrival.after = static_cast<TurnId>(w.turns.size()) - clients;
      }
      t.prompt_tokens = b.length_jitter > 0 ? jittered(row.isl, b.length_jitter, random) : row.isl;
      t.output_tokens = b.length_jitter > 0 ? jittered(row.osl, b.length_jitter, random) : row.osl;
      t.first_block = static_cast<std::uint32_t>(w.prompt_blocks.size());
      t.block_count = 1;
      w.prompt_blocks.push_back(w.block_count());
      w.parent_of_block.push_back(kNone);
      w.tokens_of_block.push_back(t.prompt_tokens);
      w.turns.push_back(t);
    }
  }
  return w;
}

ServerFigures run_benchmark(const ServerRow& row, const Benchmark& b, SimulationConfig config, int kept_free) {
  config.engine.page_tokens = kPageTokens;
  config.engine.max_num_seqs = b.sequences(row, kept_free);
  config.engine.whole_prompts = b.whole_prompts.count(row.backend) > 0;
  config.engine.overlap = b.overlapped.count(row.backend) > 0;
  if (b.prefill_first.count(row.backend) > 0) config.engine.order = StepOrder::prefill_first;
  config.engine.max_num_batched_tokens = std::max(b.budget(row), config.engine.max_num_seqs);
  const Workload load = benchmark_load(row, b);
  const SimulationResult result = simulate(load, config);
  ServerFigures f;
  f.preemptions = result.preemptions;
  double tokens = 0, counted = 0, queue_s = 0, with_second_token = 0, end_s = 0;
  const std::size_t first = b.skip_first_burst ? static_cast<std::size_t>(row.concurrency) : 0;
  for (std::size_t i = 0; i < result.requests.size(); ++i) {
    const RequestRecord& r = result.requests[i];
    if (r.outcome != Outcome::completed) continue;
    end_s = std::max(end_s, seconds(r.finish));
    tokens += load.turns[i].output_tokens;
    if (i < first) continue;
    counted += 1;
    f.ttft_s += seconds(r.first_token - r.arrival);
    f.e2e_s += seconds(r.finish - r.arrival);
    queue_s += seconds(r.queue);
    if (load.turns[i].output_tokens < 2) continue;
    with_second_token += 1;
    f.tpot_s += seconds(r.finish - r.first_token) / (load.turns[i].output_tokens - 1);
  }
  if (counted == 0) return f;
  f.queue_share = f.ttft_s > 0 ? queue_s / f.ttft_s : 0;
  f.ttft_s /= counted;
  f.e2e_s /= counted;
  if (with_second_token > 0) f.tpot_s /= with_second_token;
  f.requests_per_s = static_cast<double>(result.requests.size()) / end_s;
  f.output_tokens_per_s = tokens / end_s;
  return f;
}

}  // namespace kvplan
