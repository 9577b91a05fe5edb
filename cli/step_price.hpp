// The step time of a scenario: from a calibration where one covers it, else from the roofline.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/scenario.hpp"
#include "hardware/hardware.hpp"
#include "models/architecture.hpp"
#include "models/step_time.hpp"

namespace kvplan {

// step_time.calibration names a calibration, or "roofline"; without it, the hardware file's calibration counts where
// it covers model, TP and dtypes, and a note tells why it does not. InputError, at the place that set it, for a
// calibration that is unknown, is of other hardware or does not cover the scenario.
// A calibration that was fitted to a whole server brings its front end's time of a request; nothing otherwise.
struct PricedStep {
  StepTime time;
  std::optional<double> request_s;
};
PricedStep price_step(const Scenario&, const Hardware&, const Architecture&, std::vector<std::string>& notes);

}  // namespace kvplan
