// How the rows of a server file were measured: validate/servers/NAME.json for a
// NAME.csv that is known, or a file of the user's own in the same form.
#pragma once

#include <optional>
#include <string>

#include "validate/benchmark.hpp"

namespace kvplan {

enum class Fit { none, every_second };

struct BenchmarkFile {
  Benchmark benchmark;
  Fit fit = Fit::none;
  // Median absolute errors to reach on rows that were not fitted; nothing: figures are shown, not judged.
  std::optional<double> ttft_target, tpot_target, e2e_target;
};

// The description that belongs to the CSV by its name; the usual setting, with a title that says so, where none does.
BenchmarkFile benchmark_of(const std::string& csv_path);
BenchmarkFile load_benchmark(const std::string& json_path);  // InputError

}  // namespace kvplan
