// The independent checker finds nothing in the logs of real runs, and each of the faults that are seeded here.
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "reports/events_jsonl.hpp"
#include "sim/simulation.hpp"
#include "sim/speculation.hpp"
#include "base/error.hpp"
#include "tests/catch.hpp"
#include "tests/twin/rapid_dice.hpp"
#include "tests/twin/seeded_dice.hpp"
#include "validate/run_check/check.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// The log of a run of `config`, whose header tells of `told` instead where that is given.
std::string log_of(const Workload& load, const SimulationConfig& config, const SimulationConfig* told = nullptr) {
  EventLog log;
  const SimulationResult result = simulate(load, config, &log);
  std::string text;
  write_events(load, told != nullptr ? *told : config, result, log, [&](std::string_view part) { text += part; });
  return text;
}

std::string told(const run_check::Report& report) {
  std::string text = std::to_string(report.breach_count) + " breaches";
  for (const run_check::Breach& b : report.breaches)
    text += "\n" + b.rule + ", line " + std::to_string(b.line) + ": " + b.what;
  return text;
}

std::string random_log(Dice& dice) {
  const Workload load = random_turns(dice, 40, 8);
  SimulationConfig config = random_engine(dice);
  random_beyond_twin(dice, config);
  return log_of(load, config);
}

}  // namespace

TEST_CASE("the checker finds no fault in random runs") {
  CHECK(rc::check("sound", [] {
    RapidDice dice;
    const std::string log = random_log(dice);
    RC_LOG(log);
    const run_check::Report report = run_check::check_text(log, "log");
    RC_LOG(told(report));
    RC_ASSERT(report.sound());
  }));
}

TEST_CASE("random runs give every rule of the checker something to look at") {
  std::map<std::string, std::int64_t> checks;
  SeededDice dice("what the random runs reach");
  for (int i = 0; i < 500; ++i) {
    const std::string log = random_log(dice);
    for (const auto& [rule, n] : run_check::check_text(log, "log").checks) checks[rule] += n;
    checks["partial loads"] += log.find("\"e\":\"lead_end\"") != std::string::npos;
  }
  for (const char* rule : {"books", "capacity", "pinned", "content", "hits", "pages", "order", "limits", "durations",
                           "tokens", "parts", "links", "away", "ends", "handover", "partial loads"}) {
    CAPTURE(rule);
    CHECK(checks[rule] > 0);
  }
}

