// The simulator's executor on a GPU: steps are real layers over real pages,
// transfers are real copies, and the clock is the host's.
//
// One step runs at a time, on its stream; one transfer each way beside it. The
// host looks at events in turn, transfers before steps, so that a step's layer-wise
// loads are known to have ended before the step is.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/executor.hpp"
#include "validate/cuda/engine/kv_mover.hpp"
#include "validate/cuda/engine/model.hpp"
#include "validate/cuda/engine/page_tables.hpp"
#include "validate/cuda/engine/slots.hpp"
#include "validate/cuda/engine/tokens.hpp"
#include "validate/replay/log.hpp"

namespace kvplan::gpu {

// Thrown out of a run that was asked to stop.
struct Interrupted {};

class GpuExecutor : public Executor {
 public:
  struct Options {
    std::int32_t slots = 0;          // blocks of host memory
    std::string copies = "dma";      // as KvMover takes it
    bool by_layer = false;           // loads
    std::uint32_t check_every = 64;  // hash one block in so many
    std::int32_t most_kept = 8;      // turns whose logits are kept: those that had something loaded, or any
    bool keep_any = false;
  };
  // `host`: pinned memory for the slots.
  GpuExecutor(const Workload& load, const Tokens& tokens, Model& model, const Buffer& host, const Options& options);

  void begin(const PagedCache& g1, const std::vector<const LowerTier*>& tiers) override;
  void start_step(const std::vector<StepPart>& parts, const BatchFeatures& batch, unsigned copies, Time at) override;
  void start_transfer(FlowNetwork::Purpose, const Transfer&, Time at) override;
  void keep_outputs(std::uint32_t sequence, TurnId turn, std::int64_t kept) override;
  void leave(std::uint32_t sequence) override;
  Report wait(Time until) override;

  struct KeptLogits {
    TurnId turn;
    std::int32_t loaded_tokens;
    const Bf16* logits;
  };
  const std::vector<KeptLogits>& kept() const { return kept_; }
  // After the run: the turn's prompt computed from its first token in chunks, over pages [0, ...), which overwrites
  // them.
  std::vector<Bf16> compute_again(TurnId turn, int chunk_tokens);

  std::vector<LoggedStep> take_steps() { return std::move(steps_); }
  std::vector<LoggedTransfer> take_transfers() { return std::move(transfers_); }
  const KvMover& mover() const { return mover_; }

 private:
  struct InFlight {
    bool active = false;
    LoggedTransfer log;
    std::vector<std::uint32_t> places;
    std::uint32_t sequence = kNone;
    bool by_layer = false;
  };

  Time now() const;
  Time later(Time than, Time until);
  bool loads_announced() const;
  void launch_step();
  void keep_logits();
  Report end_transfer(KvMover::Way way, Time until);
  Report end_step(Time until);

  const Workload& load_;
  const Tokens& tokens_;
  Model& model_;
  PageTables tables_;
  Slots slots_;
  KvMover mover_;
  const Options options_;
  const Buffer logits_;  // pinned, a row for each turn that is kept
  const LowerTier* host_tier_ = nullptr;

  Stream compute_;
  Event step_begin_, step_end_;
  std::int64_t start_ns_ = 0;
  Time last_{0};
  bool step_announced_ = false, step_launched_ = false;
  std::vector<StepPart> parts_;
  LoggedStep step_;
  InFlight moving_[2];                            // by Way
  std::map<std::uint32_t, std::int32_t> loaded_;  // by sequence: tokens that its loads have brought
  std::set<TurnId> seen_;                         // turns whose first token is out
  std::vector<KeptLogits> kept_;
  std::vector<LoggedStep> steps_;
  std::vector<LoggedTransfer> transfers_;
};

}  // namespace kvplan::gpu
