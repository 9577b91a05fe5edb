#include "cli/events.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "reports/events_jsonl.hpp"
#include "reports/write.hpp"

namespace kvplan {

void keep_events(const Workload& load, const SimulationConfig& config, const SimulationResult& result,
                 const EventLog& log, bool check, const std::string& folder, std::ostream& err) {
  std::string text;
  write_events(load, config, result, log, [&](std::string_view part) { text += part; });
  if (!folder.empty()) write_file(folder + "/events.jsonl", text);
  if (!check) return;
  const run_check::Report report = run_check::check_text(text, "events");
  if (!report.sound()) throw Error(ExitCode::internal, "the run breaks rules of its own:\n" + text_of(report));
  std::int64_t checks = 0;
  for (const auto& [rule, n] : report.checks) checks += n;
  err << fmt::format("checked: {} events, {} rules looked at {} times, none broken\n", report.events,
                     report.checks.size(), checks);
}

std::string text_of(const run_check::Report& report) {
  std::string text = fmt::format("{:<12}{:>14}{:>10}\n", "rule", "looked at", "broken");
  for (const auto& [rule, n] : report.checks) {
    const auto broken = report.broken.find(rule);
    text += fmt::format("{:<12}{:>14}{:>10}\n", rule, n, broken == report.broken.end() ? 0 : broken->second);
  }
  for (const run_check::Breach& b : report.breaches) text += fmt::format("line {}: {}: {}\n", b.line, b.rule, b.what);
  if (report.breach_count > static_cast<std::int64_t>(report.breaches.size())) {
    text += fmt::format("and {} more\n", report.breach_count - static_cast<std::int64_t>(report.breaches.size()));
  }
  return text;
}

}  // namespace kvplan
