#include "validate/experiment_head.hpp"

#include <fmt/format.h>

namespace kvplan {

std::string model_text(const Architecture& model, Dtype weights, Dtype kv) {
  return fmt::format("{}, {} weights, {} KV", model.name, name_of(weights), name_of(kv));
}

ExperimentHead read_head(JsonReader& in) {
  ExperimentHead head;
  head.experiment.title = in.string("title");
  head.experiment.source = in.string("source");
  if (in.has("hardware")) {
    head.hardware = load_hardware(in.string("hardware"));
    head.experiment.inputs.emplace_back("hardware", head.hardware.name);
  }
  head.model = load_architecture(in.string("model"));
  head.weights = dtype_from_name(in.string("weights"));
  head.kv = dtype_from_name(in.string("kv_dtype"));
  head.experiment.inputs.emplace_back("model", model_text(head.model, head.weights, head.kv));
  return head;
}

}  // namespace kvplan
