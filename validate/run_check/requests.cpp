// Rules: order, limits, durations, tokens, parts, ends.
#include <fmt/format.h>

#include <algorithm>

#include "validate/run_check/checker.hpp"

namespace kvplan::run_check {

using Stage = Request::Stage;
using Part = Request::Part;

namespace {

std::int64_t piece_at(const std::vector<Piece>& pieces, std::int64_t x) {
  const auto behind = std::find_if(pieces.begin(), pieces.end(), [&](const Piece& p) { return p.from > x; });
  const Piece& p = behind == pieces.begin() ? pieces.front() : *std::prev(behind);
  return p.start_ps + p.slope_ps * (x - p.from);
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
  const auto fits_in = [&](std::int64_t tokens, std::int64_t replica) { return pages_of(tokens) <= pages_of_g1(replica); };
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
  if (q.stage == Stage::waiting) check_hits(e, q);
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

// The hits are the first blocks of the prompt; what need not be computed is what they cover, or less.
void Checker::check_hits(const Entry& e, Request& q) {
  const Places& prompt = asked(e.turn).prompt;
  bool leading = q.hits.size() <= prompt.size();
  std::int64_t covered = 0, counted = 0;
  std::array<std::int64_t, 4> by_tier{};
  for (std::size_t i = 0; leading && i < q.hits.size(); ++i) {
    leading = q.hits[i].second == prompt[i];
    covered += tokens(prompt[i]);
    const std::int64_t useful = std::min(covered, e.cached_tokens) - counted;
    by_tier.at(static_cast<std::size_t>(std::min<std::int64_t>(q.hits[i].first, 3))) += useful;
    counted += useful;
    if (q.hits[i].first > 0) q.load_in_step = e.waits == 0;
  }
  expect("hits", leading, fmt::format("the hits of request {} are not the beginning of its prompt", e.turn));
  expect("hits", e.cached_tokens <= covered && e.cached_tokens < target(e.turn),
         fmt::format("request {} saves {} tokens with hits of {}", e.turn, e.cached_tokens, covered));
  if (q.computed_in_all == 0) q.hit_tokens = by_tier;
  q.computed = e.cached_tokens;
}

void Checker::loaded(const Entry& e) {
  Request& q = request(e);
  expect("order", q.stage == Stage::loading && q.loads_queued == 0,
         fmt::format("request {} counts as loaded, and its load has not ended", e.turn));
  q.stage = Stage::loaded;
  enter(q, Part::queue, e.at);
  replica(e).loaded.push_back(e.turn);
}

void Checker::release(const Entry& e) {
  Request& q = request(e);
  Replica& r = replica(e);
  expect("order", !r.loaded.empty() && r.loaded.back() == e.turn,
         fmt::format("request {} gives its load back before a newer one", e.turn));
  std::erase(r.loaded, e.turn);
  r.waiting.push_front(e.turn);
  q.stage = Stage::waiting;
  q.computed = 0;
}

void Checker::preempt(const Entry& e) {
  Request& q = request(e);
  Replica& r = replica(e);
  expect("order", !r.running.empty() && r.running.back() == e.turn,
         fmt::format("request {} is preempted, and is not the newest", e.turn));
  std::erase(r.running, e.turn);
  r.waiting.push_front(e.turn);
  enter(q, Part::queue, e.at);
  q.stage = Stage::waiting;
  q.computed = 0;
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
  if (!expect("tokens", q.stage == Stage::prefilling && e.tokens > 0 && q.computed + e.tokens <= target(e.turn),
              fmt::format("request {} computes {} tokens behind {} of {}", e.turn, e.tokens, q.computed,
                          target(e.turn)))) {
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
  std::int64_t decoding = 0, context = 0, new_tokens = 0, samples = 0, pairs = 0;
  for (std::int64_t turn : r.running) {
    const Request& q = requests_[static_cast<std::size_t>(turn)];
    if (q.stage != Stage::decoding) continue;
    ++decoding;
    context += asked(turn).prompt_tokens + q.emitted;
  }
  if (e.decodes == 0) context = 0;
  for (std::int64_t turn : r.chunks) {
    const Request& q = requests_[static_cast<std::size_t>(turn)];
    new_tokens += q.chunk;
    samples += q.computed + q.chunk == target(turn);
    pairs += q.chunk * q.computed + q.chunk * (q.chunk + 1) / 2;
  }
  new_tokens += e.decodes;
  samples += e.decodes;
  const Limits limits = limits_of(e.replica);
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
  r.next_start = e.at;
  r.next_ps = std::max<std::int64_t>(1, piece_at(cost.base, new_tokens) + piece_at(cost.head, samples) +
                                            cost.context_ps * context + cost.pair_ps * pairs);
  const std::int64_t chunk = r.chunks.empty() ? 0 : requests_[static_cast<std::size_t>(r.chunks.front())].chunk;
  r.growth_ps = cost.context_ps * e.decodes + cost.pair_ps * chunk * chunk;
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
  expect("durations", e.first_ps - e.stall_ps == r.next_ps && (e.count == 1 || e.growth_ps == r.growth_ps),
         fmt::format("replica {}: a step of {} + {} ps that should take {} + {}", e.replica, e.first_ps, e.growth_ps,
                     r.next_ps, r.growth_ps));
  check_gate(e, r);
  note_busy(e.replica, e.at, e.at + took, true);
  r.next_start += took;
  r.next_ps += e.count * r.growth_ps;
  for (std::int64_t turn : r.running) {
    Request& q = requests_[static_cast<std::size_t>(turn)];
    if (q.stage == Stage::decoding && r.decodes > 0) q.emitted += e.count;
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
  const std::int64_t layer = (r.next_ps + layers - 1) / layers;
  expect("durations", end >= last + layer && end >= e.at + r.next_ps && end <= std::max(e.at, last) + r.next_ps,
         fmt::format("replica {}: a step from {} of {} ps beside loads until {} ends at {}", e.replica, e.at, r.next_ps,
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
  ++q.emitted;
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
  expect("tokens", q.stage == Stage::decoding && q.emitted == wanted,
         fmt::format("request {} ends with {} of {} tokens", e.turn, q.emitted, wanted));
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
