// From rows of a server file to what predicts them: hardware, model, kernels, KV pool.
#pragma once

#include <string>
#include <vector>

#include "hardware/hardware.hpp"
#include "models/operators/operator_model.hpp"
#include "models/overheads.hpp"
#include "validate/benchmark.hpp"

namespace kvplan {

// A row with all that its simulation needs but the overheads.
struct ServerPoint {
  ServerRow row;
  SimulationConfig config;  // step times of kernels alone
  double activation_row_s = 0;
  Kernels kernels = Kernels::roofline;  // that were used
  std::string provenance;
};

// A hardware that ships, by the name that benchmark tools give the system; the name itself where it is none of these.
std::string hardware_of_system(const std::string& system);
// "meta-llama/Llama-3.1-8B-Instruct" is llama-3.1-8b.
std::string model_of_id(std::string id);

// What one row needs. `operators` is null where there is no calibration. InfeasibleError when the model does not fit.
ServerPoint server_point(const ServerRow&, const Hardware&, const OperatorModel* operators, const Architecture&,
                         const Benchmark&, Dtype kv);

// InputError, with the lines, for systems and models that kvplan does not know; InfeasibleError for rows that do not
// fit the memory.
std::vector<ServerPoint> server_points(const std::vector<ServerRow>&, const std::string& csv_path, const Benchmark&,
                                       Dtype kv);

// Predictions, in order, computed on `threads` threads.
std::vector<ServerFigures> predict(const std::vector<ServerPoint>&, const Benchmark&, const Overheads&,
                                   unsigned threads);

}  // namespace kvplan
