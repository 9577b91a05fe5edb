// Goal: every transformation keeps the invariants of a workload, and does what its name says.
#include "traces/transform.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.hpp"
#include "tests/traces/invariants.hpp"
#include "traces/compile.hpp"
#include "traces/load.hpp"
#include "traces/rearrange.hpp"
#include "traces/reuse.hpp"
#include "traces/stack_distance.hpp"
#include "traces/statistics.hpp"

using namespace kvplan;

namespace {

// Multi-turn chat with absolute arrivals.
Workload chat() {
  LoadOptions options;
  options.tick = Time(0);
  return load_workload(KVPLAN_SOURCE_DIR "/examples/chat.jsonl.gz", options);
}

// Three sessions in closed loop: think times of 1 s.
Workload closed_loop() {
  std::string text;
  for (int s = 0; s < 3; ++s) {
    for (int i = 0; i < 4; ++i) {
      std::string ids;
      for (int b = 0; b <= i; ++b) ids += (b ? "," : "") + std::to_string(100 * s + b);
      text += "{" + std::string(i ? "\"delay\": 1000" : "\"timestamp\": 0") +
              ", \"input_length\": " + std::to_string(512 * (i + 1)) + ", \"output_length\": 10, \"session_id\": \"s" +
              std::to_string(s) + "\", \"hash_ids\": [" + ids + "]}\n";
    }
  }
  return compile_workload(rows_from_text(text, "closed", {}), {});
}

std::int64_t prompt_tokens(const Workload& w) {
  std::int64_t tokens = 0;
  for (const Turn& turn : w.turns) tokens += turn.prompt_tokens;
  return tokens;
}

double infinite_hit(const Workload& w) { return trace_statistics(w).infinite_hit_rate_tokens; }

bool same(const Workload& a, const Workload& b) {
  return a.prompt_blocks == b.prompt_blocks && a.output_blocks == b.output_blocks &&
         a.parent_of_block == b.parent_of_block && a.tokens_of_block == b.tokens_of_block &&
         std::equal(a.turns.begin(), a.turns.end(), b.turns.begin(), b.turns.end(), [](const Turn& x, const Turn& y) {
           return x.arrival.time == y.arrival.time && x.arrival.after == y.arrival.after &&
                  x.continues == y.continues && x.session == y.session && x.prompt_tokens == y.prompt_tokens &&
                  x.output_tokens == y.output_tokens;
         });
}

}  // namespace

TEST_CASE("placed as it is, a workload stays as it is") {
  for (const Workload& w : {chat(), closed_loop()}) {
    const bool unchanged = same(rearrange(w, placements_of(w)), w);
    CHECK(unchanged);
  }
}

TEST_CASE("sampling keeps whole sessions: disjoint ranges give disjoint samples") {
  const Workload w = chat();
  const Workload low = sessions_between(w, 0, 0.4, 7), high = sessions_between(w, 0.4, 1, 7);
  test::check_invariants(low);
  CHECK(low.turns.size() + high.turns.size() == w.turns.size());
  CHECK(low.session_count + high.session_count == w.session_count);
  CHECK(low.session_count == Approx(0.4 * w.session_count).margin(4 * std::sqrt(0.24 * w.session_count)));
  CHECK(sample_sessions(w, 1e-6, 7).session_count == 1);
  const bool differ = same(sample_sessions(w, 0.4, 7), sample_sessions(w, 0.4, 8));
  CHECK_FALSE(differ);
}

TEST_CASE("a transformed load tells the ticks of its recording, not those of its copies") {
  LoadOptions options;
  options.tick = Time(0);
  std::string text;  // two arrivals an instant, every 10 s
  for (int i = 0; i < 40; ++i) {
    text += fmt::format(R"({{"timestamp": {}, "input_length": 512, "output_length": 10, "hash_ids": [{}]}})", i / 2 * 10000, i) + "\n";
  }
  const Workload w = compile_workload(rows_from_text(text, "ticking", options), options);
  CHECK(trace_statistics(w).tick == Time(10 * kPsPerS));
  TransformOptions twice;
  twice.copies = 2;
  twice.session_share = 0.5;
  CHECK(trace_statistics(transform(w, twice)).tick == Time(10 * kPsPerS));
  const Workload chats = chat();  // recorded to the millisecond: copies share instants, which is no tick
  CHECK(trace_statistics(transform(chats, twice)).tick == Time(0));
}

