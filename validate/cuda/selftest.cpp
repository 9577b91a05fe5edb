#include "validate/cuda/selftest.hpp"

#include <cstdio>

#include "validate/cuda/checks/attention_case.hpp"
#include "validate/cuda/checks/fused_case.hpp"
#include "validate/cuda/device/batch_copy.hpp"
#include "validate/cuda/device/cuda.hpp"
#include "validate/cuda/device/matmul.hpp"
#include "validate/cuda/kernels/launch.hpp"

namespace kvplan::gpu {
namespace {

template <class T>
std::vector<T> download(const Buffer& buffer, std::size_t count) {
  std::vector<T> out(count);
  KVPLAN_CUDA(cudaDeviceSynchronize());
  KVPLAN_CUDA(cudaMemcpy(out.data(), buffer.data(), count * sizeof(T), cudaMemcpyDeviceToHost));
  return out;
}

// A target full of NaN: an element that nothing writes shows.
Buffer poisoned(std::size_t elements) {
  Buffer buffer(Memory::device, elements * sizeof(Bf16));
  KVPLAN_CUDA(cudaMemset(buffer.data(), 0xff, buffer.bytes()));
  KVPLAN_CUDA(cudaStreamSynchronize(cudaStreamLegacy));  // a memset returns before it has run, and our streams do not wait
  return buffer;
}

int report(const std::string& name, double error, double tolerance) {
  const bool good = error < tolerance;
  std::printf("%s  %-48s relative error %.2e, at most %.0e\n", good ? "ok  " : "FAIL", name.c_str(), error, tolerance);
  return good ? 0 : 1;
}
int report(const std::string& name, bool good) {
  std::printf("%s  %s\n", good ? "ok  " : "FAIL", name.c_str());
  return good ? 0 : 1;
}

int check_attention(const AttentionProblem& problem, const Stream& stream) {
  const AttentionCase c = make_case(problem, 1);
  const KvLayout& l = c.problem.layout;
  const Buffer pool = upload(c.pool), table = upload(c.table), q = upload(c.q), spans = upload(c.problem.spans);
  const Buffer out = poisoned(c.q.size());
  const PagedKv kv = paged_layer(l, pool.as<Bf16>(), c.layer, table.as<std::int32_t>(), c.table_stride);
  if (!problem.decode) {
    const auto tiles = prefill_tiles(c.problem.spans, problem.group, 64 * problem.m_tiles);
    const Buffer tiles_there = upload(tiles);
    const PrefillArguments a{q.as<Bf16>(), out.as<Bf16>(), kv, tiles_there.as<PrefillTile>(), spans.as<SequenceSpan>(),
                             c.scale()};
    KVPLAN_CUDA(launch_prefill(a, problem.group, problem.m_tiles, static_cast<int>(tiles.size()), stream));
    return report(problem.name, relative_error(download<Bf16>(out, c.q.size()), c.expected), kAttentionTolerance);
  }
  std::vector<std::int32_t> lengths;
  for (const SequenceSpan& s : c.problem.spans) lengths.push_back(s.kv_tokens);
  const int tiles = (*std::max_element(lengths.begin(), lengths.end()) + kDecodeTileTokens - 1) / kDecodeTileTokens;
  const std::size_t parts = lengths.size() * static_cast<std::size_t>(l.kv_heads * problem.splits * problem.group);
  const Buffer lengths_there = upload(lengths), part_output(Memory::device, parts * kHeadDim * 4),
               part_softmax(Memory::device, parts * 8);
  const DecodeArguments a{q.as<Bf16>(),
                          out.as<Bf16>(),
                          part_output.as<float>(),
                          part_softmax.as<float2>(),
                          kv,
                          lengths_there.as<std::int32_t>(),
                          (tiles + problem.splits - 1) / problem.splits,
                          problem.splits,
                          c.scale()};
  KVPLAN_CUDA(launch_decode(a, problem.group, static_cast<int>(lengths.size()), stream));
  return report(problem.name, relative_error(download<Bf16>(out, c.q.size()), c.expected), kAttentionTolerance);
}

int check_small(const Stream& stream) {
  int failed = 0;
  for (const bool with_residual : {false, true}) {
    const NormCase c = norm_case(3, 4096, with_residual, 5);
    const Buffer x = upload(c.x), weight = upload(c.weight), out = poisoned(c.x.size());
    const Buffer residual = with_residual ? upload(c.residual) : Buffer();
    KVPLAN_CUDA(launch_rms_norm(x.as<Bf16>(), residual.as<Bf16>(), weight.as<Bf16>(), out.as<Bf16>(), 3, 4096, stream));
    failed += report(with_residual ? "norm with residual" : "norm",
                     relative_error(download<Bf16>(out, c.x.size()), c.expected), kFusedTolerance);
  }
  const SiluCase s = silu_case(3, 14336, 7);
  const Buffer gate_up = upload(s.gate_up), activated = poisoned(s.expected.size());
  KVPLAN_CUDA(launch_silu_mul(gate_up.as<Bf16>(), activated.as<Bf16>(), 3, 14336, stream));
  failed += report("silu times up", relative_error(download<Bf16>(activated, s.expected.size()), s.expected),
                   kFusedTolerance);
  const ArgmaxCase m = argmax_case(4, 128256, 8);
  const Buffer logits = upload(m.logits), chosen(Memory::device, 4 * sizeof(std::int32_t));
  KVPLAN_CUDA(launch_argmax(logits.as<Bf16>(), chosen.as<std::int32_t>(), 4, 128256, stream));
  return failed + report("most likely token", download<std::int32_t>(chosen, 4) == m.expected);
}

int check_rope(const Stream& stream) {
  int failed = 0;
  for (const bool page_first : {false, true}) {
    for (const bool heads_first : {false, true}) {
      const RopeCase c = rope_case(page_first, heads_first, 6);
      const Buffer qkv = upload(c.qkv), pool = upload(c.pool), table = upload(c.table), sequence = upload(c.sequence);
      const Buffer position = upload(c.position), rotation = upload(c.rotation), q = poisoned(c.expected_q.size());
      const PagedKv kv = paged_layer(c.layout, pool.as<Bf16>(), c.layer, table.as<std::int32_t>(), c.table_stride);
      const RopeArguments a{
          qkv.as<Bf16>(),        q.as<Bf16>(), kv, sequence.as<std::int32_t>(), position.as<std::int32_t>(),
          rotation.as<float2>(), c.query_heads};
      KVPLAN_CUDA(launch_rope_append(a, static_cast<int>(c.sequence.size()), stream));
      double error = 0;
      const bool placed = pool_agrees(c, download<Bf16>(pool, c.pool.size()), error);
      failed += report("rotation and append", placed);
      failed += report("rotated queries", relative_error(download<Bf16>(q, c.expected_q.size()), c.expected_q),
                       kFusedTolerance);
    }
  }
  return failed;
}

// Segments out to pinned memory and back by every method that this build has.
int check_copies(const Stream& stream) {
  constexpr std::size_t kSegment = 6 << 10, kCount = 128;
  const Buffer content(Memory::device, kSegment * kCount), back(Memory::device, kSegment * kCount);
  const Buffer host(Memory::pinned, kSegment * kCount), wrong(Memory::device, 8);
  KVPLAN_CUDA(launch_fill_words(content.as<std::uint64_t>(), content.bytes() / 8, 77, stream));
  std::vector<std::uint32_t> source;
  std::vector<void*> out, in;
  std::vector<const void*> from, out_again;
  for (std::size_t i = 0; i < kCount; ++i) {
    source.push_back(static_cast<std::uint32_t>(i * 37 % kCount));
    from.push_back(content.data() + source[i] * kSegment);
    out.push_back(host.data() + i * kSegment);
    out_again.push_back(out.back());
    in.push_back(back.data() + i * kSegment);
  }
  const Buffer map = upload(source), to_host = upload(out), from_device = upload(from), to_device = upload(in),
               from_host = upload(out_again);
  int failed = 0;
  for (const bool batched : {false, true}) {
    if (batched && !kBatchCopies) continue;
    KVPLAN_CUDA(cudaMemsetAsync(back.data(), 0xff, back.bytes(), stream));
    KVPLAN_CUDA(cudaMemsetAsync(wrong.data(), 0, 8, stream));
    stream.wait();
    if (batched) {
      batch_copy(out, from, kSegment, BatchOrder::stream, false, stream);
      batch_copy(in, out_again, kSegment, BatchOrder::stream, true, stream);
    } else {
      KVPLAN_CUDA(launch_segment_copy(
          {to_host.as<void* const>(), from_device.as<const void* const>(), kSegment, kCount}, 4, stream));
      KVPLAN_CUDA(launch_segment_copy(
          {to_device.as<void* const>(), from_host.as<const void* const>(), kSegment, kCount}, 4, stream));
    }
    KVPLAN_CUDA(launch_count_wrong(back.as<std::uint64_t>(), map.as<std::uint32_t>(), kSegment / 8, kCount, 77,
                                   wrong.as<unsigned long long>(), stream));
    failed += report(batched ? "segments out and back, batched copies" : "segments out and back, kernel",
                     download<unsigned long long>(wrong, 1)[0] == 0);
  }
  return failed;
}

// y = x times the transpose of w: the row and column order that the layers rely on.
int check_product(const Stream& stream) {
  Matmul matmul;
  if (!matmul.available()) return report("matrix product: skipped, libcublasLt is missing", true);
  constexpr int kM = 8, kN = 256, kK = 512;
  const NormCase values = norm_case(kM + kN, kK, false, 12);
  const Buffer x = upload(values.x), y = poisoned(kM * kN);
  const Bf16* w = x.as<Bf16>() + kM * kK;
  matmul.run(MatrixType::bf16, x.data(), w, y.data(), kM, kN, kK, stream);
  std::vector<double> expected;
  for (std::size_t i = 0; i < kM; ++i) {
    for (std::size_t j = 0; j < kN; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < kK; ++k)
        sum += double{to_float(values.x[i * kK + k])} * double{to_float(values.x[(kM + j) * kK + k])};
      expected.push_back(sum);
    }
  }
  return report("matrix product", relative_error(download<Bf16>(y, expected.size()), expected), kFusedTolerance);
}

}  // namespace

int run_selftest() {
  KVPLAN_CUDA(load_attention_kernels());
  const Stream stream;
  int failed = 0;
  for (const AttentionProblem& p : attention_problems()) failed += check_attention(p, stream);
  failed += check_small(stream) + check_rope(stream) + check_copies(stream) + check_product(stream);
  std::printf(failed == 0 ? "all checks passed\n" : "%d checks FAILED\n", failed);
  return failed;
}

}  // namespace kvplan::gpu
