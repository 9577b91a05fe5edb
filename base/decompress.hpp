// Byte sources that undo a compression, one behind another.
#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

namespace kvplan {

// What is wrong with the bytes; the caller knows the file's name.
struct DamagedInput : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Up to `size` bytes; 0 only at the end.
  virtual std::size_t read(char* to, std::size_t size) = 0;
};

// Gzip, zstd or plain, by the first bytes of `raw`. Several members or frames in a row are one text.
std::unique_ptr<ByteSource> decompressed(std::unique_ptr<ByteSource> raw);

}  // namespace kvplan
