// A run as the time series that vLLM, Dynamo's KV block manager and LMCache would have exported, under their names and
// buckets, so that dashboards made for them show the simulation. docs/looking-into-runs.md tells what each rests on.
#pragma once

#include <string>

#include "reports/cells.hpp"
#include "reports/kept_run.hpp"

namespace kvplan {

struct MetricsOptions {
  std::int64_t start_unix_s = 0;
  std::int64_t step_s = 15;               // between two samples, at least
  std::int64_t most_samples = 2'000'000;  // the step grows to keep to it, about
};

struct Metrics {
  std::string text;  // OpenMetrics
  std::int64_t samples = 0, step_s = 0;
  bool from_events = false;  // stores and transfers are among them
};

// Of a folder that keeps result.json and requests.jsonl. InputError.
Metrics metrics_of(const std::string& folder, const Json& result, const MetricsOptions&);

}  // namespace kvplan
