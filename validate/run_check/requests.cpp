// Rules: order, limits, durations, tokens, parts, ends.
#include <fmt/format.h>

#include <algorithm>

#include "validate/run_check/checker.hpp"

namespace kvplan::run_check {

using Stage = Request::Stage;
using Part = Request::Part;

namespace {

// Of a chunk: its queries attend to what is computed and to the chunk up to themselves. A key whose reading takes
// longer than the queries on it counts for that.
std::int64_t pairs_of(std::int64_t chunk, std::int64_t computed, std::int64_t key_queries) {
  if (chunk <= key_queries) return key_queries * (computed + chunk);
  return chunk * computed + (chunk * (chunk + 1) + key_queries * (key_queries - 1)) / 2;
}

}  // namespace

void Checker::enter(Request& q, Part part, std::int64_t at) {
  if (q.part == Part::done) return;
  (q.part == Part::queue ? q.queue : q.part == Part::load ? q.load : q.prefill) += at - q.since;
  q.part = part;
  q.since = at;
}

void Checker::arrive(const Entry& e) {
  Request& q = request(e);
  expect("ends", q.stage == Stage::absent, fmt::format("request {} arrives twice", e.turn));
  q.stage = Stage::front_end;
  q.arrival = e.at;
}

void Checker::refuse(const Entry& e) {
  Request& q = request(e);
  const Asked& a = asked(e.turn);
  const std::int64_t all = a.prompt_tokens + a.output_tokens;
  constexpr std::int64_t kUnavailable = 4;
  if (e.reason == kUnavailable) {
    expect("ends", q.stage == Stage::front_end || q.stage == Stage::adrift,
           fmt::format("request {} is refused where it is served", e.turn));
    expect("ends", !any_open_for(e.turn), fmt::format("request {} is refused while a replica takes requests", e.turn));
    q.stage = Stage::refused;
    return;
  }
  expect("ends", q.stage == Stage::front_end, fmt::format("request {} is refused after its queue", e.turn));
  const auto fits_in = [&](std::int64_t tokens, std::int64_t replica) {
    return pages_to_run(tokens) <= pages_of_g1(replica);
  };
  bool fits = false;
  for (const Kind& k : header_.kinds) {
    fits = fits || (header_.decode.replicas == 0 ? fits_in(all, k.first_replica)
                                                 : fits_in(a.prompt_tokens, k.first_replica) &&
                                                       fits_in(all, header_.prefill_replicas()));
  }
  expect("ends", a.prompt_tokens == 0 || all > header_.max_context_tokens || !fits,
         fmt::format("request {} of {} tokens is refused, and would have fitted", e.turn, all));
  q.stage = Stage::refused;
}

void Checker::queue(const Entry& e) {
  Request& q = request(e);
  expect("order", q.stage == Stage::front_end || q.stage == Stage::adrift,
         fmt::format("request {} queues, and was neither at the front end nor without a replica", e.turn));
  expect("handover", e.replica < header_.prefill_replicas(),
         fmt::format("request {} queues with its prompt at decode replica {}", e.turn, e.replica));
  expect("away", replica(e).open, fmt::format("request {} queues at replica {}, which takes none", e.turn, e.replica));
  if (q.stage == Stage::front_end) {
    q.frontend = e.at - q.arrival;
    q.since = e.at;
  }
  q.stage = Stage::waiting;
  q.replica = e.replica;
  replica(e).waiting.push_back(e.turn);
  replica(e).stirred = true;
}

void Checker::admit(const Entry& e) {
  expect_up(e, "admits");
  Request& q = request(e);
  Replica& r = replica(e);
  auto& line = r.loaded.empty() ? r.waiting : r.loaded;
  expect("order", !line.empty() && line.front() == e.turn,
         fmt::format("replica {} admits request {} ahead of {}", e.replica, e.turn, line.empty() ? -1 : line.front()));
  std::erase(r.waiting, e.turn);
  std::erase(r.loaded, e.turn);
  if (q.stage == Stage::waiting) {
    check_hits(e, q);
  } else {
    expect("hits", q.hits.empty(), fmt::format("request {} has loaded already, and is told hits", e.turn));
  }
  q.hits.clear();
  if (e.waits == 1) {
    q.stage = Stage::loading;
    enter(q, Part::load, e.at);
    return;
  }
  if (q.stage == Stage::loaded) {
    expect("tokens", q.computed == e.cached_tokens, fmt::format("request {} lost what was loaded for it", e.turn));
  }
  q.stage = Stage::prefilling;
  enter(q, Part::prefill, e.at);
  r.running.push_back(e.turn);
}

// The hits are the first blocks of the prompt; what need not be computed is what they cover, or less. A part that is
// computed while the rest loads lies between what G1 has and that rest.
void Checker::check_hits(const Entry& e, Request& q) {
  const Places& prompt = asked(e.turn).prompt;
  std::int64_t covered = 0, counted = 0, in_g1 = 0;
  std::array<std::int64_t, 4> by_tier{};
  std::size_t next = 0;  // block of the prompt
  bool leading = true, leads = e.lead_tokens > 0;
  for (const auto& [tier, place] : q.hits) {
    if (leads && tier > 0) {
      in_g1 = covered;
      while (covered < e.lead_tokens && next < prompt.size()) covered += tokens(prompt[next++]);
      expect("hits", e.waits == 0 && covered == e.lead_tokens && covered > in_g1 && covered < e.cached_tokens,
             fmt::format("request {} computes up to token {} while what lies behind loads", e.turn, e.lead_tokens));
      counted = covered;
      leads = false;
    }
    leading = next < prompt.size() && place == prompt[next];
    if (!leading) break;
    covered += tokens(prompt[next++]);
    const std::int64_t useful = std::min(covered, e.cached_tokens) - counted;
    by_tier.at(static_cast<std::size_t>(std::min<std::int64_t>(tier, 3))) += useful;
    counted += useful;
    if (tier > 0) q.load_in_step = e.waits == 0 && e.lead_tokens == 0;
  }
  expect("hits", leading, fmt::format("the hits of request {} are not the beginning of its prompt", e.turn));
  expect("hits", e.cached_tokens <= covered && e.cached_tokens < target(e.turn) && !leads,
         fmt::format("request {} saves {} tokens with hits of {}", e.turn, e.cached_tokens, covered));
  if (q.computed_in_all == 0) q.hit_tokens = by_tier;
  q.led = false;
  q.lead = e.lead_tokens;
  q.resume = e.cached_tokens;
  q.computed = q.lead > 0 ? in_g1 : e.cached_tokens;
}

void Checker::loaded(const Entry& e) {
  Request& q = request(e);
  expect("order", q.stage == Stage::loading && q.loads_queued == 0,
         fmt::format("request {} counts as loaded, and its load has not ended", e.turn));
  queue_loaded(e);
}

void Checker::queue_loaded(const Entry& e) {
  Request& q = request(e);
  q.stage = Stage::loaded;
  q.computed = q.resume;
  enter(q, Part::queue, e.at);
  replica(e).loaded.push_back(e.turn);
}

// What it computed while the rest loads is done: it leaves the batch until all is there, and then queues to go on.
void Checker::lead_end(const Entry& e) {
  Request& q = request(e);
  Replica& r = replica(e);
  expect("tokens", q.stage == Stage::prefilling && q.lead > 0 && q.computed == q.lead,
         fmt::format("request {} has computed {} of the {} tokens ahead of its load", e.turn, q.computed, q.lead));
  expect("durations", e.at == r.next_start, fmt::format("request {} leaves its batch in the middle of a step", e.turn));
  expect("order", (e.waits == 1) == (q.loads_queued > 0),
         fmt::format("request {} {}, with {} loads under way", e.turn, e.waits == 1 ? "waits" : "does not wait",
                     q.loads_queued));
  explain_inserts(e.replica, false);
  std::erase(r.running, e.turn);
  std::erase(r.chunks, e.turn);
  q.chunk = q.lead = 0;
  q.led = true;
  if (e.waits == 1) {
    q.stage = Stage::loading;
    enter(q, Part::load, e.at);
  } else {
    queue_loaded(e);
  }
}

void Checker::release(const Entry& e) {
  Request& q = request(e);
  Replica& r = replica(e);
  expect("order", !r.loaded.empty() && r.loaded.back() == e.turn,
         fmt::format("request {} gives its load back before a newer one", e.turn));
  std::erase(r.loaded, e.turn);
  r.waiting.push_front(e.turn);
  q.stage = Stage::waiting;
  q.preemptions += q.led;  // what it computed while it loaded is lost
  q.computed = 0;
}

void Checker::preempt(const Entry& e) {
  Request& q = request(e);
  Replica& r = replica(e);
  // Into the pages of some a load still writes: they are passed over.
  const auto newest = std::find_if(r.running.rbegin(), r.running.rend(), [&](std::int64_t turn) {
    return requests_[static_cast<std::size_t>(turn)].loads_queued == 0;
  });
  expect("order", newest != r.running.rend() && *newest == e.turn,
         fmt::format("request {} is preempted, and is not the newest", e.turn));
  std::erase(r.running, e.turn);
  r.waiting.push_front(e.turn);
  enter(q, Part::queue, e.at);
  q.stage = Stage::waiting;
  q.computed = q.lead = 0;
  q.emitted_parts = emitted(q) * header_.speculation.token_parts;
  ++q.preemptions;
}

// The step before is over.
void Checker::compose(Replica& r) {
  if (r.composing) return;
  for (std::int64_t turn : r.chunks) requests_[static_cast<std::size_t>(turn)].chunk = 0;
  r.chunks.clear();
  r.composing = true;
}

void Checker::chunk(const Entry& e) {
  compose(replica(e));
  Request& q = request(e);
  const std::int64_t stop = q.lead > 0 ? q.lead : target(e.turn);
  if (!expect("tokens", q.stage == Stage::prefilling && e.tokens > 0 && q.computed + e.tokens <= stop,
              fmt::format("request {} computes {} tokens behind {} of {}", e.turn, e.tokens, q.computed, stop))) {
    return;
  }
  q.chunk = e.tokens;
  replica(e).chunks.push_back(e.turn);
}

void Checker::batch(const Entry& e) {
  Replica& r = replica(e);
  expect_up(e, "composes a batch");
  compose(r);
  r.composing = false;
  expect("books", !r.composed, fmt::format("replica {} composes a batch before it has run the one before", e.replica));
  r.composed = true;
  const Limits limits = limits_of(e.replica);
  std::int64_t decoding = 0, context = 0, new_tokens = 0, samples = 0, pairs = 0;
  for (std::int64_t turn : r.running) {
    const Request& q = requests_[static_cast<std::size_t>(turn)];
    if (q.stage != Stage::decoding) continue;
    ++decoding;
    context += context_parts(turn);
  }
  if (e.decodes == 0) context = 0;
  for (std::int64_t turn : r.chunks) {
    const Request& q = requests_[static_cast<std::size_t>(turn)];
    new_tokens += q.chunk;
    samples += q.computed + q.chunk == target(turn);
    pairs += pairs_of(q.chunk, q.computed, limits.step_costs.front().key_queries);
  }
  const std::int64_t rows = e.decodes * (1 + header_.speculation.draft_tokens);
  new_tokens += rows;
  samples += rows;
  const auto sequences = static_cast<std::int64_t>(r.running.size());
  expect("limits", sequences <= limits.max_num_seqs && e.tokens <= limits.max_num_batched_tokens,
         fmt::format("replica {} runs {} sequences and {} tokens", e.replica, sequences, e.tokens));
  expect("tokens",
         e.tokens == new_tokens && e.tokens > 0 && (e.decodes == decoding || (e.decodes == 0 && !r.chunks.empty())),
         fmt::format("replica {}: {} tokens and {} decodes, counted {} and {}", e.replica, e.tokens, e.decodes,
                     new_tokens, decoding));
  const std::int64_t copies = (active(e.replica, "load") ? 1 : 0) + (active(e.replica, "store") ? 2 : 0);
  expect("durations", e.copies == copies,
         fmt::format("replica {}: copies {} beside a step, in flight are {}", e.replica, e.copies, copies));
  expect("durations", e.at >= r.next_start,
         fmt::format("replica {} begins a step in the middle of another", e.replica));
  const StepCost& cost = limits.step_costs.at(static_cast<std::size_t>(copies));
  r.decodes = e.decodes;
  r.prepared = e.at == r.next_start && r.stepped;
  r.next_start = e.at;
  r.next_ps = std::max<std::int64_t>(1, cost.total(new_tokens, samples, context, pairs));
  r.host_ps = cost.host_ps + cost.host_sample_ps * samples;
  const std::int64_t chunk = r.chunks.empty() ? 0 : requests_[static_cast<std::size_t>(r.chunks.front())].chunk;
  const std::int64_t grows = e.decodes * header_.speculation.step_parts;
  r.growth_ps = cost.context_ps * grows + cost.pair_ps * chunk * std::max(chunk, cost.key_queries);
  if (header_.speculation.draft_tokens > 0 && e.decodes > 0) {
    const StepCost& draft = limits.draft_costs.at(static_cast<std::size_t>(copies));
    r.next_ps += draft.total(e.decodes, e.decodes, context, 0);
    r.growth_ps += draft.context_ps * grows;
  }
  explain_inserts(e.replica, true);
  check_pages(e.replica);
}

void Checker::steps(const Entry& e) {
  Replica& r = replica(e);
  expect_up(e, "computes");
  const Wide all = Wide(e.count) * e.first_ps + Wide(e.growth_ps) * e.count * (e.count - 1) / 2;
  const auto took = static_cast<std::int64_t>(all);
  if (!expect("durations", all == took && took >= 0, fmt::format("replica {}: steps without end", e.replica))) return;
  expect("durations", e.at == r.next_start && e.count > 0,
         fmt::format("replica {} starts a step at {}, expected at {}", e.replica, e.at, r.next_start));
  check_durations(e, r);
  check_gate(e, r);
  note_busy(e.replica, e.at, e.at + took, true);
  r.next_start += took;
  r.next_ps += e.count * r.growth_ps;
  r.prepared = r.stepped = true;
  r.composed = false;
  r.stirred = false;
  for (std::int64_t turn : r.running) {
    Request& q = requests_[static_cast<std::size_t>(turn)];
    if (q.stage != Stage::decoding || r.decodes == 0) continue;
    q.last_yield = header_.speculation.step_parts;
    q.emitted_parts += e.count * q.last_yield;
  }
  for (std::int64_t turn : r.chunks) {
    Request& q = requests_[static_cast<std::size_t>(turn)];
    q.computed += e.count * q.chunk;
    q.computed_in_all += e.count * q.chunk;
    expect("tokens", q.computed <= target(turn), fmt::format("request {} computes beyond its prompt", turn));
    if (q.load_in_step && q.part == Part::prefill) {
      q.load += e.stall_ps;
      q.since += e.stall_ps;
    }
    q.load_in_step = false;
  }
  explain_inserts(e.replica, false);
}

// The host's work for a step that follows another is hidden behind that one: of host and device the longer counts.
std::int64_t Checker::step_ps(const Replica& r, std::int64_t ahead, bool prepared) const {
  const std::int64_t both = r.next_ps + ahead * r.growth_ps;
  return header_.overlap && prepared ? std::max({std::int64_t{1}, both - r.host_ps, r.host_ps}) : both;
}

// All steps of an entry: since its first and last take what they should, and durations grow by a constant or stay
// until they begin to grow, it is enough to look at the ends and at the growth.
void Checker::check_durations(const Entry& e, const Replica& r) {
  const std::int64_t first = e.first_ps - e.stall_ps;
  const auto well = [&](bool prepared) {
    const bool linear = e.count == 1 || e.growth_ps == r.growth_ps || e.growth_ps == 0;
    return linear && first == step_ps(r, 0, prepared) &&
           first + (e.count - 1) * e.growth_ps == step_ps(r, e.count - 1, prepared || e.count > 1);
  };
  // Who comes at the very instant at which a replica runs dry finds nothing prepared.
  expect("durations", well(r.prepared) || (r.prepared && r.stirred && well(false)),
         fmt::format("replica {}: {} steps of {} + {} ps that should take {} + {}", e.replica, e.count, e.first_ps,
                     e.growth_ps, step_ps(r, 0, r.prepared), r.growth_ps));
}

// A step beside layer-wise loads: its last layer follows the last load, and it is no slower than one that waits for
// all.
void Checker::check_gate(const Entry& e, Replica& r) {
  std::int64_t last = -1;
  for (std::int64_t turn : r.chunks) {
    const Request& q = requests_[static_cast<std::size_t>(turn)];
    if (!q.load_in_step) continue;
    expect("durations", q.loads_queued == 0, fmt::format("request {} computes before its load has ended", turn));
    last = std::max(last, q.last_load);
  }
  if (last < 0) {
    expect("durations", e.stall_ps == 0, fmt::format("replica {} stalls for nothing", e.replica));
    return;
  }
  const std::int64_t layers = header_.kind_of_replica(e.replica).step_costs[0].layers, end = e.at + e.first_ps;
  const std::int64_t compute = e.first_ps - e.stall_ps, layer = (compute + layers - 1) / layers;
  expect("durations", end >= last + layer && e.stall_ps >= 0 && end <= std::max(e.at, last) + compute,
         fmt::format("replica {}: a step from {} of {} ps beside loads until {} ends at {}", e.replica, e.at, compute,
                     last, end));
}

void Checker::first(const Entry& e) {
  Request& q = request(e);
  Replica& r = replica(e);
  expect("tokens", q.stage == Stage::prefilling && q.computed == target(e.turn),
         fmt::format("request {} answers with {} of {} tokens computed", e.turn, q.computed, target(e.turn)));
  expect("durations", e.at == r.next_start, fmt::format("request {} answers in the middle of a step", e.turn));
  if (q.part != Part::done) {
    enter(q, Part::done, e.at);
    q.first_token = e.at;
  }
  q.last_yield = header_.speculation.token_parts;
  q.emitted_parts += q.last_yield;
  q.chunk = 0;
  q.stage = gives_away(e.replica, e.turn) ? Stage::leaving : Stage::decoding;
  std::erase(r.chunks, e.turn);
  if (q.stage != Stage::leaving) return;
  std::erase(r.running, e.turn);
  r.leaving.push_back(e.turn);
}

void Checker::finish(const Entry& e) {
  Request& q = request(e);
  Replica& r = replica(e);
  const std::int64_t wanted = std::max<std::int64_t>(1, asked(e.turn).output_tokens);
  const std::int64_t parts = wanted * header_.speculation.token_parts;
  expect("tokens",
         q.stage == Stage::decoding && q.emitted_parts >= parts && q.emitted_parts - q.last_yield < parts,
         fmt::format("request {} ends with {} of {} tokens", e.turn, emitted(q), wanted));
  expect("durations", e.at == r.next_start, fmt::format("request {} ends in the middle of a step", e.turn));
  explain_inserts(e.replica, false);
  q.finish = e.at;
  q.stage = Stage::ended;
  std::erase(r.running, e.turn);
}

// What the simulation says of a request is what the log shows.
void Checker::compare(std::int64_t turn) {
  const Request& q = requests_[static_cast<std::size_t>(turn)];
  const Said& s = log_.said[static_cast<std::size_t>(turn)];
  const auto same = [&](const char* rule, const char* what, std::int64_t said, std::int64_t seen) {
    expect(rule, said == seen,
           fmt::format("request {}: {} is said to be {}, the log shows {}", turn, what, said, seen));
  };
  if (s.outcome != "completed") {
    expect("ends", q.stage == Stage::refused && s.outcome == "refused",
           fmt::format("request {} is said to be {}", turn, s.outcome));
    return;
  }
  if (!expect("ends", q.stage == Stage::ended, fmt::format("request {} is said to be completed", turn))) return;
  same("parts", "arrival", s.arrival, q.arrival);
  same("parts", "first token", s.first_token, q.first_token);
  same("parts", "finish", s.finish, q.finish);
  same("parts", "front end", s.frontend, q.frontend);
  same("parts", "queue", s.queue, q.queue);
  same("parts", "load", s.load, q.load);
  same("parts", "prefill", s.prefill, q.prefill);
  same("parts", "time to first token", s.frontend + s.queue + s.load + s.prefill, q.first_token - q.arrival);
  same("parts", "hand-over", s.handover, q.handover.took);
  same("tokens", "computed tokens", s.computed_tokens, q.computed_in_all);
  same("tokens", "preemptions", s.preemptions, q.preemptions);
  same("hits", "HBM hits", s.hit_tokens[0], q.hit_tokens[0]);
  same("hits", "DRAM hits", s.hit_tokens[1], q.hit_tokens[1]);
  same("hits", "hits beyond", s.hit_tokens[2] + s.hit_tokens[3], q.hit_tokens[2] + q.hit_tokens[3]);
}

}  // namespace kvplan::run_check
