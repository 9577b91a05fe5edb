#include "cli/load_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "base/decompress.hpp"
#include "base/embedded.hpp"
#include "cli/compiled_loads.hpp"
#include "cli/idle_options.hpp"
#include "traces/compile.hpp"
#include "traces/load.hpp"
#include "traces/transform.hpp"

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
  const std::string loop = s.text("trace.closed_loop");
  o.closed_loop = loop == "open" ? ClosedLoop::open : loop == "inferred" ? ClosedLoop::inferred : ClosedLoop::recorded;
  if (s.has("trace.context_cap_tokens")) o.context_cap_tokens = s.integer("trace.context_cap_tokens");
  if (s.has("trace.limit")) o.limit = s.integer("trace.limit");
  o.window_start = time_from_seconds(s.number("trace.window_start_s"));
  if (s.has("trace.window_end_s")) o.window_end = time_from_seconds(s.number("trace.window_end_s"));
  if (o.window_end <= o.window_start) {
    throw InputError(s.finding("trace.window_end_s", "trace.window_end_s must lie after trace.window_start_s"));
  }
  return o;
}

template <class Enum>
Enum chosen(const Scenario& s, const std::string& path, std::initializer_list<std::pair<const char*, Enum>> names) {
  for (const auto& [name, value] : names) {
    if (s.text(path) == name) return value;
  }
  KVPLAN_ASSERT(false);
}

ArrivalProcess arrival_process(const Scenario& s) {
  using P = ArrivalProcess;
  P p;
  p.gaps = chosen<P::Gaps>(s, "trace.arrivals",
                           {{"recorded", P::Gaps::recorded},
                            {"poisson", P::Gaps::poisson},
                            {"gamma", P::Gaps::gamma},
                            {"weibull", P::Gaps::weibull}});
  p.of = chosen<P::Of>(s, "trace.arrivals_of", {{"sessions", P::Of::sessions}, {"requests", P::Of::requests}});
  p.profile = chosen<P::Profile>(
      s, "trace.profile",
      {{"constant", P::Profile::constant}, {"diurnal", P::Profile::diurnal}, {"step", P::Profile::step}});
  p.per_s = s.number("trace.arrivals_per_s");
  p.cv = s.number("trace.arrivals_cv");
  p.period_s = s.number("trace.profile_period_s");
  p.amplitude = s.number("trace.profile_amplitude");
  p.step_at_s = s.number("trace.profile_step_at_s");
  p.step_factor = s.number("trace.profile_step_factor");
  return p;
}

TransformOptions transform_options(const Scenario& s) {
  TransformOptions o;
  o.seed = static_cast<std::uint64_t>(s.integer("seed"));
  o.session_share = s.number("trace.session_share");
  o.copies = s.integer("trace.copies");
  o.shared_prefix_tokens = s.integer("trace.shared_prefix_tokens");
  if (s.has("trace.to_block_tokens")) {
    o.to_block_tokens = static_cast<std::int32_t>(s.integer("trace.to_block_tokens"));
  }
  if (s.has("trace.users")) o.users = s.integer("trace.users");
  o.users_start = time_from_seconds(s.number("trace.users_start_s"));
  if (s.has("trace.duration_s")) o.duration = time_from_seconds(s.number("trace.duration_s"));
  o.arrivals = arrival_process(s);
  if (o.users && o.arrivals.gaps != ArrivalProcess::Gaps::recorded) {
    throw InputError(s.finding("trace.users", "trace.users and trace.arrivals exclude one another",
                               "users run sessions back to back, so there is nothing to impose"));
  }
  return o;
}

}  // namespace

Workload transform_load(Workload load, const Scenario& s) {
  Workload transformed = transform(std::move(load), transform_options(s));
  for (std::string& note : idle_load_options(s)) transformed.notes.push_back({std::move(note)});
  return transformed;
}

Workload load_trace(const Scenario& s, bool strict, std::ostream& err, LoadCost* cost) {
  const LoadOptions options = load_options(s, strict);
  transform_options(s);  // what is wrong with them is told before a long trace is read
  if (!s.has("trace.path")) return transform_load(compile_workload(rows_from_text(sample_text(), kSample, options), options), s);
  const std::string path = s.text("trace.path");
  nlohmann::ordered_json said = s.merged().at("trace");
  said.erase("path");
  said = {{"trace", said}, {"seed", s.integer("seed")}, {"strict", strict}};
  return compiled_load(
      path, said, [&] { return transform_load(load_workload(path, options, cost), s); }, err);
}

}  // namespace kvplan
