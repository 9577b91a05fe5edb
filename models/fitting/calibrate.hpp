// From measured operators to a calibration: chooses one kernel an operator, fits each, and says what it left out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hardware/hardware.hpp"
#include "models/fitting/fit.hpp"

namespace kvplan {

struct CalibrateOptions {
  std::string name, date, made_by;
  std::vector<std::string> kernels;  // chosen by name; else, of each operator, the one with most rows
  std::vector<std::string> only;     // operators to fit; none: all that the tables have
  std::optional<Calibration> base;   // of the same GPU: what the tables do not have is taken from it
  double sms = 0;                    // of the GPU; 0: what a run tells, else 132
  FitOptions fit;
  unsigned threads = 1;
};

// InputError: the tables or the base are of another GPU than the hardware, a kernel or operator is unknown, nothing is
// left to fit, or what fit_operator refuses (all such findings at once). The hardware gives the data-sheet peaks and the figures that no table covers.
Calibration calibrate(const OperatorTables&, const Hardware&, const CalibrateOptions&);

}  // namespace kvplan
