// What most published experiments begin with: title, source, hardware, model and dtypes.
#pragma once

#include <string>

#include "hardware/hardware.hpp"
#include "models/architecture.hpp"
#include "validate/published.hpp"

namespace kvplan {

struct ExperimentHead {
  Experiment experiment;  // with title, source, and an input line for each of the following
  Hardware hardware;      // where the file names one
  Architecture model;
  Dtype weights = Dtype::bf16, kv = Dtype::bf16;
};

// Reads "title", "source", "hardware" (if it is there), "model", "weights", "kv_dtype".
ExperimentHead read_head(JsonReader&);

std::string model_text(const Architecture&, Dtype weights, Dtype kv);

}  // namespace kvplan
