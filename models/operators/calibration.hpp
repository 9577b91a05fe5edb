// A calibration of one kind of GPU: the fits of its operators, and the host work
// that whole servers showed. JSON, schema kvplan.calibration/1 (docs/calibration.md).
#pragma once

#include <string>
#include <vector>

#include "models/architecture.hpp"
#include "models/operators/form.hpp"

namespace kvplan {

struct Coefficient {
  std::string name;
  double value = 0;
  double low = 0, high = 0;  // 90 % bootstrap interval over whole shapes
};

// Errors of shapes that the fit had not seen, in one band of the regime axis.
struct Regime {
  double from = 1;
  std::int64_t rows = 0, shapes = 0;
  double median_error = 0, p90_error = 0;  // |predicted / measured - 1|
  double bias = 0;                         // median of predicted / measured - 1
  double low_factor = 1, high_factor = 1;  // 90 % of measured / predicted lie between
  double coverage = 0;                     // of an interval made without the shapes it is judged on
};

struct OperatorFit {
  Operator op = Operator::gemm;
  Dtype dtype = Dtype::bf16;
  std::string kernel;  // the source of the kernel: one at a time
  std::string source;
  std::int64_t rows = 0, shapes = 0, folds = 0;
  Peaks peaks;
  Shape low{}, high{};  // measured range, by axis
  std::vector<Coefficient> terms, coefficients;
  std::vector<Regime> regimes;
  Regime overall;
};

// Figures that no operator table covers.
struct HostFit {
  Coefficient elementwise_efficiency;  // of HBM, by small kernels
  std::string elementwise_source;      // "": the hardware file's figure
  Coefficient step_s, sequence_s;      // host work of a step, and of each sequence that emits a token
  Coefficient request_s;               // front end, of a request; told where it was fitted
  std::string source;
  bool fitted = false;  // on whole servers; else the hardware file's figures
};

// Something measured that no fit has seen, beside what the fits say of it.
struct StackCheck {
  std::string what;
  double predicted_ns = 0, low_ns = 0, high_ns = 0, measured_ns = 0;
};

struct Calibration {
  double hbm_bytes_per_s = 0;  // data sheet
  std::string name, title, gpu, hardware, date, made_by;
  std::vector<std::string> sources;
  std::vector<std::string> warnings;  // what calibrate said
  std::vector<OperatorFit> fits;
  HostFit host;
  std::vector<StackCheck> checks;
  bool synthetic = false;  // made of a formula's times, for tests

  const OperatorFit* find(Operator, Dtype) const;
};

// InputError with all findings.
Calibration read_calibration(const std::string& path);
Calibration parse_calibration(const std::string& text, const std::string& name);
std::string to_json(const Calibration&);

}  // namespace kvplan
