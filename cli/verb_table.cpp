#include "cli/verbs.hpp"

namespace kvplan {

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> table = {
      {"run", "simulate a scenario; several hardware or offload values are compared", run_verb},
      {"schema", "JSON Schema of scenarios and results", schema_verb},
  };
  return table;
}

}  // namespace kvplan