namespace {

// Two replicas that share host memory and its links, tight in every way.
SimulationConfig busy_machine(LoadPolicy load, int pages = 60) {
  SimulationConfig c = small_machine(pages, 4'000'000, 300);
  c.check = false;
  c.replicas = c.replicas_per_node = 2;
  c.engine.max_num_seqs = 2;
  c.engine.max_num_batched_tokens = 40;
  c.offload.load = load;
  c.step_times[0].key_queries = 6;
  for (int i = 1; i < 4; ++i) c.step_times[i] = c.step_times[0].scaled(1.0 + 0.1 * i);
  c.links.limits.push_back({"memory", 5'000'000});
  for (auto* routes : {&c.links.load, &c.links.store}) {
    routes->front().uses.push_back({2, 1});
    routes->front().segment_ps = 20 * kPsPerUs;
    routes->push_back(routes->front());
  }
  return c;
}

// Prompts of five families, each with a beginning of its own, that come faster than they are served.
Workload busy_load() {
  Load load(8);
  for (int i = 0; i < 40; ++i) {
    const std::string prompt = std::string(4 + i % 3, static_cast<char>('a' + i % 5)) + static_cast<char>('p' + i % 2);
    load.turn(ms(i * 6), prompt, i % 4, 12 + i % 9);
  }
  return load.build();
}

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
  Lines lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string text_of(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::size_t find(const Lines& lines, const std::string& what, std::size_t from = 0) {
  while (from < lines.size() && lines[from].find(what) == std::string::npos) ++from;
  REQUIRE(from < lines.size());
  return from;
}

// Adds `more` to the number behind `key` in a line.
void shift(std::string& line, const std::string& key, std::int64_t more) {
  const std::size_t at = line.find("\"" + key + "\":");
  REQUIRE(at != std::string::npos);
  const std::size_t begin = at + key.size() + 3;
  const std::size_t end = line.find_first_of(",}]", begin);
  line.replace(begin, end - begin, std::to_string(std::stoll(line.substr(begin, end - begin)) + more));
}

void expect_found(const std::string& log, const std::string& rule) {
  const run_check::Report report = run_check::check_text(log, "log");
  CAPTURE(told(report));
  CHECK_FALSE(report.sound());
  CHECK(report.broken.count(rule) > 0);
}

// A fault that is seeded in a sound log breaks the rule.
struct Seeding {
  const Lines& sound;
  void operator()(const char* rule, const std::function<void(Lines&)>& seed) const {
    Lines lines = sound;
    seed(lines);
    CAPTURE(rule);
    expect_found(text_of(lines), rule);
  }
};

}  // namespace

// The engine runs on a machine that is better than what the log's header says: as if it did not mind a limit.
TEST_CASE("the checker notices a limit that is not minded") {
  struct Fault {
    const char* what;
    const char* rule;
    std::function<void(SimulationConfig&)> seed;
  };
  const Fault faults[] = {
      {"contention switched off", "links", [](auto& c) { c.links.limits[2].bytes_per_s *= 2; }},
      {"a link twice as fast", "links", [](auto& c) { c.links.limits[1].bytes_per_s *= 2; }},
      {"a link half as fast", "links", [](auto& c) { c.links.limits[1].bytes_per_s /= 2; }},
      {"segments cost nothing", "links",
       [](auto& c) {
         for (Route& r : c.links.store) r.segment_ps = 0;
       }},
      {"half the bytes", "links", [](auto& c) { c.kv_bytes_per_token_per_gpu.count /= 2; }},
      {"HBM without end", "capacity", [](auto& c) { c.engine.g1_pages.count *= 3; }},
      {"host memory without end", "capacity", [](auto& c) { c.offload.capacity.count *= 10; }},
      {"more sequences than may run", "limits", [](auto& c) { c.engine.max_num_seqs = 8; }},
      {"more tokens than a step may take", "limits", [](auto& c) { c.engine.max_num_batched_tokens = 80; }},
      {"copies do not slow steps", "durations", [](auto& c) { c.step_times.fill(c.step_times[0]); }},
      {"context costs nothing", "durations",
       [](auto& c) {
         for (StepTime& s : c.step_times) s.context_ps = 0;
       }},
      {"pairs counted twice", "durations",
       [](auto& c) {
         for (StepTime& s : c.step_times) s.pair_ps *= 2;
       }},
      {"reading the keys of short chunks is free", "durations",
       [](auto& c) {
         for (StepTime& s : c.step_times) s.key_queries = 0;
       }},
  };
  for (const Fault& f : faults) {
    CAPTURE(f.what);
    const SimulationConfig told = busy_machine(LoadPolicy::blocking);
    SimulationConfig run = told;
    f.seed(run);
    expect_found(log_of(busy_load(), run, &told), f.rule);
  }
  CHECK(run_check::check_text(log_of(busy_load(), busy_machine(LoadPolicy::blocking)), "log").sound());
}

TEST_CASE("the checker notices overlap that is counted twice") {
  const SimulationConfig told = busy_machine(LoadPolicy::layerwise);
  CHECK(run_check::check_text(log_of(busy_load(), told), "log").sound());
  SimulationConfig run = told;
  for (StepTime& s : run.step_times) s.layers = 1000;  // the last layer's compute is hidden, too
  expect_found(log_of(busy_load(), run, &told), "durations");
}

TEST_CASE("the checker notices host work, drafts and partial loads that are not as told") {
  SimulationConfig overlapped = busy_machine(LoadPolicy::blocking), drafted = overlapped, partial = overlapped;
  overlapped.engine.overlap = true;
  for (StepTime& s : overlapped.step_times) s.host_ps = 900 * kPsPerUs, s.host_sample_ps = 50 * kPsPerUs;
  speculate(drafted, 3, 0.7, 0.1);
  partial.offload.choice = LoadChoice::partial;
  // A block loads in about the time in which it is computed.
  for (StepTime& s : partial.step_times) s.base = PiecewiseLinear({{0, kPsPerMs / 10, 200 * kPsPerUs}});
  struct Fault {
    const char* what;
    const SimulationConfig* told;
    const char* rule;
    std::function<void(SimulationConfig&)> seed;
  };
  const Fault faults[] = {
      {"no host work is hidden", &overlapped, "durations", [](auto& c) { c.engine.overlap = false; }},
      {"a host that does nothing", &overlapped, "durations",
       [](auto& c) {
         for (StepTime& s : c.step_times) s.host_ps = 0;
       }},
      {"host work that is the same for any batch", &overlapped, "durations",
       [](auto& c) {
         for (StepTime& s : c.step_times) s.host_sample_ps = 0;
       }},
      {"a step yields a token too many", &drafted, "tokens", [](auto& c) { c.engine.speculation.step_parts += 64; }},
      {"drafts take nothing of the budget", &drafted, "tokens", [](auto& c) { c.engine.speculation.draft_tokens = 1; }},
      {"drafts cost nothing", &drafted, "durations", [](auto& c) { c.draft_times.fill(StepTime()); }},
      {"drafts cost the same for any context", &drafted, "durations",
       [](auto& c) {
         for (StepTime& s : c.draft_times) s.context_ps = 0;
       }},
  };
  for (const Fault& f : faults) {
    CAPTURE(f.what);
    CHECK(run_check::check_text(log_of(busy_load(), *f.told), "log").sound());
    SimulationConfig run = *f.told;
    f.seed(run);
    expect_found(log_of(busy_load(), run, f.told), f.rule);
  }
  const Lines sound = lines_of(log_of(busy_load(), partial));
  CHECK(run_check::check_text(text_of(sound), "log").sound());
  const Seeding with{sound};
  SECTION("what is computed ahead of a load counts as a hit") {
    with("hits", [](Lines& l) {
      std::string& line = l[find(l, "{\"e\":\"lead_end\"")];
      const std::string turn = line.substr(line.find("\"turn\":"), line.find(",\"waits\"") - line.find("\"turn\":"));
      std::size_t admit = 0;
      do admit = find(l, turn + ",\"cached_tokens\"", admit + 1);
      while (l[admit].find("\"lead_tokens\":0") != std::string::npos);
      shift(l[admit], "lead_tokens", -8);
    });
  }
  SECTION("a request goes on before its load is there") {
    with("order", [](Lines& l) { shift(l[find(l, "\"waits\":1", find(l, "{\"e\":\"lead_end\""))], "waits", -1); });
  }
  SECTION("the part ahead of a load is left half computed") {
    with("tokens", [](Lines& l) {
      const std::size_t lead = find(l, "{\"e\":\"lead_end\"");
      std::size_t chunk = lead;
      while (l[chunk].find("{\"e\":\"chunk\"") != 0) --chunk;
      shift(l[chunk], "tokens", -1);
    });
  }
}

TEST_CASE("the checker notices what a log should not show") {
  const Lines sound = lines_of(log_of(busy_load(), busy_machine(LoadPolicy::blocking, 30)));
  const Seeding with{sound};
  const auto preempted = [&](const Lines& lines) {
    const std::string& line = lines[find(lines, "\"e\":\"preempt\"")];
    return std::stoll(line.substr(line.find("\"turn\":") + 7));
  };
  const auto drop = [](Lines& lines, std::size_t at) { lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at)); };
  SECTION("an output token lost under preemption") {
    with("tokens",
         [&](Lines& l) { shift(l[find(l, "\"asked\":" + std::to_string(preempted(l)) + ",")], "output_tokens", 1); });
  }
  SECTION("a hit on a block that is still being stored") {
    with("hits", [&](Lines& l) {
      find(l, "\"tier\":1,");
      std::erase_if(l, [](const std::string& line) { return line.find("{\"e\":\"ready\"") == 0; });
    });
  }
  SECTION("a block that is ready before its bytes have come") {
    with("content", [&](Lines& l) {
      const std::size_t ready = find(l, "{\"e\":\"ready\"");
      const std::string line = l[ready];
      drop(l, ready);
      l.insert(l.begin() + static_cast<std::ptrdiff_t>(find(l, "{\"e\":\"moves\"")), line);
    });
  }
  SECTION("eviction of a pinned block") {
    with("pinned", [&](Lines& l) {
      const std::size_t evict = find(l, "{\"e\":\"evict\"");
      std::size_t release = evict;
      while (l[release].find("\"e\":\"unreference\"") == std::string::npos) --release;
      const std::string line = l[evict];
      l[evict].replace(line.find("\"evict\""), 7, "\"reference\"");
      l.insert(l.begin() + static_cast<std::ptrdiff_t>(evict) + 1, line);
    });
  }
  SECTION("a newer request served first") {
    with("order", [&](Lines& l) {
      const std::size_t one = find(l, "\"e\":\"queue\""),
                        other = find(l, l[one].substr(l[one].find("\"replica\""), 11), one + 1);
      std::swap(l[one], l[find(l, "\"e\":\"queue\"", other)]);
    });
  }
  SECTION("a request that is never answered") {
    with("ends", [&](Lines& l) { drop(l, find(l, "\"e\":\"finish\"")); });
  }
  SECTION("a time to first token without its queue") {
    with("parts", [&](Lines& l) { shift(l[find(l, "\"said\":")], "queue_ps", -1); });
  }
  SECTION("hits that were none") {
    with("hits", [&](Lines& l) { shift(l[find(l, "\"cached_tokens\":0")], "cached_tokens", 8); });
  }
  SECTION("prompt tokens computed for nothing") {
    with("tokens", [&](Lines& l) { shift(l[find(l, "\"e\":\"chunk\"")], "tokens", 1); });
  }
  SECTION("a block that nobody computed") {
    with("content", [&](Lines& l) {
      const std::size_t insert = find(l, "\"e\":\"insert\"");
      std::string other = l[insert];
      shift(other, "first", 20);
      shift(other, "last", 20);
      l.insert(l.begin() + static_cast<std::ptrdiff_t>(insert), other);
    });
  }
  SECTION("pages that nobody took") {
    with("pages", [&](Lines& l) { drop(l, find(l, "\"e\":\"pages\"")); });
  }
  SECTION("a step that starts before the last has ended") {
    with("durations",
         [&](Lines& l) { shift(l[find(l, "\"e\":\"steps\"", find(l, "\"e\":\"steps\"") + 1)], "at", -1); });
  }
}

