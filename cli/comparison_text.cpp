#include "cli/comparison_text.hpp"

#include <fmt/format.h>

namespace kvplan {

std::string figure_text(double v, const std::string& unit) {
  if (unit == "bytes" || unit == "tokens") return fmt::format("{:.0f}", v);
  if (unit == "tokens/s") return fmt::format("{:.0f} t/s", v);
  return fmt::format("{:.4f}{}", v, unit.empty() ? "" : " " + unit);
}

std::string error_text(const Comparison& c) {
  return c.absolute ? fmt::format("{:+.4f}", c.error()) : fmt::format("{:+.1f} %", 100 * c.error());
}

std::string gate_text(const Comparison& c) {
  if (!c.gated()) return "-";
  if (c.has_range()) return fmt::format("{:g}..{:g}", c.low, c.high);
  return c.absolute ? fmt::format("{:.4f}", c.tolerance) : fmt::format("{:.0f} %", 100 * c.tolerance);
}

std::string verdict_text(const Comparison& c) {
  if (!c.gated()) return "shown";
  return c.met() ? "met" : "MISSED";
}

}  // namespace kvplan
