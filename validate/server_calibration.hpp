// A calibration whose host work was measured: the operators of another, and the overhead constants of one server.
//
// The constants are fitted to every second (isl, osl) combination and judged on the others; those that the calibration
// carries are fitted to all rows. The constants become the calibration's host figures: what elementwise traffic reaches
// of HBM, host work of a step and of a sequence, and the front end's time of a request.
#pragma once

#include <string>
#include <vector>

#include "models/operators/calibration.hpp"
#include "validate/server_study.hpp"

namespace kvplan {

struct ServerCalibration {
  Calibration calibration;
  OverheadFit judged_fit;  // on the fitted half
  ServerStudy held_out;    // the judged half by that fit
  std::vector<std::string> warnings;
};

// InputError: rows of two servers, or of another GPU than the hardware; operators that do not cover the model; too few
// rows to fit, or none left to judge; rows that cannot tell two constants apart. Warnings name constants that the rows
// hardly determine, rows that the front end bounds, and rows more than twice off.
ServerCalibration calibrate_server(const std::vector<ServerRow>&, const std::string& path, const Hardware&,
                                   const OperatorModel& base, const Benchmark&, Dtype kv, unsigned threads);

}  // namespace kvplan
