// `kvplan-gpu replay`: runs a plan's policies on the mini-engine and writes what happened.
#pragma once

#include <string>
#include <vector>

namespace kvplan::gpu {

struct ReplayOptions {
  std::string plan;                             // kvplan.replay-plan/1
  std::string plan_sha256, predictions_sha256;  // go into the log before anything runs
  std::string out = "replay.json";              // kvplan.replay/1
  std::vector<std::string> only;  // policies, in this order; one named twice runs twice. Empty: as in the plan
  bool reference = false;         // compare every turn's logits with double precision; small models only
  std::vector<std::string> arguments;
};

// The process's exit code. The log is written after every run.
int replay(const ReplayOptions& options);

}  // namespace kvplan::gpu
