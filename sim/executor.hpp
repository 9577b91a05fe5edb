// A real engine in place of the cost model: the scheduler and the tiers are the
// simulator's own, and an executor carries out what they decide and tells when it
// has ended. Time then is the executor's clock.
//
// The books know how many pages are taken and which blocks are where, not which
// page is which: an executor keeps pages of its own beside them (validate/cuda).
// - A step is announced when its batch is composed, and ends before the next one
//   is. Blocks that it computes are in the books from then on: sequences of the
//   same step may read them, since every layer writes before it reads.
// - A transfer is announced when it starts: one is in flight in each direction
//   of each tier. What it reads stays in the books until it is reported.
// - What a sequence loads from several tiers comes into the books together, with
//   the last of its transfers.
// - Layer-wise loads of a step's sequences are announced before the step, or while
//   it waits for those ahead of them: the executor lets each layer wait for its part.
// - Whether to load or to compute again (LoadChoice) is decided by the estimates that
//   the configuration's step times and links give.
// Null, and none of this costs anything: only what is rare asks for an executor.
#pragma once

#include <cstdint>
#include <vector>

#include "models/step_time.hpp"
#include "sim/flow_network.hpp"
#include "sim/transfer.hpp"

namespace kvplan {

class LowerTier;
class PagedCache;

// What a sequence does in a step.
struct StepPart {
  std::uint32_t sequence = 0;  // numbers are used again when a sequence has left
  TurnId turn = 0;
  std::int32_t computed_tokens = 0;  // whose KV is there before the step, or comes with its load
  std::int32_t new_tokens = 0;
  bool samples = false;    // emits a token at the end of the step
  std::int32_t loads = 0;  // layer by layer beside this step: transfers that have not been reported yet
};

class Executor {
 public:
  struct Report {
    enum Kind : std::uint8_t { nothing, step, transfer } kind = nothing;
    FlowNetwork::Purpose purpose{};  // of the transfer that has ended
    Time at{0};                      // never before what was announced or reported last
  };

  virtual ~Executor() = default;

  // Before everything else: the books, to look things up in. `tiers`: G2 first.
  virtual void begin(const PagedCache& g1, const std::vector<const LowerTier*>& tiers) = 0;
  // Decodes come first. `batch` is what the cost model would go by; `copies` as in StepTimes.
  virtual void start_step(const std::vector<StepPart>& parts, const BatchFeatures& batch, unsigned copies, Time at) = 0;
  virtual void start_transfer(FlowNetwork::Purpose, const Transfer&, Time at) = 0;
  // The first `kept` of the turn's output blocks have become blocks of their own, ahead of leave().
  virtual void keep_outputs(std::uint32_t sequence, TurnId turn, std::int64_t kept) = 0;
  // All that the sequence's loads have brought is in the books.
  virtual void loaded(std::uint32_t sequence) = 0;
  // The sequence has given up all that it held: it has ended, or waits again.
  virtual void leave(std::uint32_t sequence) = 0;
  // What has ended next, if that is before `until`; transfers before steps.
  virtual Report wait(Time until) = 0;
};

}  // namespace kvplan
