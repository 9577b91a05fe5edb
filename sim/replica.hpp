// One instance of the model on its TP group: an engine with continuous batching
// in vLLM V1 order, its G1, and its transfers to and from G2.
//
// A step is composed in this order, under max_num_batched_tokens:
//   1. every decoding sequence takes one token;
//   2. the one unfinished prefill, if any, takes what is left;
//   3. unless 1 or 2 preempted, requests are admitted first come first served,
//      those whose load is done before those that wait, while max_num_seqs,
//      memory and budget allow. Whoever does not get all of its prompt into the
//      budget is the next step's unfinished prefill, and the newest sequence.
// prefill_first: 2 and 3 come first, with the whole budget; only a step for which
// they find nothing is one of decodes, and decodes that had to wait for pages go before them. whole_prompts: in 3, whoever would not get
// all of its prompt into the budget waits for a later step, and all behind it,
// unless the prompt exceeds what any step has.
// When pages run out: evict unreferenced blocks, then take back what loaded but
// unscheduled requests hold, then preempt the newest running sequence.
//
// Time. Between two events the batch is unchanged, and its steps form a Flight.
// Whatever touches the replica from outside first settles it: the steps that
// ended strictly before are carried out, so that G1 is as it would be if every
// step had been an event of its own. What an event changes takes effect at the
// next step boundary; where it can change the batch or the duration of a step,
// it cuts the flight there.
//
// Speculation (speculation.hpp): a decode takes a token and its drafts of the budget, and contexts grow by the
// expected number of tokens. overlap: the host prepares a step while the one before it runs, so that a step takes
// as long as the longer of the two; the first after a pause takes both.
//
// A head of the queue that does not fit is tried again only when this replica's
// memory has changed: a completion, a preemption, the end of a transfer.
#pragma once

#include <boost/container/deque.hpp>
#include <vector>

#include "sim/config.hpp"
#include "sim/decode_group.hpp"
#include "sim/executor.hpp"
#include "sim/flight.hpp"
#include "sim/lower_tier.hpp"
#include "sim/paged_cache.hpp"
#include "sim/result.hpp"
#include "sim/sequence.hpp"
#include "sim/transfer_queue.hpp"
#include "sim/write_through.hpp"

namespace kvplan {

// What the replicas of one simulation share.
class Foresight;

struct RunState {
  const Workload& workload;
  const SimulationConfig& config;
  const PrefixChains& chains;          // of the workload
  SimulationResult result;
  std::vector<std::uint8_t> computed;  // by place of a block: some replica has computed it before
  std::vector<TurnId> ended;           // turns that ended at the current instant, for their successors
  Executor* executor = nullptr;        // in place of the cost model
  EventLog* log = nullptr;             // of what happens
  Foresight* foresight = nullptr;      // of the eviction policies
  // Disaggregation, at the current instant: prompts whose last step has begun, that are computed, that a decode replica
  // has room for.
  struct OwnPrompt {
    TurnId turn;
    SequenceId sequence;
    Bytes lacking{0};  // of its KV, at the decode replica
  };
  std::vector<OwnPrompt> announced_prompts = {}, computed_prompts = {}, reserved_prompts = {};
};

// What a replica reaches below G1. All empty where there is no G2.
struct Below {
  std::vector<LowerTier*> tiers;       // G2 first
  std::vector<WriteThrough*> writers;  // from G2 to each of the others
  FlowNetwork* network = nullptr;
  std::uint32_t replica_on_node = 0;
  std::uint32_t sharing = 1;  // replicas that have this G2
};

// Of a request that might come to a replica.
struct FirstTokenEstimate {
  Time time{0};             // until its first token would come out
  std::int64_t tokens = 0;  // of its prompt that it would compute
};

class Replica {
 public:
  // `config`: of its kind.
  Replica(std::uint32_t id, RunState& run, const SimulationConfig& config, const Below& below);

  // Before anything happens: this replica's G1 is the memory of its number.
  void watch(EventLog* log) { cache_.watch({log, id_}); }

