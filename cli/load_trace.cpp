#include "cli/load_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/decompress.hpp"
#include "base/embedded.hpp"
#include "traces/compile.hpp"
#include "traces/load.hpp"

namespace kvplan {
namespace {

constexpr const char* kSample = "examples/chat.jsonl.gz";

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : rest_(bytes) {}

  std::size_t read(char* to, std::size_t size) override {
    const std::size_t n = std::min(size, rest_.size());
    std::memcpy(to, rest_.data(), n);
    rest_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view rest_;
};

std::string sample_text() {
  const auto source = decompressed(std::make_unique<MemorySource>(embedded_file(kSample)));
  std::string text, part(1 << 16, '\0');
  for (std::size_t n = source->read(part.data(), part.size()); n > 0; n = source->read(part.data(), part.size())) {
    text.append(part, 0, n);
  }
  return text;
}

LoadOptions load_options(const Scenario& s, bool strict) {
  LoadOptions o;
  o.strict = strict;
  o.block_tokens = static_cast<std::int32_t>(s.integer("trace.block_tokens"));
  o.seed = static_cast<std::uint64_t>(s.integer("seed"));
  if (s.has("trace.tick_s")) o.tick = time_from_seconds(s.number("trace.tick_s"));
  o.rate_scale = s.number("trace.rate_scale");
  if (s.has("trace.limit")) o.limit = s.integer("trace.limit");
  o.window_start = time_from_seconds(s.number("trace.window_start_s"));
  if (s.has("trace.window_end_s")) o.window_end = time_from_seconds(s.number("trace.window_end_s"));
  if (o.window_end <= o.window_start) {
    throw InputError(s.finding("trace.window_end_s", "trace.window_end_s must lie after trace.window_start_s"));
  }
  return o;
}

}  // namespace

Workload load_trace(const Scenario& s, bool strict) {
  const LoadOptions options = load_options(s, strict);
  if (s.has("trace.path")) return load_workload(s.text("trace.path"), options);
  return compile_workload(rows_from_text(sample_text(), kSample, options), options);
}

}  // namespace kvplan
