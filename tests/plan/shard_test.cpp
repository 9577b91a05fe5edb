#include "plan/shard.hpp"

#include <map>

#include "base/error.hpp"
#include "plan/slurm.hpp"
#include "tests/catch.hpp"

using namespace kvplan;

namespace {

using Variables = std::map<std::string, std::string>;

std::string chosen(const std::optional<std::string>& shard, const std::optional<std::string>& shards,
                   const Variables& variables) {
  const Shard s = choose_shard(shard, shards, [&](const char* name) {
    const auto it = variables.find(name);
    return it == variables.end() ? nullptr : it->second.c_str();
  });
  return std::to_string(s.index) + "/" + std::to_string(s.count) + " " + s.origin;
}

}  // namespace

TEST_CASE("a shard comes from the flag, else from the batch system") {
  CHECK(chosen({}, {}, {}) == "0/1 ");
  CHECK(chosen("2/4", {}, {{"SLURM_ARRAY_TASK_ID", "9"}}) == "2/4 --shard");
  CHECK(chosen({}, "4", {{"SLURM_ARRAY_TASK_ID", "3"}, {"SLURM_ARRAY_TASK_COUNT", "1"}}) == "3/4 SLURM_ARRAY_TASK_ID");
  CHECK(chosen({}, "4", {{"JOB_COMPLETION_INDEX", "0"}}) == "0/4 JOB_COMPLETION_INDEX");
  CHECK(chosen({}, "4", {{"PBS_ARRAY_INDEX", "1"}}) == "1/4 PBS_ARRAY_INDEX");
  CHECK(chosen({}, {}, {{"JOB_COMPLETION_INDEX", "3"}}) == "0/1 ");
}

TEST_CASE("inside of a Slurm array the whole array is the sweep, unless it is only a part of one") {
  const auto array = [](const char* id, const char* count, const char* first, const char* last) {
    return Variables{{"SLURM_ARRAY_TASK_ID", id},
                     {"SLURM_ARRAY_TASK_COUNT", count},
                     {"SLURM_ARRAY_TASK_MIN", first},
                     {"SLURM_ARRAY_TASK_MAX", last}};
  };
  CHECK(chosen({}, {}, {{"SLURM_ARRAY_TASK_ID", "1"}, {"SLURM_ARRAY_TASK_COUNT", "3"}}) == "1/3 SLURM_ARRAY_TASK_ID");
  CHECK(chosen({}, {}, array("3", "3", "1", "3")) == "2/3 SLURM_ARRAY_TASK_ID");
  CHECK_THROWS_AS(chosen({}, {}, array("2", "1", "2", "2")), UsageError);  // submitted again alone
  CHECK_THROWS_AS(chosen({}, {}, array("4", "3", "0", "4")), UsageError);  // 0, 2, 4
}

TEST_CASE("shards that do not exist are refused") {
  for (const char* text : {"", "3", "4/4", "-1/4", "1/0", "a/b", "1/2/3", "1.5/4", "0/100001"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(chosen(text, {}, {}), UsageError);
  }
  CHECK_THROWS_AS(chosen("0/2", "2", {}), UsageError);
  CHECK_THROWS_AS(chosen({}, "2", {}), UsageError);
  CHECK_THROWS_AS(chosen({}, "2", {{"PBS_ARRAY_INDEX", "2"}}), UsageError);
  CHECK_THROWS_AS(chosen({}, "2", {{"PBS_ARRAY_INDEX", "x"}}), UsageError);
  CHECK_THROWS_AS(chosen({}, "0", {{"PBS_ARRAY_INDEX", "0"}}), UsageError);
}

TEST_CASE("a word for the shell is one word, whatever it holds") {
  CHECK(shell_quoted("a b") == "'a b'");
  CHECK(shell_quoted("it's $HOME") == "'it'\\''s $HOME'");
}
