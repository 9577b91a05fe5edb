// libFuzzer target of the JSON and CSV documents that kvplan reads, but traces: those whose first byte is among
// KVPLAN_FUZZ_LETTERS.
#include <cstdint>
#include <string_view>

#include "tests/fuzz/document.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view letters = KVPLAN_FUZZ_LETTERS;
  if (size == 0 || letters.find(static_cast<char>(data[0])) == letters.npos) return 0;
  kvplan::fuzz::one_document(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
