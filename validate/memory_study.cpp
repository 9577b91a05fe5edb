#include <fmt/format.h>

#include "models/memory.hpp"
#include "validate/experiment_head.hpp"

namespace kvplan {

Experiment memory_study(const JsonFile& file) {
  JsonFindings findings;
  JsonReader in(file, findings);
  auto [e, hardware, model, weights, kv] = read_head(in);
  const double tolerance = in.number("tolerance", 0, 1);
  const std::int64_t context = in.integer("context_tokens", 1, 10'000'000);
  e.comparisons = {
      {"weights", "bytes", static_cast<double>(model.weight_bytes(weights).count), in.number("weight_bytes", 1, 1e15),
       tolerance},
      {fmt::format("KV of {} tokens", context), "bytes",
       static_cast<double>((model.kv_bytes_per_token(kv) * context).count), in.number("kv_bytes", 1, 1e15), tolerance},
  };
  in.no_other_keys();
  findings.raise();
  double refused = 0;
  try {
    kv_memory_per_gpu(model, hardware, 1, weights);
    e.remarks.push_back("the model was found to fit");
  } catch (const InfeasibleError& error) {
    refused = 1;
    e.remarks.push_back(error.what());
  }
  e.comparisons.push_back({"out of memory (1: yes)", "", refused, 1, 0.01});
  return e;
}

}  // namespace kvplan