  Time next_event() const { return next_event_; }
  void step(Time at);  // what is due at next_event()
  void arrive(TurnId turn, const Progress& progress, Time at);
  void load_ended(std::uint32_t tier, Time at);
  void store_ended(Time at);
  void prefetched(std::uint32_t tier, Time at);
  // The executor's step has ended: step() is due.
  void step_reported(Time at);

  // receive.cpp: a prompt that this replica has computed is at another; one that was computed elsewhere will come, has.
  void handed_over(SequenceId id, Time at);
  void receive(TurnId turn, Time at);
  void received(SequenceId id, Time at);

  // Carries out the steps that ended strictly before `at`.
  void settle(Time at);

  // The replica is lost at `at`, in the middle of whatever it does: returns the requests that it had, and gives back
  // what it holds of the tiers below. To be destroyed then.
  std::vector<Stranded> abandon(Time at);
  // Has no request, and nothing is on its way between it and the tiers below.
  bool quiet() const {
    return idle() && !loads_active() && prefetching_blocks_ == 0 && !stores_.active() && deferred_.empty() &&
           due_.empty();
  }

  // For routers, after settle().
  std::int64_t queued() const { return static_cast<std::int64_t>(waiting_.size() + loaded_.size() + expected_.size() + received_.size()) + loading_; }
  std::int64_t running() const { return static_cast<std::int64_t>(running_.size()); }
  double kv_use() const { return 1.0 - static_cast<double>(cache_.available()) / static_cast<double>(cache_.capacity()); }
  std::int64_t g1_prefix_blocks(TurnId turn) const;
  // Blocks from number `from` on that the tiers below hold, each in one or another.
  std::int64_t below_prefix_blocks(TurnId turn, std::int64_t from);

  // Appends the blocks that G1 or a tier below has ready, in no order.
  void append_held(std::vector<BlockRange>& ranges) const;
  // load_choice.cpp: `to_compute` tells, by turn, what prompts that wait here have to compute.
  FirstTokenEstimate estimated_first_token(TurnId turn, const std::vector<std::int64_t>& to_compute, Time at);

  // After settle(): what the step that is running has computed up to `at`; gpu_busy counts it when it ends.
  Time busy_in_step(Time at) const {
    return flight_.active() ? std::max(Time(0), at - flight_.start() - gate_.stall) : Time(0);
  }

  const PagedCache& cache() const { return cache_; }
  TimeSum busy() const { return busy_; }  // its part of the run's gpu_busy
  TimeSum gpu_time(Time t) const { return TimeSum(t) * config_.gpus_per_replica; }
  bool idle() const { return running_.empty() && queued() == 0 && leaving_ == 0; }
  void audit() const;

 private:
  // Why admission stopped; decides whether an event can change the next batch.
  enum class Limit : std::uint8_t { none, memory, slots, budget };

  struct Admission {  // of a request, as the tiers are at present
    std::int64_t g1 = 0, below = 0;         // leading blocks of the prompt in G1, and behind them in the tiers below
    std::int64_t cached_tokens = 0;         // that need not be computed
    std::int64_t chunk_tokens = 0;          // of its first step
    std::int64_t present_pages = 0;         // of the G1 hits, or what a loaded request holds
    std::int64_t unreferenced_pages = 0;    // of the G1 hits that can be evicted until they are taken
    std::int64_t load_pages = 0;            // for the blocks from below
    std::int64_t need_pages = 0;            // to take, in all
    bool waits = false;                     // outside the batch, for its load
    std::int64_t lead = 0;                  // of the blocks from below: computed while the others load
    std::int64_t offered = 0;               // blocks from below that it could have loaded, where it chose
    LoadDecision decision;
  };

  struct Hit {  // blocks that a tier below is the first to hold
    std::uint32_t tier = 0;
    BlockRange range;
  };

  struct Gate {  // of a step that waits for layer-wise loads
    std::int32_t loads = 0;
    std::int64_t step_ps = 0;
    Time start{0};
    Time compute_start{0};  // when the first layer of every load would be there, as they began
    Time stall{0};
  };

