// The table that base/embedded.cmake generates; ordered by name.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace kvplan {

struct EmbeddedFile {
  std::string_view name;
  const unsigned char* bytes;
  std::size_t size;
};

std::span<const EmbeddedFile> embedded_table();

}  // namespace kvplan
