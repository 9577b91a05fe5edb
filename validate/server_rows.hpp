// Measurements of whole servers: a closed loop of clients at fixed lengths.
//
// CSV with the columns system, backend, backend_version, model, precision, isl,
// osl, concurrency, tp, ttft_ms_mean, tpot_ms_mean; others are passed over. TPOT
// is the mean time between tokens after the first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/architecture.hpp"

namespace kvplan {

inline constexpr std::int32_t kMostLength = 1 << 24;   // tokens of a prompt, or of an answer
inline constexpr std::int32_t kMostClients = 1 << 16;

struct ServerRow {
  std::int64_t line = 0;
  std::string system, backend, version, model;
  Dtype weights = Dtype::bf16;
  std::int32_t isl = 0, osl = 0;  // tokens in and out of every request
  std::int32_t concurrency = 0;
  std::int32_t tp = 0;
  std::int32_t requests_per_client = 0;  // 0: as the benchmark says
  double ttft_s = 0, tpot_s = 0;

  double e2e_s() const { return ttft_s + tpot_s * (osl - 1); }
  // Rows of one backend, version and model are of one server: overheads are fitted to each on its own.
  std::string server() const { return backend + " " + version + ", " + model; }
};

// InputError with all that is wrong: missing columns, values that are no numbers or out of range, the same point
// measured twice.
std::vector<ServerRow> read_server_rows(const std::string& path);

}  // namespace kvplan
