#include "plan/slurm.hpp"

#include <fmt/format.h>

namespace kvplan {
namespace {

// Slurm replaces %a, %j and the like in the names of logs; %% is a percent sign.
std::string log_path(const std::string& folder, const std::string& name) {
  std::string out;
  for (const char c : folder) out += c == '%' ? std::string("%%") : std::string(1, c);
  return out + "/" + name;
}

}  // namespace

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string slurm_script(const SlurmSweep& s) {
  const std::string program = shell_quoted(s.program), out = shell_quoted(s.out);
  const std::string shard = fmt::format("exec {} sweep {} --out {} --shards {} --jobs {}", program,
                                        shell_quoted(s.sweep), out, s.shards, s.jobs);
  const std::string merge =
      fmt::format("exec {} sweep merge {} --format csv --output {}", program, out, shell_quoted(s.out + "/merged.csv"));
  return fmt::format(
      "#!/bin/sh\n"
      "# Submits a sweep in {shards} shards, and its merge. Partition, account and time limit come from the\n"
      "# environment that sbatch reads: SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT.\n"
      "# Run it again to do what is missing: finished points are kept.\n"
      "set -eu\n"
      "mkdir -p {logs}\n"
      "shards=$(sbatch --parsable --job-name=kvplan-sweep --array=0-{last} --ntasks=1 --cpus-per-task={jobs} \\\n"
      "  --requeue --open-mode=append --output={shard_log} \\\n"
      "  --wrap={shard})\n"
      "shards=${{shards%%;*}}\n"
      "merge=$(sbatch --parsable --job-name=kvplan-merge --dependency=afterany:\"$shards\" --ntasks=1 "
      "--cpus-per-task=1 \\\n"
      "  --requeue --open-mode=append --output={merge_log} \\\n"
      "  --wrap={merge})\n"
      "echo \"shards $shards\"\n"
      "echo \"merge ${{merge%%;*}}\"\n",
      fmt::arg("shards", s.shards), fmt::arg("last", s.shards - 1), fmt::arg("jobs", s.jobs),
      fmt::arg("logs", shell_quoted(s.out + "/logs")), fmt::arg("shard", shell_quoted(shard)),
      fmt::arg("merge", shell_quoted(merge)),
      fmt::arg("shard_log", shell_quoted(log_path(s.out + "/logs", "shard-%a.log"))),
      fmt::arg("merge_log", shell_quoted(log_path(s.out + "/logs", "merge.log"))));
}

}  // namespace kvplan
