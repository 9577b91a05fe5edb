// X7 matrix products of a layer against the number of tokens.
#include "validate/cuda/experiments/bench.hpp"
#include "validate/cuda/experiments/experiments.hpp"
#include "validate/cuda/experiments/model_shape.hpp"
#include "validate/cuda/kernels/launch.hpp"

namespace kvplan::gpu {

void matrix_products(Bench& bench) {
  if (!bench.matmul().available()) return bench.waive(bench.point({}), "libcublasLt is missing");
  const ModelShape& m = kLlama8B;
  const std::vector<ProductShape> shapes{m.qkv(), m.attention_output(), m.gate_up(), m.down()};
  const std::vector<std::int64_t> tokens =
      bench.quick() ? std::vector<std::int64_t>{1, 16, 128, 1024, 4096}
                    : std::vector<std::int64_t>{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};
  // Weights rotate through more memory than the caches hold, as they do from layer to layer.
  const std::size_t largest = static_cast<std::size_t>(m.gate_up().n * m.gate_up().k) * 2;
  const Buffer weights(Memory::device, 2 * largest), x(Memory::device, 8192u * 14336u * 2),
      y(Memory::device, 8192u * 28672u * 2);
  KVPLAN_CUDA(launch_fill_bf16(weights.as<Bf16>(), weights.bytes() / 2, 0.02f, 1, bench.main()));
  KVPLAN_CUDA(launch_fill_bf16(x.as<Bf16>(), x.bytes() / 2, 1.f, 2, bench.main()));
  bench.main().wait();
  bench.expect(shapes.size() * tokens.size() * 2);
  for (const MatrixType type : {MatrixType::bf16, MatrixType::fp8}) {
    for (const std::int64_t t : tokens) {
      for (const ProductShape& s : shapes) {
        const std::size_t bytes = static_cast<std::size_t>(s.n * s.k) * (type == MatrixType::bf16 ? 2 : 1);
        const std::size_t sets = weights.bytes() / bytes;
        RunPoint p = bench.point(
            {{"dtype", std::string(type == MatrixType::bf16 ? "bfloat16" : "fp8")}, {"m", t}, {"n", s.n}, {"k", s.k}},
            static_cast<std::int64_t>(bytes),
            2.0 * static_cast<double>(t) * static_cast<double>(s.n) * static_cast<double>(s.k));
        Work work{[&, type, t, s, bytes, sets](cudaStream_t stream, int round) {
          const char* w = weights.data() + static_cast<std::size_t>(round) % sets * bytes;
          bench.matmul().run(type, x.data(), w, y.data(), t, s.n, s.k, stream);
        }};
        try {
          bench.matmul().prepare(type, t, s.n, s.k);
        } catch (const std::runtime_error& e) {
          bench.waive(std::move(p), e.what());
          continue;
        }
        bench.measure(std::move(p), work);
      }
    }
  }
}

}  // namespace kvplan::gpu
