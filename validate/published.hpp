// Published results, reproduced: each experiment is a JSON file of inputs and
// published figures in validate/published/ and a function that predicts them.
// What is fitted, and on what, is said; everything else is a prediction.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json_file.hpp"

namespace kvplan {

struct Comparison {
  std::string quantity;
  std::string unit;
  double predicted = 0;
  double published = 0;
  double tolerance = 0;   // relative, or absolute in `unit`; 0: shown, not gated
  bool absolute = false;
  std::string remark = {};
  double low = 0, high = 0;  // the prediction must lie between, where high > low; instead of `tolerance`

  double error() const { return absolute ? predicted - published : predicted / published - 1; }
  bool has_range() const { return high > low; }
  bool gated() const { return tolerance > 0 || has_range(); }
  bool met() const {
    if (has_range()) return low <= predicted && predicted <= high;
    return !gated() || (error() <= tolerance && -error() <= tolerance);
  }
};

struct Experiment {
  std::string name;
  std::string title;
  std::string source;
  std::vector<std::pair<std::string, std::string>> inputs;
  std::vector<Comparison> comparisons;
  std::vector<std::string> remarks;
  std::string skipped;  // why it did not run; empty when it did

  bool met() const;
};

std::vector<std::string> published_experiments();
// Throws InputError for an unknown name, with a suggestion.
Experiment run_published(const std::string& name);

// The experiments, one a file. Real data is looked for under KVPLAN_DATA (default ../shared).
Experiment nvidia_multiturn(const JsonFile& inputs);
Experiment vllm_ttft(const JsonFile& inputs);
Experiment llmd_tiered(const JsonFile& inputs);
Experiment memory_study(const JsonFile& inputs);
Experiment kvpr_decode(const JsonFile& inputs);
Experiment weight_streaming(const JsonFile& inputs);
Experiment kv_allocation(const JsonFile& inputs);
Experiment kv_capacity(const JsonFile& inputs);
Experiment storage_restore(const JsonFile& inputs);
Experiment mooncake_lru(const JsonFile& inputs);
Experiment offline_throughput(const JsonFile& inputs);

}  // namespace kvplan
