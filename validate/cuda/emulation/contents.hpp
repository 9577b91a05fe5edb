// The contents kernels' own bodies, run by one lane on the host.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kvplan::gpu {

void fill_words_on_host(std::uint64_t* to, std::size_t words, std::uint64_t seed);
unsigned long long count_wrong_on_host(const std::uint64_t* at, const std::uint32_t* source, std::size_t segment_words,
                                       std::size_t segments, std::uint64_t seed);

}  // namespace kvplan::gpu
