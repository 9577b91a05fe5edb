// What a run comes to, measured or predicted, in the same terms.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "sim/result.hpp"
#include "traces/workload.hpp"

namespace kvplan {

struct RunFigures {
  double ttft_mean_s = 0, ttft_p50_s = 0, ttft_p90_s = 0, ttft_p99_s = 0;
  double tpot_mean_s = 0;  // over requests of more than one output token
  double e2e_mean_s = 0;
  double output_tokens_per_s = 0;
  double hit_hbm = 0, hit_dram = 0, hit_ssd = 0;  // of all prompt tokens
};

// Requests that were completed; zeros where none was.
RunFigures figures_of(const Workload& load, const SimulationResult& result);

struct FigureInfo {
  std::string_view name;
  double RunFigures::*member;
  double tolerance;  // relative, or absolute for shares; 0: shown only
  bool absolute;
};
inline constexpr std::array<FigureInfo, 10> kFigures{{
    {"ttft_mean_s", &RunFigures::ttft_mean_s, 0.10, false},
    {"ttft_p50_s", &RunFigures::ttft_p50_s, 0, false},
    {"ttft_p90_s", &RunFigures::ttft_p90_s, 0.10, false},
    {"ttft_p99_s", &RunFigures::ttft_p99_s, 0, false},
    {"tpot_mean_s", &RunFigures::tpot_mean_s, 0.05, false},
    {"e2e_mean_s", &RunFigures::e2e_mean_s, 0, false},
    {"output_tokens_per_s", &RunFigures::output_tokens_per_s, 0.05, false},
    {"hit_hbm", &RunFigures::hit_hbm, 0.02, true},
    {"hit_dram", &RunFigures::hit_dram, 0.02, true},
    {"hit_ssd", &RunFigures::hit_ssd, 0.02, true},
}};

// Of values that need not be sorted; q within 0 .. 1, the nearest rank.
double quantile(std::vector<double> values, double q);

}  // namespace kvplan