TEST_CASE("the checker holds each kind of a mixed fleet to its own limits") {
  SimulationConfig c = busy_machine(LoadPolicy::blocking);
  SimulationConfig other = busy_machine(LoadPolicy::blocking, 50);
  for (StepTime& s : other.step_times) s = s.scaled(1.5);
  for (Limit& l : other.links.limits) l.bytes_per_s *= 2;
  c.others = {other};
  const auto expect_broken = [&](const char* rule, const std::function<void(SimulationConfig&)>& seed) {
    SimulationConfig told = c;
    seed(told.others[0]);
    expect_found(log_of(busy_load(), c, &told), rule);
  };
  CHECK(run_check::check_text(log_of(busy_load(), c), "log").sound());
  expect_broken("durations", [&](SimulationConfig& o) { o.step_times = c.step_times; });
  expect_broken("links", [&](SimulationConfig& o) { o.links = c.links; });
  expect_broken("capacity", [&](SimulationConfig& o) { o.engine.g1_pages = Pages(30); });
}

TEST_CASE("the checker notices a fleet that does not keep its word") {
  SimulationConfig c = busy_machine(LoadPolicy::blocking);
  c.replicas_per_node = 1;
  c.links.load.resize(1), c.links.store.resize(1);
  c.outages = {{0, ms(60), false, ms(40)}, {1, ms(150), true, ms(10)}};
  const Lines sound = lines_of(log_of(busy_load(), c));
  CHECK(run_check::check_text(text_of(sound), "log").sound());
  const Seeding with{sound};
  const auto drop = [](Lines& l, const char* what) { l.erase(l.begin() + static_cast<std::ptrdiff_t>(find(l, what))); };
  SECTION("a node that comes back with what it held") {
    with("away", [&](Lines& l) { std::erase_if(l, [](const auto& line) { return line.find("{\"e\":\"lost\"") == 0; }); });
  }
  SECTION("a replica that serves while it is down") {
    with("away", [&](Lines& l) { drop(l, "{\"e\":\"up\""); });
  }
  SECTION("a request that a draining replica takes") {
    with("away", [&](Lines& l) {
      const std::size_t drain = find(l, "{\"e\":\"drain\""), queue = find(l, "{\"e\":\"queue\"", drain);
      std::string& line = l[queue];
      line.replace(line.find("\"replica\":0"), 11, "\"replica\":1");
    });
  }
  SECTION("a request that is served on without having been routed again") {
    with("order", [&](Lines& l) {
      const std::size_t down = find(l, "{\"e\":\"down\"");
      l.erase(l.begin() + static_cast<std::ptrdiff_t>(find(l, "{\"e\":\"queue\"", down)));
    });
  }
}

