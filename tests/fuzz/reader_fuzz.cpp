// libFuzzer target for one format: KVPLAN_FUZZ_FORMAT.
#include <cstdint>

#include "tests/fuzz/one_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const kvplan::TraceFormat* const format = kvplan::trace_format(KVPLAN_FUZZ_FORMAT);
  kvplan::fuzz::one_input(*format, std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
