#include "traces/rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kvplan {
namespace {
constexpr std::size_t kShownFindings = 20;
}

void TraceFindings::add(std::int64_t line, std::int64_t column, std::string message, std::string help) {
  if (kept_.size() < kShownFindings) {
    kept_.push_back({path_, line, column, std::move(message), std::move(help)});
  }
  ++total_;
}

void TraceFindings::raise() const {
  if (empty()) return;
  std::vector<Diagnostic> findings = kept_;
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.line < b.line; });
  const std::int64_t more = total_ - static_cast<std::int64_t>(kept_.size());
  if (more > 0) findings.push_back({path_, 0, 0, fmt::format("{} more findings like these are not shown", more), ""});
  throw InputError(std::move(findings));
}

}  // namespace kvplan