TEST_CASE("reuse follows the recorded timeline, also where that contradicts the order of the rows") {
  const std::string text =  // the second turn of a is recorded at 10 ms, and waits 5,000 s behind the first
      R"({"session_id":"a","timestamp":0,"input_length":512,"output_length":1,"hash_ids":[1]}
{"session_id":"a","timestamp":10,"delay":5000000,"input_length":1024,"output_length":1,"hash_ids":[1,2]}
{"session_id":"b","timestamp":20,"input_length":1024,"output_length":1,"hash_ids":[1,2]}
{"session_id":"c","timestamp":30,"input_length":512,"output_length":1,"hash_ids":[5]}
{"session_id":"d","timestamp":40,"input_length":512,"output_length":1,"hash_ids":[6]}
)";
  const Reuse r = reuse_of(compile_workload(rows_from_text(text, "late", {}), {}), 2);
  CHECK(r.interval_s.p50 == Approx(4999.98).epsilon(1e-5));
  CHECK(r.parts[0].turns == 4);
  CHECK(r.parts[1].turns == 1);
  CHECK(r.working_sets.size() == 3);
}

TEST_CASE("copies have blocks of their own beyond what sessions share") {
  const Workload w = chat();  // one block of system prompt for all
  const Workload three = replicate(w, 3);
  test::check_invariants(three);
  CHECK(three.turns.size() == 3 * w.turns.size());
  CHECK(three.session_count == 3 * w.session_count);
  CHECK(three.block_count() == 3 * (w.block_count() - 1) + 1);
}

TEST_CASE("a shared prefix is the same in all prompts, and lengths stay") {
  const Workload w = closed_loop();
  const Workload shared = share_prefix(w, 1100);  // two blocks
  test::check_invariants(shared);
  CHECK(prompt_tokens(shared) == prompt_tokens(w));
  CHECK(w.block_count() == 12);
  CHECK(shared.block_count() == 2 + 3 * 2);
}

TEST_CASE("blocks convert: finer without loss, there and back, coarser with the loss told") {
  const Workload w = chat();
  const Workload fine = convert_blocks(w, 64), coarse = convert_blocks(w, 2048), odd = convert_blocks(w, 300);
  for (const Workload& converted : {fine, coarse, odd}) {
    test::check_invariants(converted);
    CHECK(prompt_tokens(converted) == prompt_tokens(w));
  }
  CHECK(infinite_hit(fine) == Approx(infinite_hit(w)).epsilon(1e-12));
  const bool back = same(convert_blocks(fine, 512), w);
  CHECK(back);
  CHECK(infinite_hit(coarse) < infinite_hit(w));
  CHECK(infinite_hit(odd) <= infinite_hit(w));
  CHECK(coarse.notes.back().what.find("are told apart no more") != std::string::npos);
}

