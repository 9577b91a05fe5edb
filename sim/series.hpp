// What a run looks like over time, in a bounded number of samples. They begin one
// `width` apart; when there are kMost, every second one goes and the width
// doubles, so that a minute and a month take the same room. Counts that grow
// (busy time, bytes) are kept as sums since the start: what is dropped loses
// resolution, never an amount.
//
// A sample tells the state just before its instant: all events before it have
// happened and none at it, whether steps were events of their own or not.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "base/units.hpp"

namespace kvplan {

// The state of the fleet at an instant, and sums since the start.
struct Sample {
  Time at;
  std::int64_t queued = 0, running = 0;  // requests behind the front end, over all replicas
  std::int64_t g1_pages = 0;             // with content, and of those the ones that requests hold
  std::int64_t g1_pages_held = 0;
  std::vector<Bytes> below;       // by tier: G2, then those beyond it; stored or being stored
  TimeSum gpu_busy;               // since the start, over all GPUs
  std::vector<Bytes> link_bytes;  // since the start, in the order of SimulationResult::links
};

class Series {
 public:
  static constexpr std::size_t kMost = 128;

  // Before the first sample: a width of a hundredth of the arrivals that are known beforehand, in whole tenths of a
  // second. A series that is not begun is never due.
  void begin(Time last_arrival) {
    last_arrival_ = last_arrival;
    constexpr std::int64_t kTenth = kPsPerS / 10;
    width_ = Time(std::max<std::int64_t>(1, ceil_div(last_arrival.count, 100 * kTenth)) * kTenth);
    next_ = width_;
  }

  Time next() const { return next_; }

  // To be called with the instant of each sample and the last arrival that is known beforehand.
  void watch(std::function<void(Time at, Time last_arrival)> watcher) { watcher_ = std::move(watcher); }

  // The sample of next().
  void add(Sample sample) {
    sample.at = next_;
    if (watcher_) watcher_(next_, last_arrival_);
    samples_.push_back(std::move(sample));
    if (samples_.size() == kMost) {
      for (std::size_t i = 0; i < kMost / 2; ++i) samples_[i] = std::move(samples_[2 * i + 1]);
      samples_.resize(kMost / 2);
      width_ = width_ * 2;
    }
    next_ = time_after(samples_.back().at, width_);
  }

  // The last sample, of the end of the run, closes an interval that may be shorter than the others.
  void finish(Sample last, Time end) {
    last.at = end;
    if (samples_.empty() || samples_.back().at < end) samples_.push_back(std::move(last));
  }

  const std::vector<Sample>& samples() const { return samples_; }  // ascending

 private:
  Time width_, next_ = Time::max(), last_arrival_;
  std::function<void(Time, Time)> watcher_;
  std::vector<Sample> samples_;
};

}  // namespace kvplan
