#include "sim/simulation.hpp"

#include <algorithm>

#include "sim/run.hpp"

namespace kvplan {
namespace {

bool uses_policy(const SimulationConfig& c, Eviction e) {
  const auto& beyond = c.offload.beyond;
  return c.engine.eviction == e || (c.offload.enabled && c.offload.eviction == e) ||
         std::any_of(beyond.begin(), beyond.end(), [&](const LowerTierConfig& t) { return t.eviction == e; }) ||
         std::any_of(c.others.begin(), c.others.end(), [&](const SimulationConfig& o) { return uses_policy(o, e); });
}

bool fits(const EngineConfig& e, std::int64_t tokens) {
  return ceil_div(tokens + e.speculation.draft_tokens, e.page_tokens) <= e.g1_pages.count;
}

bool as_roomy(const SimulationConfig& c) {
  return std::all_of(c.others.begin(), c.others.end(), [&](const SimulationConfig& o) {
    return o.engine.g1_pages == c.engine.g1_pages && o.engine.page_tokens == c.engine.page_tokens &&
           o.engine.speculation.draft_tokens == c.engine.speculation.draft_tokens;
  });
}

}  // namespace

Simulation::Simulation(const Workload& workload, const PrefixChains& chains, const SimulationConfig& config,
                       Executor* executor, EventLog* log)
    : workload_(workload),
      config_(config),
      layout_(config),
      foresight_(workload, chains, uses_policy(config, Eviction::session), uses_policy(config, Eviction::belady)),
      run_{workload, config,   chains, {},         std::vector<std::uint8_t>(workload.block_count(), 0),
           {},       executor, log,    &foresight_},
      availability_(config, layout_),
      as_roomy_(as_roomy(config)),
      calendar_(replica_actor(static_cast<std::uint32_t>(kvplan::all_replicas(config)))) {
  KVPLAN_ASSERT(chains.block_count() == workload.block_count());
  // Scaling counts requests, not which kinds have room for them.
  KVPLAN_ASSERT(config.others.empty() ||
                (config.decode_pool.empty() && executor == nullptr && config.scaling.min_replicas == 0));
  run_.result.requests.resize(workload.turns.size());
  if (front_end_takes_turns()) passed_.assign(workload.turns.size(), 0);
  run_.result.gpu_busy_of_kind.assign(layout_.kinds(), {});
  if (config.offload.enabled) {
    tiers_.resize(1 + config.offload.beyond.size());
    writers_.resize(layout_.nodes());
    for (std::size_t level = 0; level < tiers_.size(); ++level) {
      tiers_[level].resize(owners(scope_of(level)));
      for (std::uint32_t i = 0; i < tiers_[level].size(); ++i) make_tier(level, i);
    }
    for (std::uint32_t node = 0; node < layout_.nodes(); ++node) {
      networks_.push_back(std::make_unique<FlowNetwork>(layout_.of_node(node).links));
      make_writers(node);
    }
  }
  replicas_.resize(layout_.replicas());
  for (std::uint32_t r = 0; r < layout_.replicas(); ++r) make_replica(r);
  if (!config.decode_pool.empty()) make_decoders();
  router_ = make_router({config.router, workload, chains, layout_.replicas()});

  first_successor_.assign(workload.turns.size() + 1, 0);
  for (const Turn& t : workload.turns) {
    if (t.arrival.after != kNone) ++first_successor_[t.arrival.after + 1];
    if (t.arrival.join != kNone) ++first_successor_[t.arrival.join + 1];
  }
  for (std::size_t i = 1; i < first_successor_.size(); ++i) first_successor_[i] += first_successor_[i - 1];
  successors_.resize(first_successor_.back());
  std::vector<std::uint32_t> next(first_successor_.begin(), first_successor_.end() - 1);
  for (TurnId t = 0; t < workload.turns.size(); ++t) {
    const Arrival& arrival = workload.turns[t].arrival;
    run_.result.requests[t].turn = t;
    if (arrival.after != kNone) successors_[next[arrival.after]++] = t;
    if (arrival.join != kNone) successors_[next[arrival.join]++] = t;
    earliest_.push_back(arrival.not_before);
    awaited_.push_back(arrival.join == kNone ? 1 : 2);
  }
  for (TurnId t = 0; t < workload.turns.size(); ++t) {
    const Arrival& arrival = workload.turns[t].arrival;
    if (arrival.after == kNone) schedule_arrival(t, arrival.time);
  }
  std::sort(static_arrivals_.begin(), static_arrivals_.end(), std::greater<>());
}

std::unique_ptr<EvictionPolicy> Simulation::eviction(Eviction policy, const SimulationConfig& kind, Bytes capacity) {
  const Bytes block = kind.kv_bytes_per_token * run_.chains.block_tokens();
  return make_eviction(policy, {config_.retention, foresight_, capacity / block});
}

// Level 0 is G2.
Scope Simulation::scope_of(std::size_t level) const {
  return level == 0 ? config_.offload.scope : config_.offload.beyond[level - 1].scope;
}

std::uint32_t Simulation::owners(Scope scope) const {
  return scope == Scope::fleet ? 1 : scope == Scope::node ? layout_.nodes() : layout_.replicas();
}

std::uint32_t Simulation::owner(Scope scope, std::uint32_t replica) const {
  return scope == Scope::fleet ? 0 : scope == Scope::node ? layout_.node_of(replica) : replica;
}

const SimulationConfig& Simulation::kind_of_owner(Scope scope, std::uint32_t owner) const {
  return scope == Scope::fleet ? config_ : scope == Scope::node ? layout_.of_node(owner) : layout_.of_replica(owner);
}

void Simulation::make_tier(std::size_t level, std::uint32_t owner) {
  const SimulationConfig& kind = kind_of_owner(scope_of(level), owner);
  const OffloadConfig& offload = kind.offload;
  const Scope scope = scope_of(level);
  const std::uint32_t replica = scope == Scope::fleet ? 0 : scope == Scope::node ? layout_.node(owner).first : owner;
  const Bytes capacity = tier_bytes(layout_, replica, level);
  const Eviction policy = level == 0 ? offload.eviction : offload.beyond[level - 1].eviction;
  tiers_[level][owner] = std::make_unique<LowerTier>(run_.chains, capacity, kind.kv_bytes_per_token,
                                                     counts_lookups(offload), eviction(policy, kind, capacity));
}

void Simulation::make_writers(std::uint32_t node) {
  const SimulationConfig& kind = layout_.of_node(node);
  const OffloadConfig& offload = kind.offload;
  FlowNetwork& network = *networks_[node];
  writers_[node].clear();
  for (std::uint32_t i = 0; i < offload.beyond.size(); ++i) {
    writers_[node].push_back(std::make_unique<WriteThrough>(
        network, network.write_route(i + 1), kind.links.beyond[i].write_streams,
        most_waiting_writes(offload.scope == Scope::fleet ? config_.offload : offload, layout_.nodes()), run_.executor,
        offload.beyond[i].store, offload.selective_hits));
  }
}

void Simulation::make_replica(std::uint32_t replica) {
  Below below;
  if (config_.offload.enabled) {
    const std::uint32_t node = layout_.node_of(replica);
    below.network = networks_[node].get();
    below.replica_on_node = layout_.place_on_node(replica);
    const Layout::Node& here = layout_.node(node);
    const Scope scope = config_.offload.scope;
    below.sharing = scope == Scope::replica ? 1 : scope == Scope::node ? here.end - here.first : layout_.replicas();
    for (std::size_t level = 0; level < tiers_.size(); ++level) {
      below.tiers.push_back(tiers_[level][owner(scope_of(level), replica)].get());
    }
    for (const auto& writer : writers_[node]) below.writers.push_back(writer.get());
  }
  replicas_[replica] = std::make_unique<Replica>(replica, run_, layout_.of_replica(replica), below);
}

void Simulation::make_decoders() {
  const SimulationConfig& own = config_.decode_pool.front();
  KVPLAN_ASSERT(!own.offload.enabled && own.replicas > 0 && run_.executor == nullptr);
  KVPLAN_ASSERT(own.engine.page_tokens == config_.engine.page_tokens);
  KVPLAN_ASSERT(!availability_.changes());
  const auto decoders = static_cast<std::uint32_t>(own.replicas);
  for (std::uint32_t r = 0; r < decoders; ++r) {
    decoders_.push_back(
        std::make_unique<Replica>(static_cast<std::uint32_t>(config_.replicas) + r, run_, own, Below{}));
    decoder_numbers_.push_back(r);
  }
  decode_router_ = make_router({own.router, workload_, run_.chains, decoders, "decode router"});
  handover_ = std::make_unique<Handover>(config_, workload_.turns.size());
}

// A turn arrives: after the front end it is refused, or reaches the queue of a replica.
void Simulation::schedule_arrival(TurnId turn, Time at) {
  RequestRecord& record = run_.result.requests[turn];
  record.arrival = at;
  if (run_.log != nullptr) run_.log->add_at(at, {Happening::arrive, kNone, turn});
  const std::int64_t tokens = workload_.turns[turn].prompt_tokens;
  record.frontend = config_.engine.frontend_fixed + Time(config_.engine.frontend_ps_per_token) * tokens;
  if (workload_.turns[turn].arrival.after == kNone) {
    static_arrivals_.emplace_back(front_end_takes_turns() ? at : at + record.frontend, turn);
  } else {
    later_arrivals_.emplace(front_end_takes_turns() ? at : at + record.frontend, turn);
  }
}

bool Simulation::front_end_takes_turns() const {
  return config_.engine.frontend_service_fixed > Time(0) || config_.engine.frontend_service_ps_per_token > 0;
}

// First come, first served: the wait and the service come on top of the time that each request spends anyway.
void Simulation::pass_front_end(TurnId turn, Time at) {
  passed_[turn] = 1;
  const std::int64_t tokens = workload_.turns[turn].prompt_tokens;
  const Time service =
      config_.engine.frontend_service_fixed + Time(config_.engine.frontend_service_ps_per_token) * tokens;
  front_end_free_ = std::max(front_end_free_, at) + service;
  RequestRecord& record = run_.result.requests[turn];
  record.frontend += front_end_free_ - at;
  later_arrivals_.emplace(at + record.frontend, turn);
  announce_arrival();
}

// Prompt and answer in one replica's memory; or the prompt in that of the one, and all in that of the other.
bool Simulation::fits_anywhere(const Turn& turn) const {
  const std::int64_t tokens = std::int64_t{turn.prompt_tokens} + turn.output_tokens;
  if (!config_.decode_pool.empty()) {
    return fits(config_.engine, turn.prompt_tokens) && fits(config_.decode_pool.front().engine, tokens);
  }
  return fits(config_.engine, tokens) || std::any_of(config_.others.begin(), config_.others.end(), [&](const auto& o) {
           return fits(o.engine, tokens);
         });
}

const std::vector<std::uint32_t>& Simulation::takers(TurnId turn) {
  const std::vector<std::uint32_t>& open = availability_.open();
  if (as_roomy_) return open;
  const std::int64_t tokens = std::int64_t{workload_.turns[turn].prompt_tokens} + workload_.turns[turn].output_tokens;
  takers_.clear();
  std::copy_if(open.begin(), open.end(), std::back_inserter(takers_),
               [&](std::uint32_t r) { return fits(layout_.of_replica(r).engine, tokens); });
  return takers_;
}

bool Simulation::taker_may_come(TurnId turn) const {
  const std::int64_t tokens = std::int64_t{workload_.turns[turn].prompt_tokens} + workload_.turns[turn].output_tokens;
  for (std::uint32_t k = 0; k < layout_.kinds(); ++k) {
    if (fits(layout_.kind(k).engine, tokens) && availability_.may_open(k)) return true;
  }
  return false;
}

bool Simulation::refuse(TurnId turn) {
  const Turn& t = workload_.turns[turn];
  const std::int64_t tokens = std::int64_t{t.prompt_tokens} + t.output_tokens;
  Refusal why = Refusal::none;
  if (t.prompt_tokens <= 0) {
    why = Refusal::empty_prompt;
  } else if (tokens > config_.engine.max_context_tokens) {
    why = Refusal::exceeds_context;
  } else if (!fits_anywhere(t)) {
    why = Refusal::exceeds_memory;
  }
  if (why == Refusal::none) return false;
  const RequestRecord& record = run_.result.requests[turn];
  end_here(turn, why, record.arrival + record.frontend);
  return true;
}

void Simulation::end_here(TurnId turn, Refusal why, Time finish) {
  RequestRecord& record = run_.result.requests[turn];
  record.outcome = Outcome::refused;
  record.refusal = why;
  if (run_.log != nullptr) run_.log->add(Happening::refuse, kNone, turn, static_cast<std::int64_t>(why));
  record.finish = finish;
  run_.ended.push_back(turn);
}

SimulationResult Simulation::run(Series* series) {
  if (series != nullptr) {
    series_ = series;
    series->begin(static_arrivals_.empty() ? Time(0) : static_arrivals_.front().first);
  }
  announce_arrival();
  announce_fleet();
  if (run_.executor != nullptr) begin_executor();
  if (run_.log != nullptr) watch();
  // An audit counts everything again: of a large load not at every event, so that all of them cost a constant each.
  const std::size_t audit_stride = 1 + (workload_.turns.size() + 16 * replicas_.size()) / 1024;
  std::size_t handled = 0;
  while (true) {
    const std::uint32_t actor = calendar_.top();
    const Time at = calendar_.time(actor);
    if (run_.executor != nullptr && take_report(at)) continue;
    if (at == Time::max()) break;
    while (at >= series_->next()) series_->add(sample(series_->next()));
    run_.result.end = at;
    if (run_.log != nullptr) run_.log->now = at;
    if (actor < handover_actor()) {
      handle_transfers(actor, at);
    } else if (actor == handover_actor()) {
      handle_handover(at);
    } else if (actor == fleet_actor()) {
      handle_fleet(at);
    } else if (actor == arrivals_actor()) {
      handle_arrivals(at);
    } else {
      handle_step(actor - replica_actor(0), at);
    }
    if (config_.check && handled++ % audit_stride == 0) audit();
  }
  finish();
  return std::move(run_.result);
}

// All events before `at` have been handled, none at it.
Sample Simulation::sample(Time at) {
  Sample s;
  s.gpu_busy = run_.result.gpu_busy;
  for (std::uint32_t id = 0; id < all_replicas(); ++id) {
    Replica& r = replica(id);
    const TimeSum before = run_.result.gpu_busy;
    r.settle(at);
    s.gpu_busy += run_.result.gpu_busy - before + r.gpu_time(r.busy_in_step(at));
    s.queued += r.queued();
    s.running += r.running();
    s.g1_pages += r.cache().capacity() - r.cache().free();
    s.g1_pages_held += r.cache().capacity() - r.cache().available();
  }
  for (const auto& level : tiers_) {
    Bytes used;
    for (const auto& tier : level) used += tier->used();
    s.below.push_back(used);
  }
  for (const auto& network : networks_) network->add_bytes_until(at, s.link_bytes);
  return s;
}

// Whoever adds or takes an arrival calls this.
void Simulation::announce_arrival() {
  Time next = Time::max();
  if (!static_arrivals_.empty()) next = static_arrivals_.back().first;
  if (!later_arrivals_.empty()) next = std::min(next, later_arrivals_.top().first);
  calendar_.set(arrivals_actor(), next);
}

void Simulation::handle_transfers(std::uint32_t node, Time at) {
  FlowNetwork& network = *networks_[node];
  const FlowNetwork::RouteId route = network.advance();
  if (route != kNone) {
    const FlowNetwork::Purpose purpose = network.purpose(route);
    end_transfer(purpose, node, layout_.node(node).first + purpose.replica_on_node, at);
  }
  calendar_.set(network_actor(node), network.next_event());
  if (availability_.draining() > 0) close_drained(at);
}

void Simulation::end_transfer(FlowNetwork::Purpose purpose, std::uint32_t node, std::uint32_t replica, Time at) {
  switch (purpose.kind) {
    case FlowNetwork::Purpose::load:
      replicas_[replica]->load_ended(purpose.tier, at);
      break;
    case FlowNetwork::Purpose::store:
      replicas_[replica]->store_ended(at);
      break;
    case FlowNetwork::Purpose::prefetch:
      replicas_[replica]->prefetched(purpose.tier, at);
      break;
    case FlowNetwork::Purpose::write:
      writers_[node][purpose.tier - 1]->ended(at);
      break;
  }
  if (purpose.kind != FlowNetwork::Purpose::write) refresh(replica);
}

// Memories are numbered: each replica's G1, then the tiers below, level by level in the order of their owners.
void Simulation::watch() {
  std::uint32_t memory = all_replicas();
  for (std::uint32_t r = 0; r < memory; ++r) replica(r).watch(run_.log);
  if (handover_) handover_->watch(run_.log);
  for (auto& level : tiers_) {
    for (auto& tier : level) tier->watch({run_.log, memory++});
  }
  for (std::uint32_t node = 0; node < networks_.size(); ++node) networks_[node]->watch(run_.log, node);
  availability_.watch(run_.log);
}

void Simulation::begin_executor() {
  KVPLAN_ASSERT(config_.replicas == 1 && config_.step_by_step && !availability_.changes() && !config_.engine.overlap &&
                config_.engine.speculation.draft_tokens == 0 && !config_.offload.prefetch);
  std::vector<const LowerTier*> tiers;
  for (const auto& level : tiers_) tiers.push_back(level.front().get());
  run_.executor->begin(replicas_.front()->cache(), tiers);
}

// True when the executor had something to report before `until`.
bool Simulation::take_report(Time until) {
  const Executor::Report report = run_.executor->wait(until);
  if (report.kind == Executor::Report::nothing) return false;
  run_.result.end = report.at;
  if (report.kind == Executor::Report::step) {
    replicas_.front()->step_reported(report.at);
    handle_step(0, report.at);
  } else {
    end_transfer(report.purpose, 0, 0, report.at);
  }
  if (config_.check) audit();
  return true;
}

void Simulation::handle_arrivals(Time at) {
  Ready ready;
  if (later_arrivals_.empty() || (!static_arrivals_.empty() && static_arrivals_.back() < later_arrivals_.top())) {
    ready = static_arrivals_.back();
    static_arrivals_.pop_back();
  } else {
    ready = later_arrivals_.top();
    later_arrivals_.pop();
  }
  announce_arrival();
  ++run_.result.events;
  if (front_end_takes_turns() && !passed_[ready.second]) {
    pass_front_end(ready.second, at);
    return;
  }
  foresight_.arrived(ready.second, at);
  if (refuse(ready.second)) {
    start_successors(at);
    return;
  }
  settle_stepped(at);
  place({ready.second, {at}}, at);
}

// A turn without think time arrives at the instant of a step boundary, behind the boundaries of the replicas up to the
// one where its predecessor ended: they have to be past theirs in mid-flight, too.
void Simulation::settle_stepped(Time at) {
  if (at != stepped_at_) return;
  for (std::uint32_t r = 0; r <= last_stepped_; ++r) replica(r).settle(at + Time(1));
}

void Simulation::handle_step(std::uint32_t replica, Time at) {
  last_stepped_ = at == stepped_at_ ? std::max(last_stepped_, replica) : replica;
  stepped_at_ = at;
  this->replica(replica).step(at);
  refresh(replica);
  if (handover_) pass_on_prompts(replica, at);
  start_successors(at);
  if (availability_.draining() > 0) close_drained(at);
}

// A decode replica is chosen for a prompt.
void Simulation::announce(const RunState::OwnPrompt& prompt, std::uint32_t from, Time at) {
  settle_stepped(at);
  const std::uint32_t to = decode_router_->choose(prompt.turn, {decoders_, decoder_numbers_}, at);
  handover_->announce(prompt.turn, from, prompt.sequence, to);
  decoders_[to]->receive(prompt.turn, at);
  refresh(static_cast<std::uint32_t>(replicas_.size()) + to);
}

// What the step that has just been composed, or ended, means for prompts on their way.
void Simulation::pass_on_prompts(std::uint32_t replica, Time at) {
  for (const RunState::OwnPrompt& p : run_.computed_prompts) {
    if (!handover_->announced(p.turn)) announce(p, replica, at);
    handover_->computed(p.turn, at);
  }
  for (const RunState::OwnPrompt& p : run_.announced_prompts) announce(p, replica, at);
  for (const RunState::OwnPrompt& p : run_.reserved_prompts) handover_->reserved(p.turn, p.sequence, p.lacking, at);
  run_.computed_prompts.clear();
  run_.announced_prompts.clear();
  run_.reserved_prompts.clear();
  calendar_.set(handover_actor(), handover_->next_event());
}

void Simulation::handle_handover(Time at) {
  if (const auto over = handover_->advance()) {
    ++run_.result.events;
    replicas_[over->from]->handed_over(over->source, at);
    decoders_[over->to]->received(over->target, at);
    refresh(over->from);
    refresh(static_cast<std::uint32_t>(replicas_.size()) + over->to);
  }
  calendar_.set(handover_actor(), handover_->next_event());
}

void Simulation::start_successors(Time at) {
  bool later = false;
  ended_turns_ += run_.ended.size();
  for (TurnId ended : run_.ended) {
    for (std::uint32_t i = first_successor_[ended]; i < first_successor_[ended + 1]; ++i) {
      const TurnId turn = successors_[i];
      const Arrival& arrival = workload_.turns[turn].arrival;
      earliest_[turn] = std::max(earliest_[turn], ended == arrival.after ? at + arrival.time : at);
      if (--awaited_[turn] > 0) continue;
      schedule_arrival(turn, earliest_[turn]);
      later = true;
    }
  }
  run_.ended.clear();
  if (later) announce_arrival();
  if (ended_turns_ == workload_.turns.size()) announce_fleet();
}

void Simulation::refresh(std::uint32_t replica) {
  calendar_.set(replica_actor(replica), this->replica(replica).next_event());
  if (networks_.empty() || replica >= replicas_.size()) return;
  const std::uint32_t node = layout_.node_of(replica);
  calendar_.set(network_actor(node), networks_[node]->next_event());
}

void Simulation::audit() const {
  for (std::uint32_t id = 0; id < all_replicas(); ++id) replica(id).audit();
  for (const auto& level : tiers_) {
    for (const auto& t : level) t->audit();
  }
}

// What a memory tells of its life, when that ends.
void Simulation::count_g1(std::uint32_t replica) {
  run_.result.evicted_g1_blocks += this->replica(replica).cache().evicted_blocks();
  const TimeSum busy = this->replica(replica).busy();
  (replica < replicas_.size() ? run_.result.gpu_busy_of_kind[layout_.kind_of(replica)] : run_.result.gpu_busy_of_decode) += busy;
}

void Simulation::count_tier(std::size_t level, std::uint32_t owner) {
  SimulationResult& result = run_.result;
  const LowerTier& tier = *tiers_[level][owner];
  const int kind = level == 0 ? 0 : static_cast<int>(config_.offload.beyond[level - 1].kind);
  (level == 0 ? result.evicted_g2_blocks : result.evicted_beyond_blocks[kind]) += tier.evicted_blocks();
  result.written[level == 0 ? 0 : 1 + kind] += tier.written();
  result.read[level == 0 ? 0 : 1 + kind] += tier.read();
}

void Simulation::finish() {
  SimulationResult& result = run_.result;
  if (series_ != &no_series_) series_->finish(sample(result.end), result.end);
  KVPLAN_ASSERT(ended_turns_ == workload_.turns.size() && held_.empty());
  for (std::uint32_t r = 0; r < all_replicas(); ++r) {
    KVPLAN_ASSERT(replica(r).idle());
    count_g1(r);
  }
  for (std::size_t level = 0; level < tiers_.size(); ++level) {
    for (std::uint32_t i = 0; i < tiers_[level].size(); ++i) count_tier(level, i);
  }
  result.fleet.started = availability_.started;
  result.fleet.stopped = availability_.stopped;
  for (std::uint32_t node = 0; node < networks_.size(); ++node) {
    const auto usage = networks_[node]->usage("node" + std::to_string(node) + " ");
    result.links.insert(result.links.end(), usage.begin(), usage.end());
  }
  if (handover_) {
    const auto usage = handover_->network().usage("handover ");
    result.links.insert(result.links.end(), usage.begin(), usage.end());
    result.handed_over = handover_->moved();
  }
  Time first = Time::max(), last{0}, first_served = Time::max(), served{0};
  for (const RequestRecord& r : result.requests) {
    first = std::min(first, r.arrival);
    last = std::max(last, r.arrival);
    if (r.outcome == Outcome::completed) {
      first_served = std::min(first_served, r.arrival);
      served = std::max(served, r.finish);
    }
    const bool exact = r.first_token - r.arrival == r.frontend + r.queue + r.load + r.prefill;
    KVPLAN_ASSERT(r.outcome == Outcome::refused || (r.outcome == Outcome::completed && exact));
  }
  if (availability_.changes()) {
    if (served < first_served) first_served = Time(0), served = result.end;  // nobody is
    availability_.tell_means(result.fleet, std::min(first_served, result.first_step), std::max(served, result.last_step));
  }
  result.in_system_at_decile.assign(10, 0);
  for (const RequestRecord& r : result.requests) {
    for (std::int64_t d = 1; d <= 10; ++d) {
      const Time t(first.count + (last - first).count / 10 * d);
      result.in_system_at_decile[d - 1] += r.outcome == Outcome::completed && r.arrival <= t && t < r.finish;
    }
  }
}

SimulationResult simulate(const Workload& workload, const SimulationConfig& config, EventLog* log, Series* series) {
  if (!workload.chains.empty()) return Simulation(workload, workload.chains, config, nullptr, log).run(series);
  const PrefixChains chains(workload);
  return Simulation(workload, chains, config, nullptr, log).run(series);
}

SimulationResult execute(const Workload& workload, const SimulationConfig& config, Executor& executor) {
  KVPLAN_ASSERT(!workload.chains.empty());
  return Simulation(workload, workload.chains, config, &executor, nullptr).run();
}

}  // namespace kvplan
