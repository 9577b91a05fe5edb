#include "traces/workload_file.hpp"

#include <rapidcheck.h>

#include <sstream>

#include "tests/catch.hpp"
#include "traces/compile.hpp"
#include "traces/load.hpp"
#include "traces/synth.hpp"

using namespace kvplan;

namespace {

Workload small() {
  SynthOptions o;
  o.sessions = 30;
  LoadOptions load;
  load.block_tokens = 512;
  Workload w = compile_workload(rows_from_text(synthesise_mooncake(o), "small", load), load);
  w.recorded_tick = Time(7);
  w.notes.push_back({"a note with \"quotes\"\nand two lines", 3});
  return w;
}

std::string text_of(const Workload& w, const std::string& key) {
  std::ostringstream out;
  write_workload(out, w, key);
  return out.str();
}

Workload read(const std::string& text, const std::string& key) {
  std::istringstream in(text);
  return read_workload(in, key);
}

}  // namespace

TEST_CASE("a compiled workload comes back from its file as it was") {
  const Workload w = small(), back = read(text_of(w, "k"), "k");
  CHECK(text_of(back, "k") == text_of(w, "k"));  // every array, name and note is part of the text
  CHECK(back.turns.size() == w.turns.size());
  CHECK(back.prompt_blocks == w.prompt_blocks);
  CHECK(back.chains.chain_count() == w.chains.chain_count());
  CHECK(back.notes.back().what == w.notes.back().what);
  CHECK(back.notes.back().rows == 3);
  CHECK(bytes_of(w) > static_cast<std::int64_t>(w.turns.size() * sizeof(Turn)));
}

TEST_CASE("a workload's file that is cut or changed anywhere is refused, never read wrong") {
  const std::string whole = text_of(small(), "k");
  CHECK_THROWS_AS(read(whole, "another key"), DamagedWorkload);
  CHECK_THROWS_AS(read(whole + "x", "k"), DamagedWorkload);
  CHECK_THROWS_AS(read("", "k"), DamagedWorkload);
  CHECK(rc::check([&] {
    const auto at = *rc::gen::inRange<std::size_t>(0, whole.size());
    const auto bit = *rc::gen::inRange(0, 8);
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
    RC_ASSERT_THROWS_AS(read(flipped, "k"), DamagedWorkload);
    RC_ASSERT_THROWS_AS(read(whole.substr(0, at), "k"), DamagedWorkload);
  }));
}
