#include "base/file.hpp"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "tests/catch.hpp"

namespace kvplan {
namespace {

std::string gzipped(const std::string& text) {
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, text.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}

std::string zstandard(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

// A file of the given bytes that lives as long as the test.
class TestFile {
 public:
  explicit TestFile(const std::string& bytes)
      : path_(std::filesystem::temp_directory_path() / ("kvplan_file_test_" + std::to_string(getpid()) + "_" + std::to_string(std::rand()))) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~TestFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::string error_of(const std::string& path, std::int64_t limit = kMaxTextBytes) {
  try {
    read_text_file(path, limit);
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

// Hard to compress, so that cutting it anywhere cuts data.
std::string sample(std::size_t size) {
  std::string text;
  for (std::uint32_t x = 1; text.size() < size; x = x * 1664525u + 1013904223u) text += std::to_string(x) + "\n";
  text.resize(size);
  return text;
}

TEST_CASE("plain, gzip and zstd read alike, whatever the name and the number of members") {
  const std::string text = sample(700'000);
  const std::string a = text.substr(0, 300'001), b = text.substr(300'001);
  for (const std::string& bytes :
       {text, gzipped(text), zstandard(text), gzipped(a) + gzipped(b), zstandard(a) + zstandard(b)}) {
    const TestFile file(bytes);
    CHECK(read_text_file(file.path()) == text);
    const auto stream = open_text_file(file.path());
    CHECK(std::string(std::istreambuf_iterator<char>(*stream), {}) == text);
  }
}

TEST_CASE("cut-off and damaged streams are errors wherever they are cut") {
  const std::string text = sample(50'000);
  for (const std::string& bytes : {gzipped(text), zstandard(text)}) {
    for (const std::size_t keep : {std::size_t{5}, bytes.size() / 2, bytes.size() - 1}) {
      const TestFile file(bytes.substr(0, keep));
      CHECK(error_of(file.path()).find("cut off") != std::string::npos);
    }
    std::string damaged = bytes;
    damaged[bytes.size() - 3] = static_cast<char>(damaged[bytes.size() - 3] ^ 0x55);
    CHECK(!error_of(TestFile(damaged).path()).empty());
    CHECK(!error_of(TestFile(bytes + "trailing").path()).empty());
  }
}

TEST_CASE("an error met while streaming reaches the reader") {
  const std::string bytes = gzipped(sample(2'000'000));
  const TestFile file(bytes.substr(0, bytes.size() / 2));
  const auto stream = open_text_file(file.path());
  std::string line;
  CHECK_THROWS_AS(
      [&] {
        while (std::getline(*stream, line)) {
        }
      }(),
      InputError);
}

TEST_CASE("empty, absent and unreadable files say so") {
  CHECK(error_of(TestFile("").path()).find("is empty") != std::string::npos);
  CHECK(error_of(TestFile(gzipped("")).path()).find("is empty") != std::string::npos);
  CHECK(error_of("/nonexistent/file").find("cannot be opened: No such file") != std::string::npos);
  CHECK(error_of("/").find("cannot be read: Is a directory") != std::string::npos);
}

TEST_CASE("a compression bomb ends at the limit") {
  const TestFile bomb(gzipped(std::string(20'000'000, 'x')));
  CHECK(std::filesystem::file_size(bomb.path()) < 30'000);
  CHECK(error_of(bomb.path(), 1'000'000).find("more than 1000000 bytes") != std::string::npos);
  CHECK(read_text_file(bomb.path(), 20'000'000).size() == 20'000'000);
}

}  // namespace
}  // namespace kvplan
