// Goal: samples of blocks are loads of their own, the same whether taken while reading or afterwards in what they
// count, and tell hit rates within the error that they state.
#include <cmath>
#include <cstdio>
#include <fstream>

#include "tests/catch.hpp"
#include "tests/own_path.hpp"
#include "tests/traces/data.hpp"
#include "tests/traces/invariants.hpp"
#include "traces/load.hpp"
#include "traces/sampled_hit_rates.hpp"

using namespace kvplan;

namespace {

constexpr std::int64_t kEndless = std::numeric_limits<std::int64_t>::max();
const std::string kLookalike = KVPLAN_SOURCE_DIR "/examples/conversation-lookalike.jsonl.gz";

void check_within_error(const SampledLoad& of, const Workload& w, double rate, double most_error) {
  const std::vector<std::int64_t> capacities = {4000, 10'000, 20'000, 40'000, kEndless};
  for (const char* policy : {"lru", "s3-fifo", "belady"}) {
    const auto exact = hit_rates(w, policy, capacities, TouchOrder::head_to_tail, 2);
    const auto sampled = sampled_hit_rates(of, policy, capacities, TouchOrder::head_to_tail, 2, rate, 1);
    CHECK(sampled.samples == 8);
    CHECK(sampled.token_share == Approx(rate).epsilon(0.15));
    for (std::size_t c = 0; c < capacities.size(); ++c) {
      CAPTURE(policy, c, sampled.standard_error[c].tokens, rate);
      CHECK(sampled.standard_error[c].tokens < most_error);
      CHECK(sampled.mean[c].tokens == Approx(exact[c].tokens).margin(3 * sampled.standard_error[c].tokens + 0.002));
      CHECK(sampled.mean[c].blocks == Approx(exact[c].blocks).margin(3 * sampled.standard_error[c].blocks + 0.002));
    }
  }
}

}  // namespace

TEST_CASE("a thinned load keeps its invariants, and disjoint samples make up the whole") {
  const Workload w = load_workload(kLookalike);
  std::size_t blocks = 0;
  std::int64_t tokens = 0;
  for (const double low : {0.0, 0.25, 0.5, 0.75}) {
    const Workload part = thinned(w, {low, low + 0.25, 7});
    blocks += part.prompt_blocks.size();
    for (const Turn& turn : part.turns) {
      std::int64_t sum = 0;
      for (const BlockId b : part.blocks(turn)) sum += part.tokens_of_block[b];
      CHECK(sum == turn.prompt_tokens);
      tokens += sum;
    }
  }
  CHECK(blocks == w.prompt_blocks.size());
  CHECK(tokens == whole_load(w).prompt_tokens);
}

TEST_CASE("sampling while reading counts the whole trace and keeps a share of its blocks") {
  const SampledLoad whole = whole_load(load_workload(kLookalike));
  const auto all = read_sample(kLookalike, {}, {0, 1, 1});
  REQUIRE(all);
  CHECK(all->prompt_tokens == whole.prompt_tokens);
  CHECK(all->prompt_blocks == whole.prompt_blocks);
  CHECK(all->load.prompt_blocks == whole.load.prompt_blocks);
  CHECK(all->load.tokens_of_block == whole.load.tokens_of_block);
  std::size_t kept = 0;
  for (const double low : {0.0, 0.5}) {
    const auto half = read_sample(kLookalike, {}, {low, low + 0.5, 1});
    REQUIRE(half);
    CHECK(half->prompt_tokens == whole.prompt_tokens);
    kept += half->load.prompt_blocks.size();
  }
  CHECK(kept == whole.load.prompt_blocks.size());
}

TEST_CASE("what waits for other turns, or has no hashes, is not sampled while it is read") {
  const std::string path = testing::own_path("not-sampled").string();
  std::ofstream(path) << "{\"session_id\": \"a\", \"timestamp\": 0, \"input_length\": 9, \"output_length\": 1, "
                         "\"hash_ids\": [0]}\n{\"session_id\": \"a\", \"delay\": 5, \"input_length\": 9, "
                         "\"output_length\": 1, \"hash_ids\": [0]}\n";
  CHECK_FALSE(read_sample(path, {}, {0, 0.5, 1}));
  std::ofstream(path) << "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n";
  CHECK_FALSE(read_sample(path, {}, {0, 0.5, 1}));
  std::remove(path.c_str());
}

TEST_CASE("conversation trace: samples estimate the exact curves within their error") {
  const std::string path = test::real_trace("mooncake_fast25_conversation_trace.jsonl.gz");
  if (path.empty()) return;
  const Workload w = load_workload(path);
  check_within_error(whole_load(w), w, 0.1, 0.01);
  const auto sample = read_sample(path, {}, {0, 0.16, 3});
  REQUIRE(sample);
  check_within_error(*sample, w, 0.02, 0.02);
}

TEST_CASE("a capacity of less than half a sampled block is not estimated") {
  const SampledLoad of = whole_load(load_workload(kLookalike));
  const auto rates =
      sampled_hit_rates(of, "lru", std::vector<std::int64_t>{0, 4, 1000}, TouchOrder::head_to_tail, 1, 0.1, 1);
  CHECK(rates.mean[0].tokens == 0);
  CHECK(std::isnan(rates.mean[1].tokens));
  CHECK(rates.mean[2].tokens > 0);
}