  // replica.cpp: time and life cycle
  SequenceId new_sequence(TurnId turn);
  std::vector<SequenceId> live_sequences() const;  // ascending
  void invite(Time at);
  void wake(Time at);
  void carry_out(std::int64_t steps);
  void finish_flight(Time at);
  void pace_copies(bool busy, Time at) {
    if (steps_slow_copies_) below_.network->set_busy(below_.replica_on_node, busy, at);
  }
  void finish_prefill(SequenceId id, Time at);
  void complete(SequenceId id, Time at);
  std::int64_t keep_outputs(Sequence& s);
  void give_up(Sequence& s);
  void stop(Time at);
  void count_busy(Time t, Time until);
  Stranded strand(SequenceId id, Time at);
  void let_go_below();
  void note(Happening what, TurnId turn, std::int64_t a = 0, std::int64_t b = 0, std::int64_t c = 0) const {
    if (run_.log != nullptr) run_.log->add(what, id_, turn, a, b, c);
  }
  void note_batch(const BatchFeatures& batch, unsigned copies) const;
  void note_admission(const Sequence& s, const Admission& a) const;
  void note_steps(std::int64_t steps, Time stall) const {
    if (run_.log == nullptr) return;
    const Time first = flight_.end_of(1) - flight_.start();
    run_.log->add_at(flight_.start(), {Happening::steps, id_, kNone, steps, first.count, flight_.growth_ps(), stall.count});
  }
  Sequence& sequence(SequenceId id) { return sequences_[id]; }
  const Turn& turn_of(const Sequence& s) const { return run_.workload.turns[s.turn]; }
  RequestRecord& record_of(const Sequence& s) { return run_.result.requests[s.turn]; }
  std::int64_t pages_of_tokens(std::int64_t tokens) const { return cache_.pages_of_tokens(tokens); }
  std::int64_t pages_of_blocks(const Turn& turn, std::int64_t blocks) const;
  std::int64_t held_pages(const Sequence& s) const;

  // schedule.cpp: composing a step
  void schedule(Time at);
  void add_prefills(Time at);
  bool add_decodes(Time at);
  bool make_room_for_decodes(Time at);
  void continue_prefill(Time at);
  void admit(Time at);
  bool slots_full() const;
  bool waits_for_budget(SequenceId id, Time at);
  std::int64_t decodes() const { return decodes_run_ ? decode_.size() : 0; }  // of the current step
  Admission look_up(const Sequence& s, Time at);
  bool try_admit(SequenceId id, Time at);
  void take_hits(Sequence& s, const Admission& a);
  void offer_looked_up(const Sequence& s, Time at);
  void begin_chunk(SequenceId id, std::int64_t tokens);
  std::int64_t chunk_pages(const Sequence& s, std::int64_t tokens) const;
  void adopt_blocks(Sequence& s, std::int64_t tokens);
  void mark_computed(const BlockRange& range);
  void note_computed(const Sequence& s, std::int64_t from, std::int64_t to);
  bool release_newest_loaded();
  void preempt_newest(Time at);
  void take_off(Time at);
  void add_draft(unsigned copies, std::int64_t& step_ps, std::int64_t& growth_ps) const;
  std::int64_t overlap_host(std::int64_t host_ps, std::int64_t& step_ps, std::int64_t& growth_ps) const;
  void hand_over(const BatchFeatures& batch, unsigned copies, Time at);
  std::int64_t flight_steps() const;
  bool shares_blocks_ahead(const Sequence& s, std::int64_t steps) const;
  void go_idle(Time at);

  // load_choice.cpp: to load, to compute again, or both
  Time estimated_steps(std::int64_t tokens, std::int64_t pairs) const;
  Time estimated_prefill(std::int64_t from, std::int64_t to) const;
  std::int64_t prompt_tokens_ahead(const std::vector<std::int64_t>& to_compute) const;
  Time estimated_load(std::int64_t from, Time at) const;
  LoadDecision choose_load(const Sequence& s, const Admission& a, Time at) const;
  void apply(const LoadDecision& d, Admission& a);
  void end_lead(SequenceId id, Time at);
  void take_loaded(Sequence& s);
  void note_loaded(SequenceId id) const {
    if (run_.executor != nullptr) run_.executor->loaded(id);
  }

