// One replica of the twin: its requests, its G1, its transfers.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "sim/config.hpp"
#include "sim/result.hpp"
#include "validate/twin/memory.hpp"
#include "validate/twin/network.hpp"

namespace kvplan::twin {

using Blocks = std::vector<BlockId>;

struct Request {
  enum class Phase { waiting, loading, loaded, prefilling, decoding };
  enum class Part { queue, load, prefill, done };

  const Turn* turn = nullptr;
  RequestRecord* record = nullptr;
  Blocks prompt;
  Phase phase = Phase::waiting;
  std::int64_t target = 0;    // tokens to compute before the next one comes out
  std::int64_t computed = 0;  // of them, those whose KV is in G1
  std::int64_t chunk = 0;     // being computed in this step
  std::int64_t generated = 0;
  std::int64_t context = 0;                            // decoding: tokens that the next step attends to
  std::int64_t pages = 0;                              // of its blocks and its own
  std::size_t referenced = 0, cached = 0, coming = 0;  // leading blocks: referenced; hits; behind them, being loaded
  int transfers = 0;                                   // that bring what is coming
  bool load_in_step = false;
  Part part = Part::queue;
  Time since{0};

  std::int64_t decodes_left() const { return turn->output_tokens - (context - turn->prompt_tokens); }
};

// First in, first out, one in flight.
struct Transfer {
  Request* request = nullptr;  // whose load it is
  Blocks blocks, promoted;
  std::int64_t bytes = 0, segments = 0;
  bool answer = false;                  // it is stored with
  Tier *from = nullptr, *to = nullptr;  // of a write beyond G2
};
struct Queue {
  int number = 0;  // of its flow on the node
  const Route* route = nullptr;
  std::deque<Transfer> transfers;
};

// From a node's G2 to a tier beyond.
struct Writer {
  Queue queue;
  std::int64_t streams = 1, most_waiting = 0, waiting = 0;
};

struct Run {
  const Workload& load;
  const SimulationConfig& config;
  SimulationResult result;
  std::set<BlockId> computed;  // by some replica, once
  std::vector<TurnId> ended;   // at this instant
  Past past;
};

class Replica {
 public:
  Replica(std::uint32_t id, Run& run, std::vector<Tier*> tiers, std::vector<Writer*> writers, Network* network,
          const std::vector<Queue>& loads, const Queue& stores);

  Time next = Time::max();  // its next step boundary
  void step(Time at);
  void arrive(TurnId turn, Time at);
  void load_ended(std::size_t tier, Time at);
  void store_ended(Time at);

  std::int64_t queued() const { return static_cast<std::int64_t>(waiting_.size() + loaded_.size()) + loading_; }
  std::int64_t running() const { return static_cast<std::int64_t>(running_.size()); }
  double kv_use() const { return 1.0 - static_cast<double>(g1_.available()) / static_cast<double>(g1_.capacity); }
  std::size_t g1_hits(const Blocks& prompt) const;
  std::vector<std::size_t> hits_below(const Blocks& prompt, std::size_t from) const;  // the tier of each
  struct FirstToken {
    Time time;
    std::int64_t tokens;  // to compute
  };
  FirstToken first_token(const Turn& turn, const std::map<TurnId, std::int64_t>& expected, Time at) const;
  bool idle() const { return running_.empty() && queued() == 0; }
  std::int64_t evicted() const { return g1_.evicted(); }

 private:
  struct Plan {  // of an admission
    std::size_t g1 = 0;
    std::vector<std::size_t> below;
    std::int64_t cached_tokens = 0, present_pages = 0, kept_pages = 0, load_pages = 0, chunk = 0, need_pages = 0;
    bool waits = false;
  };