namespace {

// Two replicas that compute prompts, and one that decodes with room for few.
SimulationConfig apart() {
  SimulationConfig c = small_machine(60);
  c.check = false;
  c.replicas = 2;
  c.engine.max_num_batched_tokens = 40;
  SimulationConfig own = c;
  own.replicas = 1;
  own.engine.max_num_seqs = 4;
  own.engine.g1_pages = Pages(90);
  c.handoff.limits = {{"out", 3'000'000}, {"out", 3'000'000}, {"in", 4'000'000}};
  c.handoff.routes = {{{{0, 1}, {2, 1}}, 20 * kPsPerUs}, {{{1, 1}, {2, 1}}, 20 * kPsPerUs}};
  c.decode_pool = {own};
  return c;
}

}  // namespace

TEST_CASE("the checker notices hand-overs that are none") {
  struct Fault {
    const char* what;
    const char* rule;
    std::function<void(SimulationConfig&)> seed;
  };
  const Fault faults[] = {
      {"two prompts do not share what the decode replica takes in", "links",
       [](auto& c) { c.handoff.limits[2].bytes_per_s *= 2; }},
      {"the wait for the first byte is left out", "links", [](auto& c) { c.handoff.routes[0].segment_ps = 0; }},
      {"half the bytes", "handover", [](auto& c) { c.decode_pool[0].kv_bytes_per_token.count /= 2; }},
      {"layers move before the prompt is computed", "handover", [](auto& c) { c.handoff.layerwise = true; }},
      {"more sequences than may decode", "limits", [](auto& c) { c.decode_pool[0].engine.max_num_seqs = 8; }},
      {"more pages than the decode replica has", "capacity",
       [](auto& c) { c.decode_pool[0].engine.g1_pages.count *= 2; }},
      {"decodes that cost what they do elsewhere", "durations",
       [](auto& c) {
         for (StepTime& t : c.decode_pool[0].step_times) t.context_ps *= 2;
       }},
  };
  for (const Fault& f : faults) {
    CAPTURE(f.what);
    SimulationConfig run = apart();
    f.seed(run);
    const SimulationConfig told = apart();
    expect_found(log_of(busy_load(), run, &told), f.rule);
  }
  SimulationConfig layerwise = apart();
  layerwise.handoff.layerwise = true;
  CHECK(run_check::check_text(log_of(busy_load(), layerwise), "log").sound());
}

