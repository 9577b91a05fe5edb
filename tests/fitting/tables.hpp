// Operator tables made from a known law, written as the CSV that calibrate reads.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include "base/error.hpp"
#include "base/random.hpp"
#include "models/fitting/fit.hpp"

namespace kvplan {

inline constexpr Peaks kLawPeaks{989e12, 3.35e12, 450e9, 132, 2};

// A file that lives as long as this.
class ScratchTable {
 public:
  explicit ScratchTable(const std::string& text, const std::string& name = "table.csv")
      : path_((std::filesystem::temp_directory_path() / fmt::format("kvplan-{}-{}", ::getpid(), name)).string()) {
    std::ofstream(path_) << text;
  }
  ~ScratchTable() { std::filesystem::remove(path_); }
  ScratchTable(const ScratchTable&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// 5 us of launch, and 1.3 times the smooth maximum of what memory and compute take at the peaks.
inline double law_ns(double m, double n, double k) {
  const double memory = 2 * (n * k + m * k + m * n) / kLawPeaks.bytes_per_s * 1e9;
  const double compute = 2 * m * n * k / kLawPeaks.flops * 1e9;
  return 5000 + 1.3 * std::pow(std::pow(memory, 4) + std::pow(compute, 4), 0.25);
}

inline const char* const kGemmHeader = "gemm_dtype,m,n,k,latency\n";

// 36 shapes of (n, k) at 13 sizes of m, times with this relative noise.
inline std::string law_table(double noise) {
  RandomStream random(7, "law");
  std::string text = kGemmHeader;
  for (const double n : {1024, 2048, 4096, 6144, 14336, 28672}) {
    for (const double k : {1024, 2048, 4096, 8192, 14336, 28672}) {
      for (double m = 1; m <= 4096; m *= 2) {
        text += fmt::format("bfloat16,{},{},{},{:.9g}\n", m, n, k, law_ns(m, n, k) * (1 + noise * random.normal()) * 1e-6);
      }
    }
  }
  return text;
}

inline FitResult fitted(const std::string& table, std::int32_t bootstraps = 40) {
  const ScratchTable file(table);
  FitOptions o;
  o.bootstraps = bootstraps;
  return fit_operator(read_operator_tables({file.path()}).sets.at(0), kLawPeaks, o);
}

// The text of the InputError, or "".
template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

inline bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace kvplan
