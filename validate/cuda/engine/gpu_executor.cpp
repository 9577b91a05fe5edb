#include "validate/cuda/engine/gpu_executor.hpp"

#include <algorithm>
#include <stdexcept>

#include "sim/lower_tier.hpp"
#include "validate/cuda/device/host_clock.hpp"
#include "validate/cuda/experiments/bench.hpp"

namespace kvplan::gpu {

GpuExecutor::GpuExecutor(const Workload& load, const Tokens& tokens, Model& model, const Buffer& host,
                         const Options& options)
    : load_(load),
      tokens_(tokens),
      model_(model),
      tables_(load, model.layout().pages, model.layout().page_tokens),
      slots_(load.chains, options.slots),
      file_slots_(load.chains, options.file_slots),
      host_(host),
      slot_bytes_(KvMover::slot_bytes(model.layout(), load.block_tokens / model.layout().page_tokens)),
      mover_(model.layout(), model.pool(), load.block_tokens / model.layout().page_tokens, host.as<Bf16>(),
             options.copies, options.check_every),
      options_(options),
      logits_(Memory::pinned, static_cast<std::size_t>(std::max(1, options.most_kept)) *
                                  static_cast<std::size_t>(model.shape().vocabulary) * sizeof(Bf16)) {
  if (options.file_slots > 0) files_ = std::make_unique<FileTier>(options.folder, slot_bytes_);
}

void GpuExecutor::begin(const PagedCache& g1, const std::vector<const LowerTier*>& tiers) {
  tables_.begin(g1);
  if (!tiers.empty()) host_tier_ = tiers.front();
  if (tiers.size() > 1) file_tier_ = tiers[1];
  start_ns_ = host_now_ns();
}

Time GpuExecutor::now() const { return Time((host_now_ns() - start_ns_) * kPsPerNs); }

// What is reported never lies before what was announced, nor behind what has not been told yet.
Time GpuExecutor::later(Time than, Time until) {
  return last_ = std::max(std::min(now(), until), std::max(last_, than) + Time(1));
}

void GpuExecutor::start_step(const std::vector<StepPart>& parts, const BatchFeatures& batch, unsigned copies, Time at) {
  if (step_announced_) throw std::logic_error("a step was announced while another runs");
  step_announced_ = true;
  parts_ = parts;
  step_ = {};
  step_.start = at;
  step_.batch = batch;
  step_.copies = copies;
  awaited_.clear();
  for (const StepPart& p : parts) {
    step_.loads += p.loads;
    if (p.loads > 0) awaited_[p.sequence] = p.loads;
  }
  launch_if_ready();
}

// A layer can wait only for copies that have been enqueued.
bool GpuExecutor::loads_enqueued() const {
  return std::all_of(awaited_.begin(), awaited_.end(), [&](const auto& a) {
    const auto comes = [&](const InFlight& f) { return f.active && f.enqueued && f.sequence == a.first; };
    return comes(moving_[kLoad]) + comes(moving_[kFileLoad]) >= a.second;
  });
}

void GpuExecutor::launch_if_ready() {
  if (step_announced_ && !step_launched_ && loads_enqueued()) launch_step();
}

void GpuExecutor::launch_step() {
  step_launched_ = true;
  EngineBatch batch;
  for (const StepPart& p : parts_) {
    const std::vector<std::int32_t>& pages = tables_.advance(p);
    batch.sequences.push_back({&pages, p.computed_tokens, p.new_tokens, p.samples});
    for (std::int32_t t = 0; t < p.new_tokens; ++t) batch.tokens.push_back(tokens_.at(p.turn, p.computed_tokens + t));
  }
  std::vector<KvMover::Way> awaited;
  for (const Lane lane : {kLoad, kFileLoad}) {
    const InFlight& f = moving_[lane];
    if (f.active && f.enqueued && f.by_layer && step_.loads > 0) awaited.push_back(way_of(lane));
  }
  KVPLAN_CUDA(cudaEventRecord(step_begin_, compute_));
  model_.forward(batch, compute_, [&](int layer) {
    for (const KvMover::Way way : awaited) {
      KVPLAN_CUDA(cudaStreamWaitEvent(compute_, mover_.layer_arrived(way, layer), 0));
    }
  });
  keep_logits();
  KVPLAN_CUDA(cudaEventRecord(step_end_, compute_));
}

// Of turns whose first token comes out of this step.
void GpuExecutor::keep_logits() {
  int sample = 0;
  for (const StepPart& p : parts_) {
    if (!p.samples) continue;
    const int row = sample++;
    const bool first = p.computed_tokens + p.new_tokens == load_.turns[p.turn].prompt_tokens;
    const auto kept = static_cast<std::int32_t>(kept_.size());
    if (!first || !seen_.insert(p.turn).second || kept >= options_.most_kept) continue;
    const auto loaded = loaded_.find(p.sequence);
    if (host_tier_ != nullptr && !options_.keep_any && loaded == loaded_.end()) continue;
    Bf16* to = logits_.as<Bf16>() + std::int64_t{kept} * model_.shape().vocabulary;
    kept_.push_back({p.turn, loaded == loaded_.end() ? 0 : loaded->second, to});
    KVPLAN_CUDA(cudaMemcpyAsync(to, model_.logits(row),
                                static_cast<std::size_t>(model_.shape().vocabulary) * sizeof(Bf16),
                                cudaMemcpyDeviceToHost, compute_));
  }
}

GpuExecutor::Lane GpuExecutor::lane_of(const FlowNetwork::Purpose& purpose) {
  const bool files = purpose.tier == 1;
  if (purpose.tier > 1) throw std::runtime_error("the engine has one tier beyond host memory");
  if (purpose.kind == FlowNetwork::Purpose::load) return files ? kFileLoad : kLoad;
  return files ? kWrite : kStore;
}

KvMover::Way GpuExecutor::way_of(Lane lane) {
  return lane == kLoad ? KvMover::Way::to_gpu : lane == kFileLoad ? KvMover::Way::from_file : KvMover::Way::to_host;
}

// Which pages and which slot of host memory each block of the transfer has; takes them where it is to have them.
std::vector<MovedBlock> GpuExecutor::blocks_of(Lane lane, const Transfer& transfer) {
  std::set<std::uint32_t> stays;  // in host memory, of what comes from files
  for_each_place(load_.chains, transfer.promoted, [&](std::uint32_t place) { stays.insert(place); });
  std::vector<MovedBlock> blocks;
  std::int32_t passing = options_.slots;
  for_each_place(load_.chains, transfer.ranges, [&](std::uint32_t place) {
    const bool load = lane == kLoad || lane == kFileLoad;
    MovedBlock b{place, {}, Slots::kNowhere};
    if (load) b.pages = tables_.arriving(transfer.sequence, place);
    if (lane == kStore) b.pages = tables_.pages_of(place);
    if (lane == kStore || stays.count(place) > 0) {
      b.slot = slots_.take(place, *host_tier_);
    } else {
      b.slot = lane == kFileLoad ? passing++ : slots_.of(place);
    }
    if (b.slot == Slots::kNowhere) throw std::logic_error("a block that is to be moved is not in host memory");
    blocks.push_back(std::move(b));
  });
  return blocks;
}

std::vector<FilePiece> GpuExecutor::pieces_of(const std::vector<MovedBlock>& blocks, bool write) {
  std::vector<FilePiece> pieces;
  for (const MovedBlock& b : blocks) {
    const std::int32_t slot = write ? file_slots_.take(b.place, *file_tier_) : file_slots_.of(b.place);
    if (slot == Slots::kNowhere) throw std::logic_error("a block that is to be loaded is not in the file tier");
    pieces.push_back({host_.data() + static_cast<std::size_t>(b.slot) * slot_bytes_, slot});
  }
  return pieces;
}

void GpuExecutor::start_transfer(FlowNetwork::Purpose purpose, const Transfer& transfer, Time at) {
  const Lane lane = lane_of(purpose);
  InFlight& f = moving_[lane];
  if (f.active) throw std::logic_error("two transfers of one kind at once");
  const bool load = lane == kLoad || lane == kFileLoad;
  f = {true, {purpose, transfer.bytes_per_gpu, 0, at, at, 0}, {}, transfer.sequence, options_.by_layer && load, false};
  f.blocks = blocks_of(lane, transfer);
  const auto count = static_cast<std::int64_t>(f.blocks.size());
  f.log.segments = lane == kLoad || lane == kStore ? mover_.segments(count, f.by_layer) : count;
  if (lane == kWrite) {
    files_->write(pieces_of(f.blocks, true));
  } else if (lane == kFileLoad) {
    files_->read(pieces_of(f.blocks, false));
  } else {
    enqueue(lane);
  }
}

void GpuExecutor::enqueue(Lane lane) {
  InFlight& f = moving_[lane];
  mover_.start(way_of(lane), f.blocks, f.by_layer);
  f.enqueued = true;
  launch_if_ready();
}

// Goes on with a load from files when it has been read.
bool GpuExecutor::ended(Lane lane) {
  if (lane == kWrite) return files_->write_ended();
  if (!moving_[lane].enqueued) {
    if (files_->read_ended()) enqueue(lane);
    return false;
  }
  return mover_.ended(way_of(lane));
}

void GpuExecutor::keep_outputs(std::uint32_t sequence, TurnId turn, std::int64_t kept) {
  tables_.keep_outputs(sequence, turn, kept);
}

void GpuExecutor::leave(std::uint32_t sequence) {
  tables_.leave(sequence);
  loaded_.erase(sequence);
}

Executor::Report GpuExecutor::end_transfer(Lane lane, Time until) {
  InFlight& f = moving_[lane];
  if (lane != kWrite) f.log.gpu_ns = mover_.finish(way_of(lane));
  f.log.end = later(f.log.start, until);
  if (f.sequence != kNone) {
    loaded_[f.sequence] += static_cast<std::int32_t>(f.blocks.size()) * load_.block_tokens;
    const auto waits = awaited_.find(f.sequence);
    if (waits != awaited_.end() && --waits->second == 0) awaited_.erase(waits);
  }
  f.active = false;
  transfers_.push_back(f.log);
  return {Report::transfer, f.log.purpose, f.log.end};
}

Executor::Report GpuExecutor::end_step(Time until) {
  step_announced_ = step_launched_ = false;
  float ms = 0;
  KVPLAN_CUDA(cudaEventElapsedTime(&ms, step_begin_, step_end_));
  step_.gpu_ns = static_cast<std::int64_t>(static_cast<double>(ms) * 1e6);
  step_.end = later(step_.start, until);
  steps_.push_back(step_);
  return {Report::step, {}, step_.end};
}

Executor::Report GpuExecutor::wait(Time until) {
  while (true) {
    if (interrupt_wanted) throw Interrupted();
    if (now() >= until) return {};
    bool busy = step_launched_;
    for (const Lane lane : {kLoad, kFileLoad, kStore, kWrite}) {
      if (!moving_[lane].active) continue;
      if (ended(lane)) return end_transfer(lane, until);
      busy = true;
    }
    if (step_launched_) {
      const cudaError_t state = cudaEventQuery(step_end_);
      if (state == cudaSuccess) return end_step(until);
      if (state != cudaErrorNotReady) KVPLAN_CUDA(state);
      cudaGetLastError();  // "not ready" would be told again as the error of the next launch
    }
    if (!busy && until == Time::max()) return {};
    if (!busy) host_wait_ns((until - now()).count / kPsPerNs);
  }
}

std::vector<Bf16> GpuExecutor::compute_again(TurnId turn, int chunk_tokens) {
  const std::int32_t all = load_.turns[turn].prompt_tokens, page = model_.layout().page_tokens;
  std::vector<std::int32_t> pages;
  for (std::int32_t p = 0; p * page < all; ++p) pages.push_back(p);
  for (std::int32_t done = 0; done < all;) {
    const std::int32_t chunk = std::min(chunk_tokens, all - done);
    EngineBatch batch;
    batch.sequences.push_back({&pages, done, chunk, done + chunk == all});
    for (std::int32_t t = 0; t < chunk; ++t) batch.tokens.push_back(tokens_.at(turn, done + t));
    model_.forward(batch, compute_);
    compute_.wait();
    done += chunk;
  }
  std::vector<Bf16> logits(static_cast<std::size_t>(model_.shape().vocabulary));
  KVPLAN_CUDA(
      cudaMemcpyAsync(logits.data(), model_.logits(0), logits.size() * sizeof(Bf16), cudaMemcpyDeviceToHost, compute_));
  compute_.wait();
  return logits;
}

}  // namespace kvplan::gpu
