// What the checker keeps while it reads a log: memories, transfers and requests as the log tells them.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <unordered_map>

#include "validate/run_check/check.hpp"
#include "validate/run_check/log.hpp"

namespace kvplan::run_check {

struct Memory {
  struct Held {
    std::int64_t references = 0;
    bool ready = false;
    std::int64_t readers = 0;  // transfers that read it
  };
  std::unordered_map<std::int64_t, Held> held;  // by place
  std::int64_t block_weight = 0;                // of what is held: pages in G1, blocks below
  std::int64_t private_pages = 0;
  std::unordered_map<std::int64_t, std::int64_t>
      brought;  // places that transfers have brought and nobody has said ready
};

struct Transfer {
  struct Part {
    std::int64_t from, to, place;  // memories, and a block of theirs
    auto operator<=>(const Part&) const = default;
  };
  std::int64_t turn, bytes, segments, starts, moves;
  std::vector<Part> parts;
};

struct Flow {                               // that has ended
  std::int64_t route, moves, moved, bytes;  // bytes: -1 of one that was cut off
};

// When a replica ran steps; with `known` false, when it may have: its last step was lost with it.
struct BusySpan {
  std::int64_t from, to;
  bool known;
};

struct Pace {  // of a flow that meets no other: bytes per second, until when, and whether the log tells it
  std::int64_t rate, until;
  bool known;
};

struct Handover {                   // of a prompt
  std::int64_t from = -1, to = -1;  // replicas
  std::int64_t held_tokens = 0;     // that the decode replica had when it made room
  std::int64_t lacking_bytes = 0, sent_bytes = 0, arrived_bytes = 0;
  std::int64_t took = 0;  // from its first token until it decodes
};

struct Sent {  // a part of a prompt, on its way
  std::int64_t turn, bytes, starts;
};

struct Request {
  enum class Stage {
    absent,
    front_end,
    adrift,
    waiting,
    loading,
    loaded,
    prefilling,
    leaving,  // computed where it does not decode
    arrived,  // where it decodes
    decoding,
    ended,
    refused
  };
  enum class Part { queue, load, prefill, done };
  Stage stage = Stage::absent;
  Part part = Part::queue;
  std::int64_t replica = -1, arrival = 0, since = 0, first_token = 0, finish = 0;
  std::int64_t frontend = 0, queue = 0, load = 0, prefill = 0;
  std::int64_t computed = 0, chunk = 0;
  std::int64_t lead = 0, resume = 0;               // tokens it computes while the rest loads; those it has then
  bool led = false;                                // it has computed such a part
  std::int64_t emitted_parts = 0, last_yield = 0;  // of tokens
  std::int64_t computed_in_all = 0, preemptions = 0;
  std::int64_t loads_queued = 0, last_load = 0;  // transfers under way; end of the last
  bool load_in_step = false;
  Handover handover;
  std::vector<std::pair<std::int64_t, std::int64_t>> hits;  // tier, place: of the admission that is being told
  std::array<std::int64_t, 4> hit_tokens{};                 // by tier
};

struct Replica {
  bool up = true, open = true;  // may have requests; takes more
  std::deque<std::int64_t> waiting, loaded;
  std::vector<std::int64_t> running;   // oldest first
  std::vector<std::int64_t> chunks;    // turns that compute prompt tokens in the step
  std::vector<std::int64_t> leaving;   // computed here, and kept until they are handed over
  std::deque<std::int64_t> chosen;     // to decode here, without room as yet
  std::vector<std::int64_t> reserved;  // with room, on their way
  std::deque<std::int64_t> arrived;    // and not yet in a batch
  bool composing = false;              // the next step, ahead of its batch
  bool composed = false;               // a batch, of which no step has run yet
  std::int64_t decodes = 0;            // of the batch
  bool stepped = false, stirred = false;  // has run a step; somebody has come to it since, or left it
  bool prepared = false;                  // the next step begins where another ended
  std::int64_t next_start = 0, host_ps = 0, growth_ps = 0;
  std::int64_t next_ps = 0;  // of the next step: host and device one after the other
  Places unexplained;                                            // inserted in G1, content not accounted for yet
  std::unordered_map<std::int64_t, std::int64_t> loaded_places;  // by loads that have ended
};

class Checker {
 public:
  explicit Checker(const Log& log);
  Report run();

 private:
  using Handler = void (Checker::*)(const Entry&);
  static const std::map<std::string, Handler>& handlers();

  // memories.cpp
  void insert(const Entry&);
  void ready(const Entry&);
  void reference(const Entry&);
  void unreference(const Entry&);
  void evict(const Entry&);
  void forget(const Entry&);
  void pages(const Entry&);
  void hit(const Entry&);
  void check_capacity(const Entry&);
  void check_pages(std::int64_t replica);
  void explain_inserts(std::int64_t replica, bool last_chance);

  // requests.cpp
  void arrive(const Entry&);
  void refuse(const Entry&);
  void queue(const Entry&);
  void admit(const Entry&);
  void loaded(const Entry&);
  void release(const Entry&);
  void lead_end(const Entry&);
  void preempt(const Entry&);
  void chunk(const Entry&);
  void batch(const Entry&);
  void steps(const Entry&);
  void first(const Entry&);
  void finish(const Entry&);
  void compose(Replica&);

