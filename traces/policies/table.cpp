#include <fmt/format.h>

#include "base/error.hpp"
#include "traces/policies/policy.hpp"

namespace kvplan {

const std::vector<PolicyEntry>& policy_table() {
  static const std::vector<PolicyEntry> table = {
      {"lru", "least recently used", make_lru},
      {"lfu", "least frequently used since insertion", make_lfu},
      {"arc", "adaptive replacement", make_arc},
      {"s3-fifo", "three FIFO queues", make_s3_fifo},
      {"sieve", "a FIFO queue with a hand", make_sieve},
      {"belady", "the offline bound: next use furthest ahead", make_belady},
  };
  return table;
}

const PolicyEntry& policy_named(const std::string& name) {
  std::vector<std::string> names;
  for (const PolicyEntry& p : policy_table()) {
    if (name == p.name) return p;
    names.push_back(p.name);
  }
  throw UsageError(fmt::format("no policy \"{}\"", name), suggestion(name, names));
}

}  // namespace kvplan
