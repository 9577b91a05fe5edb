#include "reports/idle_load.hpp"

namespace kvplan {

std::vector<IdleOptions> idle_in_load(const std::string& arrivals, const std::string& profile, bool users) {
  return {{arrivals == "recorded",
           {"trace.arrivals_of", "trace.arrivals_per_s", "trace.arrivals_cv", "trace.profile", "trace.profile_period_s",
            "trace.profile_amplitude", "trace.profile_step_at_s", "trace.profile_step_factor"},
           "arrivals are not imposed (trace.arrivals)"},
          {arrivals == "poisson", {"trace.arrivals_cv"}, "that of Poisson gaps is 1 (trace.arrivals)"},
          {profile != "diurnal", {"trace.profile_period_s", "trace.profile_amplitude"}, "trace.profile is not diurnal"},
          {profile != "step", {"trace.profile_step_at_s", "trace.profile_step_factor"}, "trace.profile is not step"},
          {!users, {"trace.users_start_s"}, "there are no trace.users"}};
}

}  // namespace kvplan
