// X10 the small kernels of a layer, and what the host pays for each step.
#include <chrono>

#include "validate/cuda/experiments/attention_batch.hpp"
#include "validate/cuda/experiments/experiments.hpp"
#include "validate/cuda/experiments/model_shape.hpp"
#include "validate/cuda/kernels/launch.hpp"

namespace kvplan::gpu {
namespace {

constexpr int kMostTokens = 4096;

// Time of one call on the host, over calls that are short enough to need averaging.
void measure_host(Bench& bench, const char* what, const std::function<void()>& call) {
  std::vector<double> samples;
  for (int s = 0; s < 21; ++s) {
    constexpr int kCalls = 64;
    KVPLAN_CUDA(cudaDeviceSynchronize());
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kCalls; ++i) call();
    samples.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() /
                      kCalls);
  }
  bench.record(bench.point({{"kernel", std::string(what)}, {"tokens", std::int64_t{0}}, {"width", std::int64_t{0}}}),
               samples);
}

// Thirty-two small kernels one by one, and the same replayed as a graph.
void measure_graph(Bench& bench, const Buffer& x, const Buffer& y) {
  const auto step = [&](cudaStream_t s) {
    for (int i = 0; i < 32; ++i) KVPLAN_CUDA(launch_silu_mul(x.as<Bf16>(), y.as<Bf16>(), 1, 4096, s));
  };
  const auto point = [&](const char* name) {
    return bench.point({{"kernel", std::string(name)}, {"tokens", std::int64_t{1}}, {"width", std::int64_t{32}}});
  };
  Work eager{[&](cudaStream_t s, int) { step(s); }};
  eager.operations = 1 << 20;  // not behind the latch: the gaps between launches are what is asked for
  bench.measure(point("32_launches"), eager);
  cudaGraph_t graph{};
  cudaGraphExec_t executable{};
  KVPLAN_CUDA(cudaStreamBeginCapture(bench.main(), cudaStreamCaptureModeThreadLocal));
  step(bench.main());
  KVPLAN_CUDA(cudaStreamEndCapture(bench.main(), &graph));
  KVPLAN_CUDA(cudaGraphInstantiate(&executable, graph, 0));
  bench.measure(point("32_launches_as_graph"),
                {[&](cudaStream_t s, int) { KVPLAN_CUDA(cudaGraphLaunch(executable, s)); }});
  KVPLAN_CUDA(cudaGraphExecDestroy(executable));
  KVPLAN_CUDA(cudaGraphDestroy(graph));
}

}  // namespace

void small_kernels(Bench& bench) {
  const ModelShape& m = kLlama8B;
  const std::size_t widest = static_cast<std::size_t>(2 * m.intermediate) * kMostTokens * 2;
  const Buffer x(Memory::device, widest), y(Memory::device, widest), chosen(Memory::device, 64 * sizeof(std::int32_t));
  const KvLayout layout{1, kMostTokens * 2 / 16, 16, m.kv_heads, false, false};
  const Buffer pool(Memory::device, static_cast<std::size_t>(layout.pool_elements()) * 2),
      rotation = rotation_table(kMostTokens);
  KVPLAN_CUDA(launch_fill_bf16(x.as<Bf16>(), widest / 2, 1.f, 5, bench.main()));
  KVPLAN_CUDA(launch_fill_bf16(y.as<Bf16>(), widest / 2, 1.f, 6, bench.main()));
  bench.main().wait();
  bench.expect(18);
  const auto measure = [&](const char* name, int tokens, int width, std::int64_t bytes,
                           std::function<void(cudaStream_t)> run) {
    bench.measure(
        bench.point({{"kernel", std::string(name)}, {"tokens", std::int64_t{tokens}}, {"width", std::int64_t{width}}},
                    bytes),
        {[run = std::move(run)](cudaStream_t s, int) { run(s); }});
  };
  for (const int tokens : {1, 64, 1024, kMostTokens}) {
    measure("rms_norm", tokens, m.hidden, std::int64_t{8} * tokens * m.hidden, [&, tokens](cudaStream_t s) {
      KVPLAN_CUDA(
          launch_rms_norm(x.as<Bf16>(), y.as<Bf16>(), x.as<Bf16>(), y.as<Bf16>() + widest / 4, tokens, m.hidden, s));
    });
    const AttentionBatch batch(bench, layout, m.group(), 1, tokens, 0);
    measure("rope_append", tokens, static_cast<int>(m.qkv().n), std::int64_t{4} * tokens * m.qkv().n,
            [&, batch_ = &batch](cudaStream_t s) {
              batch_->append(x.as<Bf16>(), y.as<Bf16>(), pool.as<Bf16>(), 0, rotation.as<float2>(), s);
            });
    measure("silu_mul", tokens, m.intermediate, std::int64_t{6} * tokens * m.intermediate, [&, tokens](cudaStream_t s) {
      KVPLAN_CUDA(launch_silu_mul(x.as<Bf16>(), y.as<Bf16>(), tokens, m.intermediate, s));
    });
  }
  measure("argmax", 32, m.vocabulary, std::int64_t{64} * m.vocabulary, [&](cudaStream_t s) {
    KVPLAN_CUDA(launch_argmax(x.as<Bf16>(), chosen.as<std::int32_t>(), 32, m.vocabulary, s));
  });
  const Event event(false);
  measure_host(bench, "host_launch",
               [&] { KVPLAN_CUDA(launch_silu_mul(x.as<Bf16>(), y.as<Bf16>(), 1, 4096, bench.main())); });
  measure_host(bench, "host_event_record", [&] { KVPLAN_CUDA(cudaEventRecord(event, bench.main())); });
  measure_host(bench, "host_event_query", [&] { (void)cudaEventQuery(event); });
  measure_host(bench, "host_launch_and_wait", [&] {
    KVPLAN_CUDA(launch_silu_mul(x.as<Bf16>(), y.as<Bf16>(), 1, 4096, bench.main()));
    bench.main().wait();
  });
  measure_graph(bench, x, y);
}

}  // namespace kvplan::gpu
