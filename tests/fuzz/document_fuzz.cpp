// libFuzzer target of every JSON and CSV document that kvplan reads, but traces.
#include <cstdint>

#include "tests/fuzz/document.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kvplan::fuzz::one_document(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
