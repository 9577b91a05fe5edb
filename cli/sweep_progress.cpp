#include "cli/sweep_progress.hpp"

#include <fmt/format.h>

#include <cmath>

namespace kvplan {
namespace {

using namespace std::chrono_literals;

std::string rough_time(double s) {
  if (s < 90) return fmt::format("{:.0f} s", std::ceil(s));
  if (s < 5400) return fmt::format("{:.0f} min {:.0f} s", std::floor(s / 60), std::fmod(s, 60));
  return fmt::format("{:.0f} h {:.0f} min", std::floor(s / 3600), std::fmod(s, 3600) / 60);
}

}  // namespace

std::string progress_text(const PointCounts& p, double elapsed_s) {
  std::string text = fmt::format("{} of {} points", p.recorded(), p.points);
  if (p.failed > 0) text += fmt::format(", {} failed", p.failed);
  if (p.stopping) return text + fmt::format("; stopping, {} still run", p.running);
  if (p.cost_done > 0 && p.cost > p.cost_done) {
    text += fmt::format(", {} left", rough_time(elapsed_s * (p.cost - p.cost_done) / p.cost_done));
  }
  return text;
}

void SweepProgress::show(const PointCounts& p) {
  const auto now = Clock::now();
  if (now - shown_ < (terminal_ ? 200ms : 5000ms)) return;
  shown_ = now;
  const std::string text = progress_text(p, std::chrono::duration<double>(now - start_).count());
  if (terminal_) {
    err_ << "\r\033[K" << text << std::flush;
    drawn_ = true;
  } else {
    err_ << text << std::endl;
  }
}

void SweepProgress::clear() {
  if (drawn_) err_ << "\r\033[K" << std::flush;
  drawn_ = false;
}

}  // namespace kvplan
