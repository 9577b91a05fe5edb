// A sweep as a Slurm job array: a task a shard, requeued when its node dies
// (what it had finished is kept), and a merge that runs once all have ended.
#pragma once

#include <string>

namespace kvplan {

struct SlurmSweep {
  std::string program;  // kvplan, as the nodes find it
  std::string sweep;    // the sweep's file
  std::string out;      // the folder of results; absolute, and shared by all nodes
  int shards = 1;
  int jobs = 1;  // cores, and threads, of a shard
};

// A script for /bin/sh that submits array and merge, and prints both job ids.
std::string slurm_script(const SlurmSweep&);

// One word for /bin/sh, whatever it holds.
std::string shell_quoted(const std::string& text);

}  // namespace kvplan
