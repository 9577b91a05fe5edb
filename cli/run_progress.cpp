#include "cli/run_progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "reports/cells.hpp"

namespace kvplan {
namespace {

std::string span(double s) {
  if (s < 120) return fmt::format("{:.0f} s", s);
  if (s < 3600) return fmt::format("{:.0f} min", s / 60);
  return fmt::format("{:.3g} h", s / 3600);
}

}  // namespace

bool progress_wanted() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

std::string progress_line(Time simulated, Time last_arrival, double elapsed_s) {
  const double now_s = seconds(simulated);
  const bool draining = simulated >= last_arrival;
  std::string text = span(now_s);
  if (!draining) text += " of " + span(seconds(last_arrival));
  text += fmt::format(" simulated, {} x real time", human_count(now_s / elapsed_s));
  if (!draining && now_s > 0) text += fmt::format(", {} left", span(elapsed_s * (seconds(last_arrival) / now_s - 1)));
  return text;
}

void RunProgress::at(Time simulated, Time last_arrival) {
  if (!terminal_) return;
  constexpr double kRenewed_s = 0.2;
  const auto now = Clock::now();
  const double elapsed_s = std::chrono::duration<double>(now - start_).count();
  const bool due =
      elapsed_s >= after_s_ && (!drawn_ || std::chrono::duration<double>(now - shown_).count() >= kRenewed_s);
  if (!due) return;
  drawn_ = true, shown_ = now;
  err_ << "\r\033[K" << progress_line(simulated, last_arrival, elapsed_s) << std::flush;
}

RunProgress::~RunProgress() {
  if (drawn_) err_ << "\r\033[K" << std::flush;
}

}  // namespace kvplan
