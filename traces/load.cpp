#include "traces/load.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "base/file.hpp"
#include "traces/compile.hpp"
#include "traces/mooncake_reader.hpp"
#include "traces/recognise.hpp"

namespace kvplan {
namespace {

std::string sha256_hex(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  KVPLAN_ASSERT(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace

TraceRows rows_from_text(std::string text, const std::string& name, const LoadOptions& options) {
  const Recognised recognised = recognise_trace(text);
  if (recognised.format.empty()) {
    throw InputError(
        {name, 0, 0, fmt::format("not a trace that can be read: this is {}", recognised.looks_like), recognised.help});
  }
  const std::string sha256 = sha256_hex(text);
  TraceRows rows = read_mooncake(std::move(text), name, options);
  rows.sha256 = sha256;
  return rows;
}

TraceRows load_rows(const std::string& path, const LoadOptions& options) {
  return rows_from_text(read_text_file(path), path, options);
}

Workload load_workload(const std::string& path, const LoadOptions& options) {
  return compile_workload(load_rows(path, options), options);
}

}  // namespace kvplan
