// Follows the log of a run from beginning to end and notes what some of its requests went through. Of all others it
// keeps no more than who waits, who runs and what moves.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "reports/lives.hpp"

namespace kvplan {

class Witness {
 public:
  // `lives`: of the requests to follow; their spans and loads are filled as events are seen.
  Witness(std::size_t requests, std::vector<Life>& lives);

  void begin(const KeptLimits& limits);  // which must outlive the witness
  void see(const Event&);

 private:
  enum class Stage : std::uint8_t { absent, waiting, loading, loaded, running, gone };

  // Of a request that is followed.
  struct Followed {
    Life* life = nullptr;
    LifePart part = LifePart::frontend;
    Time since;
    std::uint32_t replica = 0;  // that it is on; ahead of a queue the one that it comes to
    bool answered = false;           // its first token is out
    bool load_in_step = false;       // its first step computes while its load is under way
    std::string words;               // of the span that is under way
    std::int64_t batches = 0;        // composed on its replica in this span
    std::int64_t others_tokens = 0;  // prompt tokens that its replica computed for others in this span
    std::int64_t steps = 0, tokens = 0, most_decodes = 0;  // of its prefill in this span
    std::int64_t preemptions = 0;
  };
  struct Replica {
    std::int64_t waiting = 0, running = 0;
    std::vector<std::pair<TurnId, std::int64_t>> chunks;  // of the batch: whose prompt tokens a step computes
    bool composing = false;
    std::int64_t decodes = 0;
    std::vector<TurnId> followed;  // on it, not yet gone
  };
  struct Transfer {
    TurnId turn;
    bool moving = false;
    std::size_t load = 0;  // of the life, when the turn is followed
  };
  using Queue = std::deque<Transfer>;

  Followed* followed(TurnId turn);
  void move_to(TurnId turn, std::uint32_t replica, Stage stage);
  void enter(Followed& f, LifePart part, Time at, std::string words);
  std::string words_of(const Followed& f) const;
  void see_fleet(const Event&);
  void see_request(const Event&);
  void see_join(const Event&);
  void see_step(const Event&);
  void see_transfer(const Event&);
  void meet(std::uint32_t node, std::size_t route, const Transfer& mover);
  LifeLoad* load_of(const Transfer& t, std::uint32_t node, std::size_t route);
  void compose(Replica&);

  const KeptLimits* limits_ = nullptr;
  std::vector<Stage> stage_;         // by turn
  std::vector<std::uint32_t> where_;  // by turn: the replica that it is on, or was last
  std::vector<std::int32_t> index_;  // by turn, into followed_; -1
  std::vector<Followed> followed_;
  std::vector<Replica> replicas_;
  std::map<std::pair<std::uint32_t, std::size_t>, Queue> queues_;  // by node and route
};

}  // namespace kvplan
