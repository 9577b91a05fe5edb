// From text to a Workload.
#include <benchmark/benchmark.h>

#include <sstream>

#include "base/checksum.hpp"
#include "base/sha256.hpp"
#include "traces/compile.hpp"
#include "traces/load.hpp"
#include "traces/synth.hpp"
#include "traces/transform.hpp"
#include "traces/workload_file.hpp"

namespace kvplan {
namespace {

// As many turns as the Mooncake conversation trace has, and like them.
const std::string& text() {
  static const std::string made = [] {
    SynthOptions o = synth_preset("mooncake-conversation");
    o.requests = 12031;
    return synthesise_mooncake(o);
  }();
  return made;
}

const Workload& workload() {
  static const Workload made = compile_workload(rows_from_text(text(), "bench"), {});
  return made;
}

void set_turns(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(workload().turns.size()));
}

void read_json_lines(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(rows_from_text(text(), "bench"));
  set_turns(state);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text().size()));
}
BENCHMARK(read_json_lines)->Unit(benchmark::kMillisecond);

void compile(benchmark::State& state) {
  const TraceRows rows = rows_from_text(text(), "bench");
  for (auto _ : state) benchmark::DoNotOptimize(compile_workload(rows, {}));
  set_turns(state);
}
BENCHMARK(compile)->Unit(benchmark::kMillisecond);

void replicate_ten_times(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(replicate(workload(), 10));
  state.SetItemsProcessed(state.iterations() * 10 * static_cast<std::int64_t>(workload().turns.size()));
}
BENCHMARK(replicate_ten_times)->Unit(benchmark::kMillisecond);

void read_compiled_workload(benchmark::State& state) {
  std::ostringstream file;
  write_workload(file, workload(), "key");
  const std::string bytes = file.str();
  for (auto _ : state) {
    std::istringstream in(bytes);
    benchmark::DoNotOptimize(read_workload(in, "key"));
  }
  set_turns(state);
}
BENCHMARK(read_compiled_workload)->Unit(benchmark::kMillisecond);

void digests(benchmark::State& state) {
  const std::string bytes(std::size_t{1} << 22, 'x');
  for (auto _ : state) benchmark::DoNotOptimize(state.range(0) ? sha256_hex(bytes) : checksum_hex(bytes));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(digests)->ArgName("sha256")->Arg(0)->Arg(1);

}  // namespace
}  // namespace kvplan
