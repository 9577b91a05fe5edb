// From measured operators to a calibration: chooses one kernel an operator, fits each, and says what it left out.
#pragma once

#include <string>
#include <vector>

#include "hardware/hardware.hpp"
#include "models/fitting/fit.hpp"

namespace kvplan {

struct CalibrateOptions {
  std::string name, date, made_by;
  std::vector<std::string> kernels;  // chosen by name; else, of each operator, the one with most rows
  double sms = 132;                  // of the GPU
  FitOptions fit;
  unsigned threads = 1;
};

// InputError: the tables are of another GPU than the hardware, a kernel is unknown, or what fit_operator refuses (all
// such findings at once). The hardware gives the data-sheet peaks and the figures that no table covers.
Calibration calibrate(const OperatorTables&, const Hardware&, const CalibrateOptions&);

}  // namespace kvplan