  // receive.cpp: disaggregation
  void hand_over(SequenceId id);
  void announce_last_steps();
  void reserve_expected(Time at);
  bool try_reserve(SequenceId id, Time at);
  void join_received(Time at);

  // offload.cpp: transfers to and from the tiers below
  void load(SequenceId id, Time at);
  void promote(Transfer& load, Time at);
  void arrived_in_g2(const Ranges& ranges, const Use& use);
  void make_reserve(Time at);
  void prefetch(TurnId turn, Time at);  // prefetch.cpp
  Transfer prefetch_of(std::uint32_t tier);
  void start_deferred(Time at, bool all);
  void store_prompt(const Sequence& s, Time at);
  void store_answer(const Sequence& s, std::int64_t kept, Time at);
  void choose_for_store(const BlockRange& range, Ranges& chosen, std::int64_t& without_room);
  void store_stretch(const BlockRange& range, Ranges& chosen, std::int64_t& without_room);
  void send(Ranges ranges, bool answer, Time at);
  Transfer transfer_of(Ranges ranges) const;
  void release_written(const BlockRange& range);
  bool make_clean(std::int64_t pages, Time at);
  void clean_oldest(std::int64_t pages, Ranges& leaving);
  void note_load_start(std::uint32_t tier, Time at);
  bool loads_active() const;
  void open_gate(Time at);
  void batch_may_change(Time at);
  std::int64_t obtainable() const;
  bool can_obtain(std::int64_t pages, Time at);
  bool writes_back() const { return tier_ && offload_.store == StorePolicy::back; }

  const std::uint32_t id_;
  RunState& run_;
  const SimulationConfig& config_;
  const EngineConfig& engine_;
  const OffloadConfig& offload_;
  const Below below_;
  LowerTier* const tier_;  // G2, or null
  std::vector<TransferQueue> loads_;  // by tier
  std::vector<TransferQueue> prefetches_;  // by tier beyond G2, where there are any
  TransferQueue stores_;
  PagedCache cache_;
  DecodeGroup decode_;
  const bool copies_slow_steps_, steps_slow_copies_;

  std::vector<Sequence> sequences_;
  std::vector<SequenceId> free_sequences_;
  boost::container::deque<SequenceId> waiting_;  // which takes no memory while nothing ever waited
  boost::container::deque<SequenceId> loaded_;
  std::int64_t loading_ = 0;
  const bool decodes_alone_, prefills_alone_;  // disaggregation
  boost::container::deque<SequenceId> expected_, received_;  // prompts from elsewhere: without and with their KV
  std::int64_t leaving_ = 0;  // computed prompts that are not at their decode replica yet
  std::vector<SequenceId> running_;   // oldest first
  std::vector<SequenceId> chunks_;    // prefills of the current step
  SequenceId unfinished_ = kNone;     // a running prefill between two of its chunks
  std::uint64_t admissions_ = 0;

  std::vector<Transfer> deferred_;    // stores of the step that has just ended
  std::vector<Transfer> due_;         // of the one before: start at the next boundary
  std::vector<Hit> hits_;             // of the last prompt that was looked up
  std::int64_t prefetching_blocks_ = 0;  // that wait to be read into G2, or are
  std::int64_t most_prefetching_blocks_ = 0;

  Flight flight_;
  Gate gate_;
  Time next_event_ = Time::max();
  Time idle_since_{0};
  TimeSum busy_;
  std::int64_t budget_ = 0;           // tokens left in the step being composed
  Limit limit_ = Limit::none;
  bool memory_changed_ = false;       // since the head of the queue last failed to fit
  bool preempted_ = false;            // in the step being composed
  bool decodes_run_ = false;          // in the current step
  bool decodes_wait_ = false;         // for pages that are being written back: ahead of any prefill
  bool follows_step_ = false;         // the step being composed begins where another ended
  std::int64_t leaving_pages_ = 0;    // write-back: pages whose blocks are on their way to G2
  const std::int64_t reserve_pages_;  // write-back: kept free ahead of need
};

}  // namespace kvplan
