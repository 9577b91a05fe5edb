// The attention kernels' own source, lane by lane on the CPU, against a reference
// in double precision; and the same with faults seeded, which must not pass.
#define KVPLAN_EMULATE_LANES
#include "tests/catch.hpp"
#include "validate/cuda/checks/attention_case.hpp"
#include "validate/cuda/kernels/decode.cuh"
#include "validate/cuda/kernels/prefill.cuh"

using namespace kvplan::gpu;

namespace {

unsigned number(std::size_t n) { return static_cast<unsigned>(n); }

template <int kGroup, int kMTiles>
void prefill(AttentionCase& c, std::vector<Bf16>& out, Schedule schedule) {
  const KvLayout& l = c.problem.layout;
  const auto tiles = prefill_tiles(c.problem.spans, kGroup, kPrefillRows<kMTiles>);
  const PrefillArguments a{c.q.data(),
                           out.data(),
                           paged_layer(l, c.pool.data(), c.layer, c.table.data(), c.table_stride),
                           tiles.data(),
                           c.problem.spans.data(),
                           c.scale()};
  launch({number(tiles.size()), static_cast<unsigned>(l.kv_heads), 1}, kThreads, kPrefillSharedBytes<kMTiles>, schedule,
         [&] { prefill_attention<kGroup, kMTiles>(a); });
}

template <int kGroup>
void decode(AttentionCase& c, std::vector<Bf16>& out, Schedule schedule) {
  const KvLayout& l = c.problem.layout;
  std::vector<std::int32_t> lengths;
  for (const SequenceSpan& s : c.problem.spans) lengths.push_back(s.kv_tokens);
  const int longest = *std::max_element(lengths.begin(), lengths.end()), tiles = (longest + kKvTile - 1) / kKvTile;
  const std::size_t parts = lengths.size() * static_cast<std::size_t>(l.kv_heads * c.problem.splits * kGroup);
  std::vector<float> part_output(parts * kHeadDim);
  std::vector<float2> part_softmax(parts);
  const DecodeArguments a{c.q.data(),
                          out.data(),
                          part_output.data(),
                          part_softmax.data(),
                          paged_layer(l, c.pool.data(), c.layer, c.table.data(), c.table_stride),
                          lengths.data(),
                          (tiles + c.problem.splits - 1) / c.problem.splits,
                          c.problem.splits,
                          c.scale()};
  const unsigned heads = static_cast<unsigned>(l.kv_heads);
  launch({static_cast<unsigned>(c.problem.splits), heads, number(lengths.size())}, kThreads, kDecodeSharedBytes,
         schedule, [&] { decode_attention<kGroup>(a); });
  launch({heads * kGroup, number(lengths.size()), 1}, kHeadDim, 16, schedule, [&] { merge_parts<kGroup>(a); });
}

double error_of(AttentionCase& c, Schedule schedule, Bug bug = Bug::none) {
  std::vector<Bf16> out(c.q.size(), Bf16{0x7fff});
  seeded_bug = bug;
  const AttentionProblem& p = c.problem;
  if (p.decode) {
    p.group == 4 ? decode<4>(c, out, schedule) : decode<8>(c, out, schedule);
  } else if (p.group == 4) {
    p.m_tiles == 2 ? prefill<4, 2>(c, out, schedule) : prefill<4, 1>(c, out, schedule);
  } else {
    p.m_tiles == 2 ? prefill<8, 2>(c, out, schedule) : prefill<8, 1>(c, out, schedule);
  }
  seeded_bug = Bug::none;
  return relative_error(out, c.expected);
}

// The fault must show in some case under some schedule, as a wrong result or as lanes that meet at the wrong place.
bool noticed(Bug bug, bool in_decode) {
  for (const AttentionProblem& p : attention_problems()) {
    if (p.decode != in_decode) continue;
    AttentionCase c = make_case(p, 3);
    for (const Schedule schedule : {Schedule{false, true}, Schedule{true, false}}) {
      if (!(error_of(c, schedule, bug) < kAttentionTolerance)) return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("attention kernels agree with double precision under every order of warps and copies") {
  for (const AttentionProblem& p : attention_problems()) {
    AttentionCase c = make_case(p, 1);
    for (const Schedule schedule : {Schedule{false, true}, Schedule{true, false}}) {
      const double error = error_of(c, schedule);
      INFO(p.name << ": relative error " << error);
      CHECK(error < kAttentionTolerance);
    }
  }
}

TEST_CASE("faults seeded in the attention kernels are noticed") {
  const bool in_decode = GENERATE(false, true);
  const Bug bug = GENERATE(Bug::mask_one_token_late, Bug::no_rescale_of_output, Bug::swapped_b_fragment,
                           Bug::page_of_wrong_sequence, Bug::no_wait_for_copies, Bug::no_barrier_before_compute,
                           Bug::dead_rows_not_zeroed);
  INFO("bug " << static_cast<int>(bug) << (in_decode ? " in decode" : " in prefill"));
  CHECK(noticed(bug, in_decode));
}

TEST_CASE("a wrong merge and a wrong head are noticed") {
  CHECK(noticed(Bug::merge_without_rescale, true));
  CHECK(noticed(Bug::row_of_wrong_head, false));
}

TEST_CASE("every row of every sequence is in one prefill tile, the longest first") {
  const std::vector<SequenceSpan> spans{{0, 100, 100, 0}, {100, 7, 5000, 0}, {107, 64, 64, 0}};
  const auto tiles = prefill_tiles(spans, 4, 64);
  std::vector<int> rows(spans.size());
  for (const PrefillTile& t : tiles) {
    CHECK(t.first_row % 64 == 0);
    rows[static_cast<std::size_t>(t.sequence)] +=
        std::min(64, spans[static_cast<std::size_t>(t.sequence)].new_tokens * 4 - t.first_row);
  }
  CHECK(rows == std::vector<int>{400, 28, 256});
  CHECK(tiles.front().sequence == 1);
}

TEST_CASE("decode is split until its blocks nearly fill whole waves, and no further than its tiles go") {
  CHECK(decode_splits(1, 8, 64, 264) == 1);            // one tile cannot be cut
  CHECK(decode_splits(264, 1, 8192, 264) == 1);        // full already
  const int splits = decode_splits(16, 8, 8192, 264);  // 128 blocks: two parts make 256 of 264
  CHECK(splits == 2);
  CHECK(decode_splits(1, 8, 1 << 17, 264) == 30);  // 240 of 264 at once: within a tenth of 33 parts, which fill all
}
