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
      mover_(model.layout(), model.pool(), load.block_tokens / model.layout().page_tokens, host.as<Bf16>(),
             options.copies, options.check_every),
      options_(options),
      logits_(Memory::pinned, static_cast<std::size_t>(std::max(1, options.most_kept)) *
                                  static_cast<std::size_t>(model.shape().vocabulary) * sizeof(Bf16)) {}

void GpuExecutor::begin(const PagedCache& g1, const std::vector<const LowerTier*>& tiers) {
  tables_.begin(g1);
  if (!tiers.empty()) host_tier_ = tiers.front();
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
  for (const StepPart& p : parts) step_.loads += p.loads;
  if (loads_announced()) launch_step();
}

// A layer can wait only for copies that have been enqueued.
bool GpuExecutor::loads_announced() const {
  const InFlight& load = moving_[static_cast<int>(KvMover::Way::to_gpu)];
  return std::all_of(parts_.begin(), parts_.end(), [&](const StepPart& p) {
    return p.loads == 0 || loaded_.count(p.sequence) > 0 || (load.active && load.sequence == p.sequence);
  });
}

void GpuExecutor::launch_step() {
  step_launched_ = true;
  EngineBatch batch;
  for (const StepPart& p : parts_) {
    const std::vector<std::int32_t>& pages = tables_.advance(p);
    batch.sequences.push_back({&pages, p.computed_tokens, p.new_tokens, p.samples});
    for (std::int32_t t = 0; t < p.new_tokens; ++t) batch.tokens.push_back(tokens_.at(p.turn, p.computed_tokens + t));
  }
  const InFlight& load = moving_[static_cast<int>(KvMover::Way::to_gpu)];
  const bool waits = load.active && load.by_layer && step_.loads > 0;
  KVPLAN_CUDA(cudaEventRecord(step_begin_, compute_));
  model_.forward(batch, compute_, [&](int layer) {
    if (waits) KVPLAN_CUDA(cudaStreamWaitEvent(compute_, mover_.layer_arrived(layer), 0));
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

void GpuExecutor::start_transfer(FlowNetwork::Purpose purpose, const Transfer& transfer, Time at) {
  if (purpose.tier != 0 || purpose.kind == FlowNetwork::Purpose::write) {
    throw std::runtime_error("the engine has no tier beyond host memory");
  }
  const bool store = purpose.kind == FlowNetwork::Purpose::store;
  const KvMover::Way way = store ? KvMover::Way::to_host : KvMover::Way::to_gpu;
  InFlight& f = moving_[static_cast<int>(way)];
  if (f.active) throw std::logic_error("two transfers the same way at once");
  f = {true, {purpose, transfer.bytes_per_gpu, 0, at, at, 0}, {}, transfer.sequence, options_.by_layer && !store};
  std::vector<MovedBlock> blocks;
  for_each_place(load_.chains, transfer.ranges, [&](std::uint32_t place) {
    f.places.push_back(place);
    if (store) {
      blocks.push_back({place, tables_.pages_of(place), slots_.take(place, *host_tier_)});
    } else {
      const std::int32_t slot = slots_.of(place);
      if (slot == Slots::kNowhere) throw std::logic_error("a block that is to be loaded is not in host memory");
      blocks.push_back({place, tables_.arriving(place), slot});
    }
  });
  f.log.segments = mover_.segments(static_cast<std::int64_t>(blocks.size()), f.by_layer);
  mover_.start(way, blocks, f.by_layer);
  if (!store && step_announced_ && !step_launched_ && loads_announced()) launch_step();
}

void GpuExecutor::keep_outputs(std::uint32_t sequence, TurnId turn, std::int64_t kept) {
  tables_.keep_outputs(sequence, turn, kept);
}

void GpuExecutor::leave(std::uint32_t sequence) {
  tables_.leave(sequence);
  loaded_.erase(sequence);
}

Executor::Report GpuExecutor::end_transfer(KvMover::Way way, Time until) {
  InFlight& f = moving_[static_cast<int>(way)];
  f.log.gpu_ns = mover_.finish(way);
  f.log.end = later(f.log.start, until);
  if (way == KvMover::Way::to_gpu) {
    for (const std::uint32_t place : f.places) tables_.arrived(place);
    loaded_[f.sequence] += static_cast<std::int32_t>(f.places.size()) * load_.block_tokens;
  }
  f.active = false;
  transfers_.push_back(f.log);
  return {Report::transfer, f.log.purpose, f.log.end};
}

Executor::Report GpuExecutor::end_step(Time until) {
  step_announced_ = step_launched_ = false;
  tables_.step_ended();
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
    for (const KvMover::Way way : {KvMover::Way::to_gpu, KvMover::Way::to_host}) {
      if (!moving_[static_cast<int>(way)].active) continue;
      if (mover_.ended(way)) return end_transfer(way, until);
      busy = true;
    }
    if (step_launched_) {
      const cudaError_t state = cudaEventQuery(step_end_);
      if (state == cudaSuccess) return end_step(until);
      if (state != cudaErrorNotReady) KVPLAN_CUDA(state);
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
