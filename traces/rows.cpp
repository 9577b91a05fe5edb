#include "traces/rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kvplan {
namespace {
constexpr std::size_t kShownFindings = 20;
constexpr std::size_t kMostIds = std::size_t{1} << 30;  // 4 GiB of them
}

bool TraceRows::give_ids(TraceRow& row, std::uint32_t count, std::uint32_t shared) {
  KVPLAN_ASSERT(shared <= count && (shared == 0 || shared <= rows[row.parent].id_count));
  row.first_id = ids.size();
  row.id_count = count;
  if (ids.size() + count > kMostIds) return false;
  ids.resize(ids.size() + count);
  const auto own = ids.begin() + static_cast<std::ptrdiff_t>(row.first_id);
  if (shared > 0) {
    std::copy_n(ids.begin() + static_cast<std::ptrdiff_t>(rows[row.parent].first_id), shared, own);
  }
  std::generate(own + shared, ids.end(), [this] { return block_ids++; });
  return true;
}

void TraceFindings::add(std::int64_t line, std::int64_t column, std::string message, std::string help) {
  add({path_, line, column, std::move(message), std::move(help)});
}

void TraceFindings::add_in(const std::string& file, std::string message, std::string help) {
  add({path_ + ": " + file, 0, 0, std::move(message), std::move(help)});
}

void TraceFindings::add(Diagnostic finding) {
  if (kept_.size() < kShownFindings) kept_.push_back(std::move(finding));
  ++total_;
}

bool TraceFindings::shows_more() const { return kept_.size() < kShownFindings; }

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
