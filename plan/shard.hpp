// A part of a sweep: the points at places index, index + count, ... of the order
// in which they are worked on, so that long and short ones are dealt evenly.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace kvplan {

struct Shard {
  int index = 0;  // from 0
  int count = 1;
  std::string origin;  // "--shard", "SLURM_ARRAY_TASK_ID", ...; "" for a whole sweep
};

using Environment = std::function<const char*(const char* name)>;  // null: not set

// --shard i/n as given; otherwise --shards n with the index of the batch system
// (SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, PBS_ARRAY_INDEX); otherwise, inside
// of a Slurm array that runs from 0 or 1 in steps of 1, its task of its count;
// otherwise the whole. UsageError.
Shard choose_shard(const std::optional<std::string>& shard, const std::optional<std::string>& shards,
                   const Environment&);

// "--shards" as a number. UsageError.
int shard_count(const std::string& text);

}  // namespace kvplan
