#include "validate/benchmark_file.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "base/embedded.hpp"
#include "base/json_file.hpp"

namespace kvplan {
namespace {

BenchmarkFile read(const JsonFile& file) {
  JsonFindings findings;
  JsonReader r(file, findings);
  BenchmarkFile f;
  Benchmark& b = f.benchmark;
  const Benchmark usual;
  const auto integer = [&](const char* key, std::int64_t low, std::int64_t high, std::int32_t fallback) {
    return static_cast<std::int32_t>(r.integer(key, low, high, fallback));
  };
  b.title = r.string("title");
  b.source = r.string("source");
  b.requests_per_client = integer("requests_per_client", 1, 10'000, usual.requests_per_client);
  b.spacing_s = r.number("spacing_s", 0, 60, usual.spacing_s);
  b.skip_first_burst = r.boolean("skip_first_burst", false);
  b.length_jitter = r.number("length_jitter", 0, 0.9, 0.0);
  b.batched_tokens = integer("batched_tokens", 0, 1 << 24, 0);
  b.prompt_headroom_tokens = integer("prompt_headroom_tokens", 0, 1 << 24, usual.prompt_headroom_tokens);
  JsonReader beyond = r.object("sequences_beyond_clients");
  for (const std::string& backend : beyond.keys()) {
    b.sequences_beyond_clients[backend] = static_cast<std::int32_t>(beyond.integer(backend, -65536, 65536));
  }
  const auto backends = [&](const char* key, std::set<std::string>& into) {
    if (!r.has(key)) return;
    const std::vector<std::string> names = r.strings(key);
    into = std::set<std::string>(names.begin(), names.end());
  };
  backends("whole_prompts", b.whole_prompts);
  backends("prefill_first", b.prefill_first);
  backends("overlapped", b.overlapped);
  b.gpu_memory_utilization = r.number("gpu_memory_utilization", 0.05, 1, usual.gpu_memory_utilization);
  b.frontend_requests_per_s = r.number("frontend_requests_per_s", 0, 1e9, 0.0);
  b.frontend_tokens_per_s = r.number("frontend_tokens_per_s", 0, 1e12, 0.0);
  b.kernels = r.one_of("step_time", {"roofline", "calibration"}, "calibration") == "roofline" ? Kernels::roofline
                                                                                           : Kernels::calibration;
  f.fit = r.one_of("fit", {"none", "every-second"}, "none") == "none" ? Fit::none : Fit::every_second;
  if (r.has("targets")) {
    JsonReader targets = r.object("targets");
    f.ttft_target = targets.number("ttft", 0, 10);
    f.tpot_target = targets.number("tpot", 0, 10);
    f.e2e_target = targets.number("e2e", 0, 10);
    targets.no_other_keys();
  }
  r.no_other_keys();
  if (b.skip_first_burst && b.requests_per_client < 2) {
    r.fail("requests_per_client", "\"requests_per_client\" is 1, and the first burst is left out: nothing is left");
  }
  findings.raise();
  return f;
}

}  // namespace

BenchmarkFile benchmark_of(const std::string& csv_path) {
  const std::string name = std::filesystem::path(csv_path).stem().string();
  const std::string file = fmt::format("validate/servers/{}.json", name);
  const std::string_view text = embedded_file(file);
  if (text.data() != nullptr) return read(JsonFile::parse(std::string(text), file));
  BenchmarkFile usual;
  usual.benchmark.title = "no description of this file: the usual setting is assumed";
  usual.benchmark.kernels = Kernels::calibration;
  usual.benchmark.source = "--benchmark FILE.json says how it was measured";
  return usual;
}

BenchmarkFile load_benchmark(const std::string& json_path) { return read(JsonFile::load(json_path)); }

}  // namespace kvplan
