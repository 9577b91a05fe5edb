#include "validate/cuda/checks/attention_case.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace kvplan::gpu {
namespace {

// A case while it is made: finds the K or V row of a token.
struct Builder {
  AttentionCase& c;

  Bf16* row(int sequence, int token, bool value, int head) const {
    const KvLayout& l = c.problem.layout;
    const int page = c.table[static_cast<std::size_t>(sequence * c.table_stride + token / l.page_tokens)];
    return c.pool.data() + c.layer * l.layer_stride() + page * l.page_stride() + (value ? l.value_offset() : 0) +
           token % l.page_tokens * l.slot_stride() + head * l.head_stride();
  }
};

// Sum of two 16-bit uniforms, centred: smooth enough, and the same everywhere.
float draw(std::mt19937_64& random, float spread) {
  const std::uint64_t bits = random();
  const double sum = static_cast<double>(bits & 0xffff) + static_cast<double>((bits >> 16) & 0xffff);
  return spread * static_cast<float>(sum / 65535.0 - 1.0) * 2.449f;
}

void expect_row(Builder b, int sequence, int row, int head, int visible, std::vector<double>& out) {
  const AttentionCase& c = b.c;
  const int heads = c.problem.layout.kv_heads * c.problem.group;
  const std::size_t at =
      (static_cast<std::size_t>(row) * static_cast<std::size_t>(heads) + static_cast<std::size_t>(head)) * kHeadDim;
  std::vector<double> weight(static_cast<std::size_t>(visible));
  double maximum = -std::numeric_limits<double>::infinity(), sum = 0;
  for (int t = 0; t < visible; ++t) {
    const Bf16* key = b.row(sequence, t, false, head / c.problem.group);
    double dot = 0;
    for (std::size_t d = 0; d < kHeadDim; ++d) dot += double{to_float(c.q[at + d])} * double{to_float(key[d])};
    weight[static_cast<std::size_t>(t)] = dot * double{c.scale()};
    maximum = std::max(maximum, weight[static_cast<std::size_t>(t)]);
  }
  for (double& w : weight) sum += w = std::exp(w - maximum);
  for (int t = 0; t < visible; ++t) {
    const Bf16* value = b.row(sequence, t, true, head / c.problem.group);
    for (std::size_t d = 0; d < kHeadDim; ++d) {
      out[at + d] += weight[static_cast<std::size_t>(t)] / sum * double{to_float(value[d])};
    }
  }
}

KvLayout layout(bool page_first, bool heads_first, int kv_heads, int page_tokens) {
  return {3, 0, page_tokens, kv_heads, page_first, heads_first};
}

}  // namespace

std::vector<AttentionProblem> attention_problems() {
  const std::vector<SequenceSpan> chunks{{0, 33, 33, 0}, {0, 5, 141, 0}, {0, 1, 64, 0}, {0, 40, 104, 0}};
  const std::vector<SequenceSpan> tokens{{0, 1, 1, 0}, {0, 1, 64, 0}, {0, 1, 65, 0}, {0, 1, 300, 0}};
  std::vector<AttentionProblem> problems;
  for (const bool page_first : {false, true}) {
    for (const bool heads_first : {false, true}) {
      const std::string name = std::string(page_first ? "page-first " : "layer-first ") + (heads_first ? "HND" : "NHD");
      const int group = page_first == heads_first ? 4 : 8, tiles = heads_first ? 2 : 1;
      problems.push_back({"prefill " + name, false, group, tiles, 1, layout(page_first, heads_first, 2, 16), chunks});
      problems.push_back({"decode " + name, true, group, 1, 3, layout(page_first, heads_first, 2, 16), tokens});
    }
  }
  problems.push_back(
      {"prefill, pages of 64, two fragments a warp", false, 4, 2, 1, layout(false, false, 1, 64), chunks});
  problems.push_back({"decode in one part", true, 4, 1, 1, layout(false, false, 1, 64), tokens});
  problems.push_back({"decode in more parts than tiles", true, 8, 1, 7, layout(true, false, 1, 16), tokens});
  return problems;
}

AttentionCase make_case(AttentionProblem problem, std::uint64_t seed) {
  AttentionCase c;
  std::mt19937_64 random(seed);
  int longest = 0, rows = 0;
  for (SequenceSpan& s : problem.spans) {
    s.first_row = rows;
    rows += s.new_tokens;
    longest = std::max(longest, s.kv_tokens);
  }
  const int sequences = static_cast<int>(problem.spans.size());
  c.table_stride = longest / problem.layout.page_tokens + 1;
  problem.layout.pages = sequences * c.table_stride;
  c.problem = std::move(problem);
  const KvLayout& l = c.problem.layout;
  c.layer = l.layers / 2;
  c.pool.assign(static_cast<std::size_t>(l.pool_elements()), Bf16{0x7fff});
  c.table.resize(static_cast<std::size_t>(l.pages));
  std::iota(c.table.begin(), c.table.end(), 0);
  for (std::size_t i = c.table.size(); i > 1; --i) std::swap(c.table[i - 1], c.table[random() % i]);
  c.q.resize(static_cast<std::size_t>(rows) * static_cast<std::size_t>(l.kv_heads * c.problem.group) * kHeadDim);
  for (Bf16& v : c.q) v = to_bf16(draw(random, 1.5f));  // sharp enough that a token too many or too few shows
  c.expected.assign(c.q.size(), 0);
  const Builder b{c};
  for (int s = 0; s < sequences; ++s) {
    const SequenceSpan& span = c.problem.spans[static_cast<std::size_t>(s)];
    for (int t = 0; t < span.kv_tokens; ++t) {
      for (int h = 0; h < 2 * l.kv_heads; ++h) {
        Bf16* row = b.row(s, t, h % 2 == 1, h / 2);
        for (int d = 0; d < kHeadDim; ++d) row[d] = to_bf16(draw(random, 1.f));
      }
    }
    for (int i = 0; i < span.new_tokens; ++i) {
      for (int h = 0; h < l.kv_heads * c.problem.group; ++h) {
        expect_row(b, s, span.first_row + i, h, span.kv_tokens - span.new_tokens + i + 1, c.expected);
      }
    }
  }
  return c;
}

double relative_error(const std::vector<Bf16>& got, const std::vector<double>& expected) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double value = double{to_float(got[i])};
    if (!std::isfinite(value)) return std::numeric_limits<double>::infinity();
    difference += (value - expected[i]) * (value - expected[i]);
    size += expected[i] * expected[i];
  }
  return std::sqrt(difference / size);
}

}  // namespace kvplan::gpu
