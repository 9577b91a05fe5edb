// Link bandwidths from NVIDIA's nvbandwidth (its --json output, version 0.6 or
// later). It keeps no samples and one size, so that it gives a rate and no fixed
// cost; the rates are medians of large copies behind a latch.
#pragma once

#include <string>
#include <vector>

namespace kvplan {

struct NvbandwidthRow {
  std::string test;       // "host_to_device_memcpy_ce"
  std::string direction;  // "h2d", "d2h", "d2d"; "" for what is none of them, such as latency tests
  std::string method;     // "ce" (copy engine) or "sm"
  bool bidirectional = false;
  double bytes_per_s = 0;  // mean over the GPUs that took part
};

struct NvbandwidthRun {
  std::string version, driver;
  std::vector<std::string> gpus;
  std::vector<NvbandwidthRow> rows;
  std::vector<std::string> left_out;  // "test: status", for tests that were waived or failed
};

// Throws InputError where the file is not nvbandwidth's or a value is not a number.
NvbandwidthRun read_nvbandwidth(const std::string& path);
NvbandwidthRun parse_nvbandwidth(const std::string& text, const std::string& name);

}  // namespace kvplan
