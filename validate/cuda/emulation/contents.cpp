#define KVPLAN_EMULATE_LANES
#include "validate/cuda/emulation/contents.hpp"

#include "validate/cuda/kernels/segments.cuh"

namespace kvplan::gpu {
namespace {

void one_lane() {
  gridDim = blockDim = {1, 1, 1};
  blockIdx = threadIdx = {0, 0, 0};
}

}  // namespace

void fill_words_on_host(std::uint64_t* to, std::size_t words, std::uint64_t seed) {
  one_lane();
  fill_words(to, words, seed);
}

unsigned long long count_wrong_on_host(const std::uint64_t* at, const std::uint32_t* source, std::size_t segment_words,
                                       std::size_t segments, std::uint64_t seed) {
  one_lane();
  unsigned long long wrong = 0;
  count_wrong(at, source, segment_words, segments, seed, &wrong);
  return wrong;
}

}  // namespace kvplan::gpu
