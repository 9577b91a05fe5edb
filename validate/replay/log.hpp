// kvplan.replay/1: what really happened when the mini-engine ran a plan: every
// step, transfer and request, and what its own checks found. Times are
// picoseconds of the run's clock, as in the simulator.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/step_time.hpp"
#include "sim/flow_network.hpp"
#include "sim/result.hpp"
#include "validate/gpu_run/gpu_run.hpp"

namespace kvplan {

struct LoggedStep {
  Time start{0}, end{0};    // as the scheduler saw it
  std::int64_t gpu_ns = 0;  // between events around its kernels
  BatchFeatures batch;
  unsigned copies = 0;     // in flight when it began: bit 0 loads, bit 1 stores
  std::int32_t loads = 0;  // of its own, layer by layer
};

struct LoggedTransfer {
  FlowNetwork::Purpose purpose{};
  Bytes bytes{0};
  std::int64_t segments = 0;
  Time start{0}, end{0};
  std::int64_t gpu_ns = 0;  // between events around its copies; 0 where no GPU took part
};

// Logits of a turn's first answer token, against those of the same turn never offloaded (its whole prompt computed
// again), or against a reference in double precision.
struct LoggedLogits {
  TurnId turn = 0;
  std::int32_t loaded_tokens = 0;
  double error = 0;             // relative: root mean square of the difference over that of the logits
  double reference_error = -1;  // -1: not compared
};

struct ReplayRun {
  std::string policy;
  bool complete = false;
  bool files_are_direct = true;  // the file tier, if any, went past the page cache
  SimulationResult result;       // requests and counters, as the scheduler kept them
  std::vector<LoggedStep> steps;
  std::vector<LoggedTransfer> transfers;
  std::int64_t blocks_checked = 0, blocks_wrong = 0;
  std::vector<LoggedLogits> logits;
};

struct ReplayLog {
  std::string utc, version;
  std::vector<std::string> arguments;
  std::string plan_sha256, predictions_sha256;  // as the command line told them before the run
  bool synthetic = false;                       // ran on a formula, not on a GPU
  RunValues gpu, host;
  std::vector<RunFinding> findings;
  std::vector<ReplayRun> runs;
};

std::string to_json_text(const ReplayLog&);
// Throws std::runtime_error that names the file and what is wrong.
ReplayLog parse_replay_log(const std::string& text, const std::string& name);

}  // namespace kvplan
