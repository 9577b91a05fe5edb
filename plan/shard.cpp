#include "plan/shard.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/error.hpp"

namespace kvplan {
namespace {

constexpr int kMaxShards = 100'000;

std::optional<int> whole(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

Shard checked(int index, int count, const std::string& origin) {
  if (index >= count) {
    throw UsageError(fmt::format("{}: shard {} of {} does not exist", origin, index, count),
                     fmt::format("shards count from 0: 0/{} to {}/{}", count, count - 1, count));
  }
  return {index, count, origin};
}

Shard from_flag(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto index = whole(std::string_view(text).substr(0, slash));
  const auto count = slash == std::string::npos ? std::nullopt : whole(std::string_view(text).substr(slash + 1));
  if (!index || !count || *count < 1 || *count > kMaxShards) {
    throw UsageError(fmt::format("--shard is \"{}\", expected i/n with n from 1 to {}", text, kMaxShards),
                     "shards count from 0: --shard 0/4 to --shard 3/4");
  }
  return checked(*index, *count, "--shard");
}

int index_of(const char* name, const char* text) {
  const std::optional<int> index = whole(text);
  if (!index) throw UsageError(fmt::format("{} is \"{}\", expected an integer from 0", name, text));
  return *index;
}

// A task that was submitted again alone says COUNT=1: its share is then known only with --shards.
Shard from_slurm(const char* task, const char* count, const Environment& environment) {
  const auto number = [&](const char* name, int otherwise) {
    const char* text = environment(name);
    return text ? index_of(name, text) : otherwise;
  };
  const int tasks = index_of("SLURM_ARRAY_TASK_COUNT", count);
  const int first = number("SLURM_ARRAY_TASK_MIN", 0), last = number("SLURM_ARRAY_TASK_MAX", first + tasks - 1);
  const int index = index_of("SLURM_ARRAY_TASK_ID", task);
  if (tasks < 1 || first > 1 || last - first + 1 != tasks || index < first) {
    throw UsageError(
        fmt::format("task {} of the Slurm array {}-{} with {} tasks tells no shard", task, first, last, tasks),
        "say how many shards there are in all: --shards N, or --shard i/N");
  }
  return checked(index - first, tasks, "SLURM_ARRAY_TASK_ID");
}

}  // namespace

int shard_count(const std::string& text) {
  const std::optional<int> count = whole(text);
  if (count && *count >= 1 && *count <= kMaxShards) return *count;
  throw UsageError(fmt::format("--shards is \"{}\", expected an integer from 1 to {}", text, kMaxShards));
}

Shard choose_shard(const std::optional<std::string>& shard, const std::optional<std::string>& shards,
                   const Environment& environment) {
  if (shard && shards) throw UsageError("--shard and --shards exclude each other");
  if (shard) return from_flag(*shard);
  if (shards) {
    const int count = shard_count(*shards);
    for (const char* name : {"SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "PBS_ARRAY_INDEX"}) {
      if (const char* text = environment(name)) return checked(index_of(name, text), count, name);
    }
    throw UsageError("--shards needs the index of this shard, and no batch system names one",
                     "set SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX or PBS_ARRAY_INDEX, or use --shard i/n");
  }
  const char* task = environment("SLURM_ARRAY_TASK_ID");
  const char* count = environment("SLURM_ARRAY_TASK_COUNT");
  if (task && count) return from_slurm(task, count, environment);
  return {};
}

}  // namespace kvplan
