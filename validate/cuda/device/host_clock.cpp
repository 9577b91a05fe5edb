#include "validate/cuda/device/host_clock.hpp"

#include <chrono>
#include <thread>

namespace kvplan::gpu {

std::int64_t host_now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Sleeping is late by some 60 us: the last stretch is waited for awake.
void host_wait_ns(std::int64_t ns) {
  if (ns > 200'000) std::this_thread::sleep_for(std::chrono::nanoseconds(ns - 150'000));
}

}  // namespace kvplan::gpu
