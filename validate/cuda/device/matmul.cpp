#include "validate/cuda/device/matmul.hpp"

#include <cublasLt.h>
#include <dlfcn.h>

#include <map>
#include <stdexcept>
#include <tuple>

#include "validate/cuda/device/cuda.hpp"

namespace kvplan::gpu {
namespace {

constexpr std::size_t kWorkspaceBytes = std::size_t{64} << 20;

// The functions used, by the types of the header this was compiled with: only that major version is opened.
struct Library {
  void* handle = dlopen(CUBLAS_VER_MAJOR >= 13 ? "libcublasLt.so.13" : "libcublasLt.so.12", RTLD_NOW);

  template <class Function>
  Function* get(const char* name) const {
    return handle == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(handle, name));
  }
};
#define KVPLAN_LT(library, function, ...) check_lt((library).get<decltype(function)>(#function)(__VA_ARGS__), #function)

void check_lt(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw std::runtime_error(std::string(call) + " failed with cuBLAS status " + std::to_string(status) +
                           (status == CUBLAS_STATUS_NOT_SUPPORTED ? " (this GPU or library has no such product)" : ""));
}

struct Plan {
  cublasLtMatmulDesc_t operation{};
  cublasLtMatrixLayout_t w{}, x{}, y{};
  cublasLtMatmulAlgo_t algorithm{};
};

}  // namespace

struct Matmul::State {
  Library library;
  cublasLtHandle_t handle{};
  Buffer workspace, ones;
  std::map<std::tuple<MatrixType, std::int64_t, std::int64_t, std::int64_t>, Plan> plans;

  template <class T>
  void set(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t what, T value) {
    KVPLAN_LT(library, cublasLtMatmulDescSetAttribute, operation, what, &value, sizeof value);
  }

  // Column-major y (n x m) = w (k x n, transposed) times x (k x m): the one form that fp8 takes on Hopper.
  Plan plan(MatrixType type, std::int64_t m, std::int64_t n, std::int64_t k) {
    const cudaDataType_t in = type == MatrixType::fp8 ? CUDA_R_8F_E4M3 : CUDA_R_16BF;
    const auto rows = static_cast<std::uint64_t>(k);
    Plan p;
    KVPLAN_LT(library, cublasLtMatmulDescCreate, &p.operation, CUBLAS_COMPUTE_32F, CUDA_R_32F);
    set(p.operation, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    set(p.operation, CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
    if (type == MatrixType::fp8) {
      set(p.operation, CUBLASLT_MATMUL_DESC_FAST_ACCUM, std::int8_t{1});
      set(p.operation, CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, ones.as<const float>());
      set(p.operation, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, ones.as<const float>());
    }
    KVPLAN_LT(library, cublasLtMatrixLayoutCreate, &p.w, in, rows, static_cast<std::uint64_t>(n), k);
    KVPLAN_LT(library, cublasLtMatrixLayoutCreate, &p.x, in, rows, static_cast<std::uint64_t>(m), k);
    KVPLAN_LT(library, cublasLtMatrixLayoutCreate, &p.y, CUDA_R_16BF, static_cast<std::uint64_t>(n),
              static_cast<std::uint64_t>(m), n);
    cublasLtMatmulPreference_t preference{};
    KVPLAN_LT(library, cublasLtMatmulPreferenceCreate, &preference);
    KVPLAN_LT(library, cublasLtMatmulPreferenceSetAttribute, preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
              &kWorkspaceBytes, sizeof kWorkspaceBytes);
    cublasLtMatmulHeuristicResult_t best{};
    int found = 0;
    KVPLAN_LT(library, cublasLtMatmulAlgoGetHeuristic, handle, p.operation, p.w, p.x, p.y, p.y, preference, 1, &best,
              &found);
    KVPLAN_LT(library, cublasLtMatmulPreferenceDestroy, preference);
    if (found == 0) check_lt(CUBLAS_STATUS_NOT_SUPPORTED, "cublasLtMatmulAlgoGetHeuristic");
    p.algorithm = best.algo;
    return p;
  }

  const Plan& plan_for(MatrixType type, std::int64_t m, std::int64_t n, std::int64_t k) {
    const auto key = std::make_tuple(type, m, n, k);
    const auto at = plans.find(key);
    return at != plans.end() ? at->second : plans.emplace(key, plan(type, m, n, k)).first->second;
  }
};

Matmul::Matmul() : state_(std::make_unique<State>()) {
  State& s = *state_;
  if (s.library.handle == nullptr) return;
  KVPLAN_LT(s.library, cublasLtCreate, &s.handle);
  s.workspace = Buffer(Memory::device, kWorkspaceBytes);
  const float one = 1;
  s.ones = Buffer(Memory::device, sizeof one);
  KVPLAN_CUDA(cudaMemcpy(s.ones.data(), &one, sizeof one, cudaMemcpyHostToDevice));
}

Matmul::~Matmul() = default;  // the library's plans live as long as the process

bool Matmul::available() const { return state_->library.handle != nullptr; }

std::string Matmul::version() const {
  if (!available()) return "";
  return std::to_string(state_->library.get<decltype(cublasLtGetVersion)>("cublasLtGetVersion")());
}

void Matmul::prepare(MatrixType type, std::int64_t m, std::int64_t n, std::int64_t k) {
  if (!available()) throw std::runtime_error("libcublasLt is missing");
  state_->plan_for(type, m, n, k);
}

void Matmul::run(MatrixType type, const void* x, const void* w, void* y, std::int64_t m, std::int64_t n, std::int64_t k,
                 cudaStream_t stream) {
  if (!available()) throw std::runtime_error("libcublasLt is missing");
  State& s = *state_;
  const Plan& p = s.plan_for(type, m, n, k);
  const float alpha = 1, beta = 0;
  KVPLAN_LT(s.library, cublasLtMatmul, s.handle, p.operation, &alpha, w, p.w, x, p.x, &beta, y, p.y, y, p.y,
            &p.algorithm, s.workspace.data(), kWorkspaceBytes, stream);
}

}  // namespace kvplan::gpu