  // replica.cpp
  void finish(Time at);
  void finish_prefill(Request& q, Time at);
  void complete(Request& q, Time at);
  std::size_t keep_answer(Request& q);
  void give_up(Request& q);
  void enter(Request& q, Request::Part part, Time at);
  void compose(Time at);
  bool add_decodes(Time at);
  void add_prefills(Time at);
  void admit(Time at);
  bool full() const;
  std::int64_t chunk_pages(const Request& q, std::int64_t tokens) const;
  void begin_chunk(Request& q, std::int64_t tokens);
  void adopt(Request& q, std::int64_t tokens);
  void note_computed(Request& q);
  bool release_newest_loaded();
  void preempt_newest(Time at);
  void take_off(Time at);
  void go_idle(Time at);
  void wake(Time at);
  std::int64_t pages_of(std::int64_t tokens) const { return ceil_div(tokens, run_.config.engine.page_tokens); }
  std::int64_t pages_of_blocks(const Request& q, std::size_t blocks) const;
  std::vector<Request*> decoding() const;

  // admission.cpp
  Plan plan(const Request& q, Time at) const;
  bool try_admit(Request& q, Time at);
  void take_hits(Request& q, const Plan& p, Time at);

  // load_choice.cpp
  std::int64_t estimated_prefill_ps(std::int64_t from, std::int64_t to) const;
  std::int64_t estimated_steps_ps(std::int64_t tokens, std::int64_t pairs) const;
  Time estimated_load(const Blocks& prompt, std::size_t from, const std::vector<std::size_t>& tiers, Time at) const;
  bool computes_again(const Request& q, const Plan& p, Time at) const;

  // transfers.cpp
  bool writes_back() const { return !tiers_.empty() && run_.config.offload.store == StorePolicy::back; }
  std::int64_t obtainable() const { return writes_back() ? g1_.free : g1_.available(); }
  bool can_obtain(std::int64_t pages, Time at);
  bool make_clean(std::int64_t pages, Time at);
  void load(Request& q, const Plan& p, Time at);
  void note_load_start(std::size_t tier, Time at);
  void open_gate(Time at);
  void arrived_in_g2(const Blocks& blocks, const Use& use);
  void store(const Blocks& candidates, const Use& use);
  void send(const Blocks& blocks, const Use& use);
  void something_changed(Time at);
  bool loads_active() const;
  std::int64_t bytes_per_gpu(const Blocks& blocks) const;
  std::int64_t load_segments(std::size_t tier, std::int64_t bytes, std::size_t blocks) const;

  const std::uint32_t id_;
  Run& run_;
  std::vector<Tier*> tiers_;  // G2 first
  std::vector<Writer*> writers_;
  Network* network_;
  std::vector<Queue> loads_;
  Queue stores_;
  PagedMemory g1_;

  std::list<Request> requests_;  // all that ever came
  std::deque<Request*> waiting_, loaded_;
  std::int64_t loading_ = 0;
  std::vector<Request*> running_;  // oldest first
  std::vector<Request*> chunks_;
  Request* unfinished_ = nullptr;

  // The step that runs, or that waits for layer-wise loads.
  bool computing_ = false, decodes_run_ = false;
  Time start_{0}, stall_{0};
  int gate_loads_ = 0;
  std::int64_t gate_step_ps_ = 0;
  Time gate_start_{0}, gate_compute_{0};

  Time idle_since_{0};
  std::int64_t budget_ = 0;
  bool head_blocked_ = false;    // the head of the queue did not fit ...
  bool memory_changed_ = false;  // ... and something has changed since
  bool preempted_ = false;
  std::int64_t leaving_pages_ = 0;
  bool decodes_wait_ = false;
};

void push(Queue& queue, Transfer transfer, Network& network, Time at);
Transfer pop(Queue& queue, Network& network, Time at);
void write_on(Writer& writer, Tier& from, Tier& to, const Blocks& blocks, Run& run, Network& network,
              const Use& use);
void write_ended(Writer& writer, Run& run, Network& network, Time at);

}  // namespace kvplan::twin
