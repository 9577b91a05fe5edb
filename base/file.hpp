// Text files, plain or compressed with gzip or zstd. The format is told by the
// first bytes, not by the name; nothing seeks, so that pipes work. "-" is
// standard input.
//
// InputError, with the reason: the file cannot be read, is empty, is damaged
// or cut off, or expands beyond max_bytes (a compression bomb).
#pragma once

#include <cstdint>
#include <istream>
#include <memory>
#include <string>

namespace kvplan {

inline constexpr std::int64_t kMaxTextBytes = std::int64_t{64} << 30;

// The whole text, uncompressed.
std::string read_text_file(const std::string& path, std::int64_t max_bytes = kMaxTextBytes);

// The same, as a stream in constant memory. What goes wrong later is thrown by the read that meets it.
std::unique_ptr<std::istream> open_text_file(const std::string& path, std::int64_t max_bytes = kMaxTextBytes);

}  // namespace kvplan