TEST_CASE("the checker notices what a log of hand-overs should not show") {
  const Lines sound = lines_of(log_of(busy_load(), apart()));
  CHECK(run_check::check_text(text_of(sound), "log").sound());
  const Seeding with{sound};
  const auto at = [](Lines& l, std::size_t i) { return l.begin() + static_cast<std::ptrdiff_t>(i); };
  const auto move_ahead = [&](Lines& l, std::size_t from, std::size_t to) {
    std::rotate(at(l, to), at(l, from), at(l, from) + 1);
  };
  SECTION("a prompt that counts as handed over before its bytes have come") {
    with("handover", [&](Lines& l) {
      const std::size_t over = find(l, "{\"e\":\"handed_over\"");
      move_ahead(l, over, find(l, "{\"e\":\"sent\""));
    });
  }
  SECTION("an answer that goes on before its prompt is there") {
    with("handover", [&](Lines& l) {
      const std::size_t join = find(l, "{\"e\":\"join\"");
      move_ahead(l, join, find(l, "{\"e\":\"sent\""));
    });
  }
  SECTION("pages given back before the prompt has gone") {
    with("handover", [&](Lines& l) {
      const std::size_t over = find(l, "{\"e\":\"handed_over\""), back = find(l, "{\"e\":\"unreference\"", over);
      move_ahead(l, back, find(l, "{\"e\":\"sent\""));
    });
  }
  SECTION("a prompt that moves on without having been computed") {
    with("handover", [&](Lines& l) {
      const std::size_t send = find(l, "{\"e\":\"send\"");
      move_ahead(l, send, find(l, "{\"e\":\"chunk\""));
    });
  }
  SECTION("tokens that the decode replica says it has") {
    with("handover", [&](Lines& l) { shift(l[find(l, "{\"e\":\"reserve\"")], "tokens", -8); });
  }
  SECTION("who was chosen later gets the room first") {
    with("order", [&](Lines& l) {
      const std::size_t one = find(l, "{\"e\":\"choose\"");
      std::swap(l[one], l[find(l, "{\"e\":\"choose\"", one + 1)]);
    });
  }
  SECTION("a first token that comes out on both sides") {
    with("tokens", [&](Lines& l) {
      const std::size_t join = find(l, "{\"e\":\"join\"");
      const std::string turn = l[join].substr(l[join].find("\"turn\":") + 7);
      shift(l[find(l, "\"asked\":" + std::to_string(std::stoll(turn)) + ",")], "output_tokens", 1);
    });
  }
  SECTION("a hand-over that took less time than it says") {
    with("parts", [&](Lines& l) { shift(l[find(l, "\"handover_ps\":")], "handover_ps", -1); });
  }
}

