// A replay beside its predictions: step by step on the batches that really ran
// (teacher-forced), and from end to end (free-running).
#pragma once

#include <string>
#include <vector>

#include "validate/replay/log.hpp"
#include "validate/replay/predictions.hpp"

namespace kvplan {

// Relative errors of predicted times of one class of steps or transfers.
struct ErrorClass {
  std::string name;
  std::size_t count = 0;
  double median = 0, p90 = 0;  // of absolute values
  double bias = 0;             // median of the signed ones: above 0 is too long
};

struct FigureError {
  std::string policy, variant;
  const FigureInfo* figure = nullptr;
  double predicted = 0, measured = 0;
  double error() const { return figure->absolute ? predicted - measured : predicted / measured - 1; }
  bool gated() const { return figure->tolerance > 0 && variant == "calibrated"; }
  bool met() const;
};

struct ReplayComparison {
  std::vector<std::string> doubts;  // why a reader should not trust it, a line each
  std::vector<ErrorClass> steps, transfers;
  std::vector<FigureError> figures;
  std::vector<FigureError> noise;                                // a policy's second run "predicted" by its first
  std::vector<std::string> ranking_predicted, ranking_measured;  // policies by mean TTFT
  double step_median = 0;                                        // over all steps, absolute
  bool met() const;
};

inline constexpr double kStepTolerance = 0.05;

// predictions_sha256: of the file that `p` was read from.
ReplayComparison compare(const ReplayPlan& plan, const Predictions& p, const std::string& predictions_sha256,
                         const ReplayLog& log);

// What a training replay shows beyond the calibrated step: the median over steps without copies.
std::int64_t step_overhead_ps(const ReplayLog& log, const StepTimes& times);

// With so much added to every step; never below nothing.
StepTime with_overhead(const StepTime& t, std::int64_t ps);

std::string to_text(const ReplayComparison&);

// Whether a second call met the card and the speed of the first: uuids, and the points that both measured by the same
// parameters. Nothing is fitted again to what this shows.
struct CanaryComparison {
  std::string first_uuid, second_uuid, first_name, second_name;
  struct Row {
    std::string what;
    double first_ns = 0, second_ns = 0;
    double change() const { return second_ns / first_ns - 1; }
  };
  std::vector<Row> rows;
  double largest_change() const;
};
CanaryComparison compare_canaries(const GpuRun& first, const GpuRun& second);
std::string to_text(const CanaryComparison&);

}  // namespace kvplan
