// The simulator's executor on a GPU: steps are real layers over real pages,
// transfers are real copies, and the clock is the host's.
//
// One step runs at a time, on its stream; beside it one transfer each way, and with
// a tier in files one load from there and one write to there. A load from files is
// read whole into pinned memory, to the block's slot where the books want it there
// as well, and then copied. The host looks at events in turn, transfers before
// steps, so that a step's layer-wise loads are known to have ended before the step is.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/executor.hpp"
#include "validate/cuda/engine/file_tier.hpp"
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
    std::int32_t slots = 0;          // blocks of host memory; behind them, room for the longest prompt on its way
    std::int32_t file_slots = 0;     // blocks of files; 0: no such tier
    std::string folder;              // of the file
    std::string copies = "dma";      // as KvMover takes it
    bool by_layer = false;           // loads
    std::uint32_t check_every = 64;  // hash one block in so many
    std::int32_t most_kept = 8;      // turns whose logits are kept: those that had something loaded, or any
    bool keep_any = false;
  };
  // `host`: pinned memory for the slots, and for what is on its way from files.
  GpuExecutor(const Workload& load, const Tokens& tokens, Model& model, const Buffer& host, const Options& options);

  void begin(const PagedCache& g1, const std::vector<const LowerTier*>& tiers) override;
  void start_step(const std::vector<StepPart>& parts, const BatchFeatures& batch, unsigned copies, Time at) override;
  void start_transfer(FlowNetwork::Purpose, const Transfer&, Time at) override;
  void keep_outputs(std::uint32_t sequence, TurnId turn, std::int64_t kept) override;
  void loaded(std::uint32_t sequence) override { tables_.loaded(sequence); }
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
  // Reads and writes of the file tier go past the page cache, or there is none.
  bool files_are_direct() const { return !files_ || files_->direct(); }

 private:
  enum Lane { kLoad, kFileLoad, kStore, kWrite, kLanes };
  struct InFlight {
    bool active = false;
    LoggedTransfer log;
    std::vector<MovedBlock> blocks;
    std::uint32_t sequence = kNone;
    bool by_layer = false;
    bool enqueued = false;  // its copies are in their stream
  };
  static Lane lane_of(const FlowNetwork::Purpose& purpose);
  static KvMover::Way way_of(Lane lane);

  Time now() const;
  Time later(Time than, Time until);
  bool loads_enqueued() const;
  void launch_if_ready();
  void launch_step();
  void keep_logits();
  std::vector<MovedBlock> blocks_of(Lane lane, const Transfer& transfer);
  std::vector<FilePiece> pieces_of(const std::vector<MovedBlock>& blocks, bool write);
  void enqueue(Lane lane);
  bool ended(Lane lane);
  Report end_transfer(Lane lane, Time until);
  Report end_step(Time until);

  const Workload& load_;
  const Tokens& tokens_;
  Model& model_;
  PageTables tables_;
  Slots slots_, file_slots_;
  const Buffer& host_;
  const std::size_t slot_bytes_;
  std::unique_ptr<FileTier> files_;
  KvMover mover_;
  const Options options_;
  const Buffer logits_;  // pinned, a row for each turn that is kept
  const LowerTier* host_tier_ = nullptr;
  const LowerTier* file_tier_ = nullptr;

  Stream compute_;
  Event step_begin_, step_end_;
  std::int64_t start_ns_ = 0;
  Time last_{0};
  bool step_announced_ = false, step_launched_ = false;
  std::vector<StepPart> parts_;
  LoggedStep step_;
  InFlight moving_[kLanes];
  std::map<std::uint32_t, std::int32_t> awaited_;  // by sequence: loads that the step waits for
  std::map<std::uint32_t, std::int32_t> loaded_;   // by sequence: tokens that its loads have brought
  std::set<TurnId> seen_;                          // turns whose first token is out
  std::vector<KeptLogits> kept_;
  std::vector<LoggedStep> steps_;
  std::vector<LoggedTransfer> transfers_;
};

}  // namespace kvplan::gpu
