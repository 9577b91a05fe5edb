// X8 prefill attention with a cached prefix; X9 paged decode attention.
#include "validate/cuda/experiments/attention_batch.hpp"
#include "validate/cuda/experiments/experiments.hpp"
#include "validate/cuda/experiments/model_shape.hpp"
#include "validate/cuda/kernels/launch.hpp"

namespace kvplan::gpu {
namespace {

// A pool of one layer with random contents, as large as asked and allowed.
struct KvPool {
  KvPool(Bench& bench, std::int64_t tokens, int page_tokens, bool page_first, bool heads_first)
      : layout{1, static_cast<int>(tokens / page_tokens), page_tokens, kLlama8B.kv_heads, page_first, heads_first},
        memory(Memory::device, static_cast<std::size_t>(layout.pool_elements()) * 2) {
    KVPLAN_CUDA(launch_fill_bf16(memory.as<Bf16>(), memory.bytes() / 2, 1.f, 3, bench.main()));
    bench.main().wait();
  }
  std::string name() const {
    return std::string(layout.page_first ? "page-first" : "layer-first") + (layout.heads_first ? " HND" : " NHD");
  }

  KvLayout layout;
  Buffer memory;
};

RunValues heads(RunValues params) {
  params["heads"] = std::int64_t{kLlama8B.heads};
  params["kv_heads"] = std::int64_t{kLlama8B.kv_heads};
  params["head_dim"] = std::int64_t{kHeadDim};
  return params;
}

// q and the output of at most `tokens` tokens
struct Activations {
  Activations(Bench& bench, std::int64_t tokens)
      : q(Memory::device, static_cast<std::size_t>(tokens) * static_cast<std::size_t>(kLlama8B.heads) * kHeadDim * 2),
        out(Memory::device, q.bytes()) {
    KVPLAN_CUDA(launch_fill_bf16(q.as<Bf16>(), q.bytes() / 2, 1.f, 4, bench.main()));
    bench.main().wait();
  }
  Buffer q, out;
};

std::int64_t kv_bytes(const KvLayout& layout, int batch, int kv_tokens) {
  return std::int64_t{4} * batch * kv_tokens * layout.kv_heads * kHeadDim;
}

// Sets of pages to rotate through, so that no cache holds what is read: 256 MiB, or what the pool has; 0: not one fits.
int rotating_sets(const KvLayout& layout, int batch, int kv_tokens) {
  const std::int64_t pages_each = (kv_tokens + layout.page_tokens - 1) / layout.page_tokens;
  const std::int64_t fit = layout.pages / (batch * pages_each);
  const std::int64_t wanted = std::max<std::int64_t>(1, (std::int64_t{256} << 20) / kv_bytes(layout, batch, kv_tokens));
  return static_cast<int>(std::min(wanted, fit));
}

void measure_decode(Bench& bench, KvPool& pool, const Activations& io, int batch, int kv_tokens) {
  const int sets = rotating_sets(pool.layout, batch, kv_tokens);
  RunPoint p = bench.point(heads({{"batch", std::int64_t{batch}},
                                  {"kv_tokens", std::int64_t{kv_tokens}},
                                  {"page_tokens", std::int64_t{pool.layout.page_tokens}},
                                  {"layout", pool.name()}}),
                           kv_bytes(pool.layout, batch, kv_tokens));
  if (sets < 1) return bench.waive(std::move(p), "more KV than the pool that fits this GPU");
  const AttentionBatch attention(bench, pool.layout, kLlama8B.group(), batch, 1, kv_tokens - 1, sets);
  Work work{[&](cudaStream_t s, int round) {
    attention.attend(io.q.as<Bf16>(), io.out.as<Bf16>(), pool.memory.as<Bf16>(), 0, round, s);
  }};
  work.operations = 2;
  bench.measure(std::move(p), work);
}

}  // namespace

void prefill_attention_times(Bench& bench) {
  const std::vector<int> chunks = bench.quick() ? std::vector<int>{512, 8192} : std::vector<int>{128, 512, 2048, 8192};
  const std::vector<int> prefixes =
      bench.quick() ? std::vector<int>{0, 4096} : std::vector<int>{0, 1024, 4096, 16384, 32768};
  KvPool pool(bench, 65536, 16, false, false);
  const Activations io(bench, 8192);
  bench.expect(chunks.size() * prefixes.size() * 2 + 3);
  const auto measure = [&](int batch, int chunk, int prefix, int m_tiles) {
    const int sets = rotating_sets(pool.layout, batch, chunk + prefix);
    const AttentionBatch attention(bench, pool.layout, kLlama8B.group(), batch, chunk, prefix, sets, m_tiles);
    RunPoint p = bench.point(heads({{"batch", std::int64_t{batch}},
                                    {"new_tokens", std::int64_t{chunk}},
                                    {"prefix", std::int64_t{prefix}},
                                    {"kernel", std::string(m_tiles == 2 ? "mma_128" : "mma_64")}}),
                             0, attention.flops());
    bench.measure(std::move(p), {[&](cudaStream_t s, int round) {
                    attention.attend(io.q.as<Bf16>(), io.out.as<Bf16>(), pool.memory.as<Bf16>(), 0, round, s);
                  }});
  };
  for (const int m_tiles : {2, 1}) {
    for (const int chunk : chunks) {
      for (const int prefix : prefixes) measure(1, chunk, prefix, m_tiles);
    }
  }
  for (const int batch : {2, 4}) measure(batch, 2048, 4096, 2);
}

void decode_attention_times(Bench& bench) {
  const std::vector<int> batches = bench.quick() ? std::vector<int>{1, 16} : std::vector<int>{1, 4, 16, 64};
  const std::vector<int> contexts =
      bench.quick() ? std::vector<int>{2048, 8192} : std::vector<int>{512, 2048, 8192, 32768};
  const std::int64_t most = std::int64_t{64} * 32768, bytes_a_token = 4 * kLlama8B.kv_heads * kHeadDim;
  const std::int64_t tokens = std::min<std::int64_t>(bench.quick() ? 262144 : most,
                                                     static_cast<std::int64_t>(bench.free_bytes() / 2) / bytes_a_token);
  const Activations io(bench, 64);
  bench.expect(batches.size() * contexts.size() + 3);
  {
    KvPool pool(bench, tokens, 16, false, false);
    for (const int batch : batches) {
      for (const int context : contexts) measure_decode(bench, pool, io, batch, context);
    }
  }
  struct Variant {
    int page_tokens;
    bool page_first, heads_first;
  };
  for (const Variant v : {Variant{64, false, false}, Variant{16, false, true}, Variant{16, true, false}}) {
    KvPool pool(bench, 262144, v.page_tokens, v.page_first, v.heads_first);
    measure_decode(bench, pool, io, 16, 8192);
  }
}

}  // namespace kvplan::gpu
