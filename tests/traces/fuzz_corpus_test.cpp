// Goal: every input that fuzzing saved is read, or refused with a clear error, in any build and without clang.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/catch.hpp"
#include "tests/fuzz/one_input.hpp"

using namespace kvplan;

namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

}  // namespace

TEST_CASE("the fuzz corpus holds inputs of every format, and each is read or refused") {
  for (const TraceFormat& format : trace_formats()) {
    CAPTURE(format.name);
    int inputs = 0, good = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(KVPLAN_SOURCE_DIR "/tests/fuzz/corpus/" + std::string(format.name))) {
      CAPTURE(entry.path().string());
      bool read = false;
      CHECK_NOTHROW(read = fuzz::one_input(format, bytes_of(entry.path())));
      ++inputs;
      good += read;
    }
    CHECK(inputs >= 3);
    CHECK(good >= 1);
    CHECK(good < inputs);
  }
}
