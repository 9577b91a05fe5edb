// Matrix products by cuBLASLt, which is opened at run time: the program starts
// where it is missing, and takes version 12 or 13 of the toolkit it was built with.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <string>

namespace kvplan::gpu {

enum class MatrixType { bf16, fp8 };

class Matmul {
 public:
  Matmul();
  ~Matmul();

  bool available() const;
  std::string version() const;

  // y[m][n] = x[m][k] times the transpose of w[n][k], all row-major; bf16 out. fp8 is e4m3 with scales of 1. The first
  // product of a shape asks for an algorithm, which costs the host some 100 us: `prepare` does that outside a timing.
  void prepare(MatrixType type, std::int64_t m, std::int64_t n, std::int64_t k);
  void run(MatrixType type, const void* x, const void* w, void* y, std::int64_t m, std::int64_t n, std::int64_t k,
           cudaStream_t stream);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kvplan::gpu