  // fleet.cpp
  void up(const Entry&);
  void drain(const Entry&);
  void down(const Entry&);
  void hold(const Entry&);
  void lost(const Entry&);
  void cut(const Entry&);
  bool any_open_for(std::int64_t turn) const;  // with room in its G1 for all of the turn
  void expect_up(const Entry&, const char* doing);

  // handovers.cpp
  void choose(const Entry&);
  void reserve(const Entry&);
  void send(const Entry&);
  void sent(const Entry&);
  void handed_over(const Entry&);
  void join(const Entry&);
  void check_kept(std::int64_t replica);
  bool gives_away(std::int64_t replica, std::int64_t turn) const;

  void queue_loaded(const Entry&);
  void check_hits(const Entry&, Request&);
  void check_durations(const Entry&, const Replica&);
  void check_gate(const Entry&, Replica&);
  void enter(Request&, Request::Part, std::int64_t at);
  void compare(std::int64_t turn);

  // transfers.cpp
  void transfer(const Entry&);
  void part(const Entry&);
  void moves(const Entry&);
  void moved(const Entry&);
  void check_links();
  void check_left();
  // `node`: whose replicas' steps slow some of the flows; -1: nobody's do.
  void check_flows(std::int64_t node, std::vector<Flow>&, const std::vector<RouteLimit>&,
                   const std::vector<std::int64_t>& limits);
  void check_windows(const std::vector<Flow>&, const std::vector<RouteLimit>&, std::int64_t limit,
                     std::int64_t bytes_per_s);
  void check_lonely(std::int64_t node, const std::vector<Flow>&, const std::vector<RouteLimit>&,
                    const std::vector<std::int64_t>& limits);

  // pace.cpp
  void note_busy(std::int64_t replica, std::int64_t from, std::int64_t to, bool known);
  Pace pace(std::int64_t node, const RouteLimit&, const std::vector<std::int64_t>& limits, std::int64_t at) const;
  std::int64_t lonely_end(std::int64_t node, const Flow&, const RouteLimit&,
                          const std::vector<std::int64_t>& limits) const;
  std::int64_t replica_of(const RouteLimit&, std::int64_t node, std::int64_t place) const;
  const RouteLimit& route_of(std::int64_t node, std::int64_t route) const {
    return header_.kind_of_node(node).routes.at(static_cast<std::size_t>(route));
  }
  std::int64_t pages_to_run(std::int64_t tokens) const;  // and the drafts beside the last
  bool active(std::int64_t replica, const std::string& purpose) const;

  // True when all is well; counts the check.
  bool expect(const char* rule, bool well, const std::string& what);
  std::int64_t tokens(std::int64_t place) const { return tokens_of_place_.at(static_cast<std::size_t>(place)); }
  std::int64_t pages_of(std::int64_t tokens) const;
  std::int64_t pages_of_g1(std::int64_t replica) const;  // all that there are
  std::int64_t weight(std::int64_t memory, std::int64_t place) const;
  std::int64_t memory_of(std::int64_t tier, std::int64_t replica) const;
  Request& request(const Entry& e) { return requests_.at(static_cast<std::size_t>(e.turn)); }
  Replica& replica(const Entry& e) { return replicas_.at(static_cast<std::size_t>(e.replica)); }
  const Asked& asked(std::int64_t turn) const { return log_.asked.at(static_cast<std::size_t>(turn)); }
  std::int64_t target(std::int64_t turn) const;   // tokens of which its prefill computes what is no hit
  std::int64_t emitted(const Request& q) const { return q.emitted_parts / header_.speculation.token_parts; }
  std::int64_t context_parts(std::int64_t turn) const;  // that the next token of a decode attends to
  std::int64_t step_ps(const Replica&, std::int64_t ahead, bool prepared) const;  // of the step so many behind the next
  struct Limits {
    std::int64_t max_num_seqs, max_num_batched_tokens;
    const std::vector<StepCost>&step_costs, &draft_costs;
  };
  Limits limits_of(std::int64_t replica) const;

  const Log& log_;
  const Header& header_;
  Report report_;
  std::int64_t line_ = 0;
  std::vector<std::int64_t> tokens_of_place_;
  std::vector<Memory> memories_;
  std::vector<Request> requests_;
  std::vector<Replica> replicas_;
  std::map<std::pair<std::int64_t, std::int64_t>, std::deque<Transfer>> queues_;  // by node, route
  std::map<std::int64_t, std::vector<Flow>> flows_;                               // by node
  std::map<std::int64_t, std::vector<BusySpan>> busy_;                            // by replica, ascending, apart
  std::map<std::pair<std::int64_t, std::int64_t>, std::deque<Sent>> handovers_;   // by prefill and decode replica
  std::vector<Flow> handover_flows_;
};

// What a transfer takes ahead of its bytes, by the log's own tables.
std::int64_t setup_ps(const RouteLimit& route, std::int64_t bytes, std::int64_t segments);

}  // namespace kvplan::run_check
