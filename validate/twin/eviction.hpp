// What a memory of the twin evicts first where that is not LRU, which Memory has itself. Each policy has a file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sim/config.hpp"
#include "traces/workload.hpp"

namespace kvplan::twin {

// What happens to a block, at an instant, on behalf of an answer or of a prompt.
struct Use {
  Time at{0};
  bool answer = false;
};

// What has happened to turns so far.
struct Seen {
  TurnId turn;
  Time at;
  bool end = false;  // of the turn, or its arrival
};
using Past = std::vector<Seen>;

// Some policies give a block a rank whenever it is used, or stored: the lowest goes first, among equals what was ranked
// longest ago. `uses`: by prompts since it came; the coming counts. `before`: the rank that it has had since.
struct Rank {
  std::int64_t value = 0;
  Time until = Time::max();  // from then on:
  std::int64_t later = 0;
};
using Ranking = std::function<Rank(BlockId, std::int64_t uses, const Use&, const Rank& before)>;

Ranking rank_by_uses();
Ranking rank_by_priority(const Workload&, const RetentionConfig&);
Ranking rank_by_next_use(const Workload&, const Past&);
Ranking rank_by_think_time(const Workload&, const Past&);

// Others have queues of their own.
class Queues {
 public:
  virtual ~Queues() = default;
  virtual void miss(BlockId) {}  // absent; room is about to be made for it
  virtual void come(BlockId) = 0;
  virtual void all_came() {}  // of what comes together
  virtual void use(BlockId) = 0;  // by a prompt
  virtual void evicted(BlockId) = 0;
  // Of those that `may_go`, of which there are some.
  virtual BlockId next(const std::function<bool(BlockId)>& may_go) = 0;
};

std::shared_ptr<Queues> arc_queues(std::int64_t capacity_blocks);
std::shared_ptr<Queues> sieve_queue();
std::shared_ptr<Queues> s3_fifo_queues(std::int64_t capacity_blocks);

struct Order {  // neither: LRU
  Ranking ranking;
  std::shared_ptr<Queues> queues;
};

Order order_of(Eviction, const Workload&, const RetentionConfig&, const Past&, std::int64_t capacity_blocks);

}  // namespace kvplan::twin