namespace {

// One number, name or line of a log, changed.
void tamper(RapidDice& dice, Lines& lines) {
  const auto numbers = {"-1", "0", "1", "7", "99999", "1000000000", "9223372036854775807", "null", "\"x\"", "1.5"};
  const auto names = {"part", "moves", "moved", "insert", "evict", "down", "steps", "batch", "sent", "join"};
  const auto one_of = [&](auto& all) { return *(all.begin() + dice.pick(0, static_cast<int>(all.size()) - 1)); };
  const int last = static_cast<int>(lines.size()) - 1;
  const std::size_t at = dice.one_in(3) ? 0 : static_cast<std::size_t>(dice.pick(0, last));
  std::string& line = lines[at];
  const int what = dice.pick(0, 9);
  if (what == 0) {
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at));
  } else if (what == 1) {
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), std::string(line));
  } else if (what == 2 && line.starts_with("{\"e\":\"")) {
    line.replace(6, line.find('"', 6) - 6, one_of(names));
  } else {
    std::vector<std::size_t> starts;
    for (std::size_t i = 1; i < line.size(); ++i) {
      if (std::isdigit(line[i]) && !std::isalnum(line[i - 1]) && line[i - 1] != '_') starts.push_back(i);
    }
    if (starts.empty()) return;
    const std::size_t begin = one_of(starts);
    line.replace(begin, line.find_first_not_of("0123456789", begin) - begin, one_of(numbers));
  }
}

}  // namespace

// Whatever happened happened once.
TEST_CASE("an entry that stands twice, or is missing, is noticed") {
  const auto noticed = [](const Lines& lines) {
    try {
      return !run_check::check_text(text_of(lines), "log").sound();
    } catch (const InputError&) {
      return true;
    }
  };
  std::set<std::string> kinds;
  for (const std::string& log : {log_of(busy_load(), busy_machine(LoadPolicy::blocking, 30)), log_of(busy_load(), apart())}) {
    const Lines sound = lines_of(log);
    std::map<std::string, int> seen;
    for (std::size_t at = 0; at < sound.size(); ++at) {
      if (!sound[at].starts_with("{\"e\":\"")) continue;
      const std::string kind = sound[at].substr(6, sound[at].find('"', 6) - 6);
      if (++seen[kind] > 12) continue;
      kinds.insert(kind);
      CAPTURE(kind, at, sound[at]);
      Lines twice = sound, without = sound;
      twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(at), sound[at]);
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(at));
      CHECK(noticed(twice));
      if (kind != "batch") CHECK(noticed(without));  // the steps behind it say as much
    }
  }
  CHECK(kinds.size() >= 20);
}

TEST_CASE("a log that was tampered with is read or refused, and ends") {
  std::int64_t refused = 0, found = 0;
  CHECK(rc::check("ends", [&] {
    RapidDice dice;
    static const Lines kLogs[] = {lines_of(log_of(busy_load(), busy_machine(LoadPolicy::layerwise, 30))),
                                  lines_of(log_of(busy_load(), apart()))};
    Lines lines = kLogs[dice.pick(0, 1)];
    for (int n = dice.pick(1, 3); n > 0; --n) tamper(dice, lines);
    try {
      found += !run_check::check_text(text_of(lines), "log").sound();
    } catch (const InputError& e) {
      RC_ASSERT(!e.findings().empty());
      ++refused;
    }
  }));
  CHECK(refused > 0);
  CHECK(found > 0);
}
