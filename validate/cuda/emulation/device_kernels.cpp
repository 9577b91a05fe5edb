// What kernels/launch.hpp and device/matmul.hpp promise, on a DeviceModel.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "validate/cuda/device/matmul.hpp"
#include "validate/cuda/emulation/device_model.hpp"
#include "validate/cuda/emulation/math.hpp"
#include "validate/cuda/kernels/launch.hpp"

namespace kvplan::gpu {
namespace {

constexpr double kLaunchNs = 2000, kHbmBytesPerNs = 2800, kFlopsPerNs = 650e3, kAttentionFlopsPerNs = 300e3;

double memory_ns(double bytes) { return kLaunchNs + bytes / kHbmBytesPerNs; }
cudaError_t launch(cudaStream_t stream, double ns) { return DeviceModel::get().launch(stream, ns); }
bool computes() { return DeviceModel::get().computes(); }
bool has_contents() { return DeviceModel::get().copies_contents(); }

// Logits of a device without contents: all alike, so that checks have something to compare.
void show_something(const Bf16* logits, std::size_t count) {
  auto* to = reinterpret_cast<std::uint16_t*>(const_cast<Bf16*>(logits));
  constexpr std::uint16_t kOne = 0x3f80;
  if (to[count - 1] != kOne) std::fill_n(to, count, kOne);
}

}  // namespace

bool kernels_are_emulated() { return true; }
cudaError_t load_attention_kernels() { return cudaSuccess; }
cudaError_t load_copy_kernels() { return cudaSuccess; }
cudaError_t load_fused_kernels() { return cudaSuccess; }

cudaError_t launch_prefill(const PrefillArguments& a, int group, int m_tiles, int tiles, cudaStream_t stream) {
  if (computes()) prefill_on_host(&a, group, m_tiles, tiles);
  double visible = 0;
  for (int t = 0; t < tiles; ++t) {
    const SequenceSpan& s = a.spans[a.tiles[t].sequence];
    visible += 64.0 * m_tiles / group * (s.kv_tokens - s.new_tokens + a.tiles[t].first_row / group);
  }
  return launch(stream, kLaunchNs + 4.0 * kHeadDim * visible * a.kv.kv_heads * group / kAttentionFlopsPerNs);
}
cudaError_t launch_decode(const DecodeArguments& a, int group, int sequences, cudaStream_t stream) {
  if (computes()) decode_on_host(&a, group, sequences);
  double tokens = 0;
  for (int s = 0; s < sequences; ++s) tokens += a.kv_tokens[s];
  return launch(stream, 2 * memory_ns(tokens * a.kv.kv_heads * kHeadDim * 2));
}
cudaError_t launch_segment_copy(const SegmentCopy& a, int blocks, cudaStream_t stream) {
  const int skipped = DeviceModel::get().has_fault("wrong_bytes") ? 1 : 0;
  for (int i = 0; i < a.segments - skipped; ++i) std::memcpy(a.to[i], a.from[i], a.segment_bytes);
  const double bytes = static_cast<double>(a.segment_bytes) * a.segments;
  return launch(stream, kLaunchNs + bytes / (blocks < 8 ? 20 : 45));
}
cudaError_t launch_rms_norm(const Bf16* x, Bf16* residual, const Bf16* weight, Bf16* out, int tokens, int hidden,
                            cudaStream_t stream) {
  if (computes()) rms_norm_on_host(x, residual, weight, out, tokens, hidden);
  return launch(stream, memory_ns(8.0 * tokens * hidden));
}
cudaError_t launch_rope_append(const RopeArguments& a, int tokens, cudaStream_t stream) {
  if (computes()) rope_append_on_host(&a, tokens);
  return launch(stream, memory_ns(4.0 * tokens * (a.query_heads + 2 * a.kv.kv_heads) * kHeadDim));
}
cudaError_t launch_silu_mul(const Bf16* gate_up, Bf16* out, int tokens, int intermediate, cudaStream_t stream) {
  if (computes()) silu_mul_on_host(gate_up, out, tokens, intermediate);
  return launch(stream, memory_ns(6.0 * tokens * intermediate));
}
cudaError_t launch_argmax(const Bf16* logits, std::int32_t* token, int rows, int vocabulary, cudaStream_t stream) {
  if (computes()) argmax_on_host(logits, token, rows, vocabulary);
  if (!has_contents()) show_something(logits, static_cast<std::size_t>(rows) * static_cast<std::size_t>(vocabulary));
  return launch(stream, memory_ns(2.0 * rows * vocabulary));
}
cudaError_t launch_gather_rows(const std::int32_t* rows, const Bf16* from, Bf16* to, int count, int hidden,
                               cudaStream_t stream) {
  if (computes()) gather_rows_on_host(rows, from, to, count, hidden);
  return launch(stream, memory_ns(4.0 * count * hidden));
}
cudaError_t launch_hash_segments(const void* const* segments, std::size_t segment_bytes, int each, std::uint64_t* sums,
                                 int blocks, cudaStream_t stream) {
  if (computes()) hash_segments_on_host(segments, segment_bytes, each, sums, blocks);
  if (!has_contents()) std::fill_n(sums, blocks, std::uint64_t{0});
  return launch(stream, memory_ns(static_cast<double>(segment_bytes) * each * blocks));
}
cudaError_t launch_fill_words(std::uint64_t* to, std::size_t words, std::uint64_t seed, cudaStream_t stream) {
  fill_words_on_host(to, words, seed);
  return launch(stream, memory_ns(8.0 * static_cast<double>(words)));
}
cudaError_t launch_fill_bf16(Bf16* to, std::size_t count, float deviation, std::uint64_t seed, cudaStream_t stream) {
  if (computes()) fill_bf16_on_host(to, count, deviation, seed);
  return launch(stream, memory_ns(2.0 * static_cast<double>(count)));
}
cudaError_t launch_count_wrong(const std::uint64_t* at, const std::uint32_t* source, std::size_t segment_words,
                               std::size_t segments, std::uint64_t seed, unsigned long long* wrong,
                               cudaStream_t stream) {
  *wrong += count_wrong_on_host(at, source, segment_words, segments, seed);
  return launch(stream, memory_ns(8.0 * static_cast<double>(segment_words * segments)));
}
cudaError_t launch_read_words(const std::uint64_t*, std::size_t words, std::uint64_t*, cudaStream_t stream) {
  return launch(stream, memory_ns(8.0 * static_cast<double>(words)));
}
cudaError_t launch_latch(const volatile int*, volatile int*, long long, cudaStream_t stream) {
  DeviceModel::get().occupy(stream, Engine::none, 0);  // what waits behind the latch begins no earlier than it does
  DeviceModel::get().hold();
  return cudaSuccess;
}

struct Matmul::State {};
Matmul::Matmul() = default;
Matmul::~Matmul() = default;
bool Matmul::available() const { return true; }
std::string Matmul::version() const { return "emulated"; }
void Matmul::prepare(MatrixType, std::int64_t, std::int64_t, std::int64_t) {}
void Matmul::run(MatrixType type, const void* x, const void* w, void* y, std::int64_t m, std::int64_t n, std::int64_t k,
                 cudaStream_t stream) {
  if (computes() && type == MatrixType::bf16) {
    product_on_host(static_cast<const Bf16*>(x), static_cast<const Bf16*>(w), static_cast<Bf16*>(y), m, n, k);
  }
  const double bytes = static_cast<double>(n * k) * (type == MatrixType::fp8 ? 1 : 2);
  const double flops = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  launch(stream, kLaunchNs + std::max(bytes / kHbmBytesPerNs, flops / kFlopsPerNs));
}

}  // namespace kvplan::gpu