TEST_CASE("imposed arrivals have the rate and the burstiness that was asked for") {
  using Gaps = ArrivalProcess::Gaps;
  for (const auto& [gaps, cv] : {std::pair{Gaps::poisson, 1.0},
                                 {Gaps::gamma, 3.0},
                                 {Gaps::gamma, 0.3},
                                 {Gaps::weibull, 2.0},
                                 {Gaps::weibull, 0.5}}) {
    ArrivalProcess p;
    p.gaps = gaps;
    p.per_s = 4;
    p.cv = cv;
    const std::vector<Time> times = draw_arrivals(p, 100'000, 1);
    double sum = 0, squares = 0;
    for (std::size_t i = 1; i < times.size(); ++i) {
      const double gap = seconds(times[i] - times[i - 1]);
      sum += gap, squares += gap * gap;
    }
    const double n = static_cast<double>(times.size() - 1), mean = sum / n;
    CAPTURE(static_cast<int>(gaps), cv);
    CHECK(mean == Approx(0.25).epsilon(0.04));  // standard error at CV 3: 1 %
    CHECK(std::sqrt(squares / n - mean * mean) / mean == Approx(cv).epsilon(0.06));
  }
}

TEST_CASE("profiles shape the rate") {
  ArrivalProcess p;
  p.gaps = ArrivalProcess::Gaps::poisson;
  p.per_s = 10;
  p.profile = ArrivalProcess::Profile::step;
  p.step_at_s = 100;
  p.step_factor = 5;
  const auto between = [](const std::vector<Time>& times, double from, double to) {
    return static_cast<double>(
        std::count_if(times.begin(), times.end(), [&](Time t) { return seconds(t) >= from && seconds(t) < to; }));
  };
  const std::vector<Time> step = draw_arrivals(p, 10'000, 3);
  CHECK(between(step, 0, 100) == Approx(1000).margin(150));
  CHECK(between(step, 100, 200) == Approx(5000).margin(350));
  p.profile = ArrivalProcess::Profile::diurnal;
  p.period_s = 400;
  p.amplitude = 1;
  const std::vector<Time> day = draw_arrivals(p, 10'000, 3);  // integrals over quarters: 1 +- 2/pi, twice each
  CHECK(between(day, 0, 200) == Approx(2000 * (1 + 2 / 3.14159265)).margin(250));
  CHECK(between(day, 200, 400) == Approx(2000 * (1 - 2 / 3.14159265)).margin(150));
}

TEST_CASE("sessions move as a whole, requests one by one") {
  const Workload w = chat();
  ArrivalProcess p;
  p.gaps = ArrivalProcess::Gaps::poisson;
  p.per_s = 2;
  const Workload sessions = impose_arrivals(w, p, 1);
  test::check_invariants(sessions);
  CHECK(trace_statistics(sessions).gap_s.p50 == Approx(trace_statistics(w).gap_s.p50));
  p.of = ArrivalProcess::Of::requests;
  const Workload requests = impose_arrivals(w, p, 1);
  test::check_invariants(requests);
  CHECK(requests.prompt_blocks == w.prompt_blocks);
  CHECK(trace_statistics(requests).turns_per_s == Approx(2).epsilon(0.1));
}

TEST_CASE("users run sessions back to back") {
  const Workload w = closed_loop();
  const Workload one = run_by_users(w, 1, Time::max(), 1);
  test::check_invariants(one);
  REQUIRE(one.turns.size() == 12);
  CHECK(one.turns[0].arrival.after == kNone);
  for (TurnId t = 1; t < 12; ++t) CHECK(one.turns[t].arrival.after == t - 1);  // one thing after another
  const Workload two = run_by_users(w, 2, Time(10 * kPsPerS), 1);
  test::check_invariants(two);
  // Each slot: a session takes 3 s (think times of 1 s, no service time known), the next begins at once.
  const std::vector<Time> at = recorded_timeline(two);
  CHECK(std::all_of(at.begin(), at.end(), [](Time t) { return t < Time(10 * kPsPerS); }));
  std::map<std::int64_t, int> starts;
  for (const Time t : at) ++starts[t.count / kPsPerS];
  CHECK(starts[0] == 2);
  CHECK(starts[1] == 2);
  CHECK(starts[3] == 4);                       // two last turns, two first turns of the next sessions
  CHECK(two.session_count > w.session_count);  // a second pass over the pool, with blocks of its own
  CHECK(two.block_count() > w.block_count());
}

TEST_CASE("users turn recorded arrivals into gaps") {
  const Workload w = chat();
  const Workload users = run_by_users(w, 5, Time::max(), 3);
  test::check_invariants(users);
  CHECK(users.turns.size() == w.turns.size());
  CHECK(std::count_if(users.turns.begin(), users.turns.end(), [](const Turn& t) { return t.arrival.after == kNone; }) ==
        5);
}

TEST_CASE("a cut leaves out what starts later, and who waits for it") {
  const Workload cut = cut_at(closed_loop(), Time(2 * kPsPerS));
  test::check_invariants(cut);
  CHECK(cut.turns.size() == 6);  // at 0 and 1 s
  CHECK(cut.notes.back().rows == 6);
}

TEST_CASE("arrivals beyond the clock are refused") {
  ArrivalProcess p;
  p.gaps = ArrivalProcess::Gaps::poisson;
  p.per_s = 1e-6;
  CHECK_THROWS_AS(draw_arrivals(p, 1000, 1), InfeasibleError);
}
