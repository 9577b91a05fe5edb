// The shape of a fit: which physical terms and which features an operator has.
//
// Invariants
//   - A shape is up to six numbers in the order of Form::axes; all at least 1, but for cached tokens, which may be 0.
//   - terms are nanoseconds at the peaks and never negative; their weighted sum
//     (weights >= 0) is the roofline that the features correct.
//   - A feature lies on a block: a product of at most two axes of knots. Between
//     knots (in log2) it is linear and beyond them constant, so that exp(sum) is
//     continuous and stays bounded outside the measured range.
//   - The order of blocks is the order of coefficients in a calibration file;
//     `version` changes with them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvplan {

enum class Operator : std::uint8_t { gemm, prefill_attention, decode_attention, all_reduce };
inline constexpr std::size_t kOperators = 4;

using Shape = std::array<double, 6>;

// What the data sheet promises to one operator and dtype.
struct Peaks {
  double flops = 0;             // per second, at the dtype of the operands
  double bytes_per_s = 0;       // HBM
  double peer_bytes_per_s = 0;  // NVLink, one way
  double sms = 0;
  double element_bytes = 2;     // of weights (GEMM) or of KV (attention)
};

inline constexpr std::size_t kMaxTerms = 10;
using Terms = std::array<double, kMaxTerms>;

// The features of one shape that are not zero.
struct FeatureRow {
  static constexpr std::size_t kCapacity = 80;
  std::array<std::int32_t, kCapacity> index;
  std::array<double, kCapacity> value;
  std::size_t size = 0;

  void add(std::size_t at, double x) {
    index[size] = static_cast<std::int32_t>(at);
    value[size++] = x;
  }
};

struct Form {
  Operator op;
  std::string_view name;  // in files: "gemm"
  std::int32_t version;
  std::vector<std::string> axes;         // of a shape
  std::vector<std::size_t> group_axes;   // shapes that agree in these are held out together
  std::vector<std::size_t> size_axes;    // the same where all shapes agree in group_axes; empty: nothing can be judged
  std::vector<std::size_t> core_terms;   // of the roofline that is fitted alone where shapes are few
  std::size_t regime_axis;               // errors and intervals are told by bands of this axis
  std::vector<double> regime_starts;     // ascending, from 1
  Shape low, high;                       // what the form is meant for: rows beyond are left out of fits
  std::vector<std::string> term_names;
  std::vector<std::string> feature_names;
  void (*terms)(const Shape&, const Peaks&, Terms&);
  // roofline_ns as weighted; floor_ns is its launch term.
  void (*features)(const Shape&, const Peaks&, double roofline_ns, double floor_ns, FeatureRow&);

  std::size_t regime_of(const Shape& shape) const {
    std::size_t r = regime_starts.size() - 1;
    while (r > 0 && shape[regime_axis] < regime_starts[r]) --r;
    return r;
  }
};

const Form& form_of(Operator);

}  // namespace kvplan
