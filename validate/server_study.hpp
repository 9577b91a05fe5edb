// A server file from end to end: fit or take the overheads of each server, predict every row, compare.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "validate/benchmark_file.hpp"
#include "validate/server_fit.hpp"

namespace kvplan {

struct ServerComparison {
  ServerPoint point;
  ServerFigures figures;
  bool fitted = false;  // the row took part in the fit: its error proves nothing
  bool frontend_bound = false;
  double ttft_error = 0, tpot_error = 0, e2e_error = 0;  // (predicted - measured) / measured
};

struct ErrorSummary {
  std::size_t rows = 0;
  double median_absolute = 0, p90_absolute = 0;
  double bias = 0;      // median of the signed errors
  double coverage = 0;  // share of measurements inside the 90 % interval
};

struct ServerStudy {
  BenchmarkFile file;
  std::map<std::string, OverheadFit> fits;  // by server
  std::map<std::string, std::string> assumed;  // whose overheads stand in for a server's, since none ship for it
  std::vector<ServerComparison> rows;       // in the file's order
};

// How the benchmark might have been otherwise, and what that does to the median error of TTFT, over the judged rows.
struct Sensitivity {
  std::string change;
  double ttft_median_absolute = 0, ttft_bias = 0, tpot_median_absolute = 0;
};

// Without a fit the overheads are those that ship for each server's backend (validate/servers/overheads.json).
ServerStudy study_servers(const std::string& csv_path, const BenchmarkFile&, Dtype kv, unsigned threads);
// Points of one server with overheads that are known, none of them marked as fitted.
ServerStudy compare_points(const std::vector<ServerPoint>&, const Benchmark&, const OverheadFit&, unsigned threads);
std::vector<Sensitivity> sensitivities(const ServerStudy&, unsigned threads);

// Over rows of the study that `of` accepts.
enum class ServerLatency { ttft, tpot, e2e };
ErrorSummary summarise(const ServerStudy&, ServerLatency, const std::function<bool(const ServerComparison&)>& of);

// What in the prediction makes a row hard, in words.
std::string explain(const ServerComparison&, const Benchmark&);

// Constants that ship, by backend and kernels that they were fitted with. InputError for a backend without any, with those that have some.
bool ships_overheads(const std::string& backend);
OverheadFit shipped_overheads(const std::string& backend, Kernels);

}  // namespace kvplan
