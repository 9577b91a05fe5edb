// Result files of benchmark tools, in the formats that those publish.
#include "validate/server_results.hpp"

#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "base/error.hpp"
#include "tests/catch.hpp"

using namespace kvplan;

namespace {

std::vector<ServerRow> read(const std::string& text) {
  const std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("kvplan-result-{}.json", ::getpid())).string();
  std::ofstream(path) << text;
  ServerFacts facts{"x86-h100-sxm", "vllm", "0.12", "", Dtype::fp8, 2};
  return read_server_results(path, facts);
}

std::string refusal(const std::string& text) {
  try {
    read(text);
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

bool says(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

const std::string kVllm = R"({"date": "20260101-000000", "backend": "vllm", "model_id": "Qwen/Qwen3-32B", "num_prompts": 160,
  "request_rate": "inf", "burstiness": 1.0, "max_concurrency": 16, "duration": 90.5, "completed": 160,
  "total_input_tokens": 163840, "total_output_tokens": 20480, "request_throughput": 1.77, "mean_ttft_ms": 310.5,
  "median_ttft_ms": 300.1, "mean_tpot_ms": 21.25, "mean_itl_ms": 21.3})";

}  // namespace

TEST_CASE("vllm bench serve: means, lengths by totals, clients and rounds") {
  const ServerRow r = read(kVllm).at(0);
  CHECK(r.model == "Qwen/Qwen3-32B");
  CHECK((r.isl == 1024 && r.osl == 128 && r.concurrency == 16 && r.requests_per_client == 10 && r.tp == 2));
  CHECK(r.ttft_s == Approx(0.3105));
  CHECK(r.tpot_s == Approx(0.02125));
  CHECK(r.weights == Dtype::fp8);
}

TEST_CASE("aiperf: metrics with units, lengths, and the clients of its configuration") {
  const std::string text = R"({"request_count": {"unit": "requests", "avg": 80}, "time_to_first_token": {"unit": "ms", "avg": 95.5},
    "inter_token_latency": {"unit": "ms", "avg": 8.5}, "input_sequence_length": {"unit": "tokens", "avg": 512},
    "output_sequence_length": {"unit": "tokens", "avg": 99.6}, "input_config": {"endpoint": {"model_names": ["openai/gpt-oss-20b"]},
    "loadgen": {"concurrency": 8, "request_count": 80}}})";
  const ServerRow r = read(text).at(0);
  CHECK(r.model == "openai/gpt-oss-20b");
  CHECK((r.isl == 512 && r.osl == 100 && r.concurrency == 8 && r.requests_per_client == 10));
  CHECK(r.ttft_s == Approx(0.0955));
  CHECK(r.tpot_s == Approx(0.0085));
  std::string seconds = text;
  seconds.replace(seconds.find("\"ms\""), 4, "\"s\"");
  CHECK(says(refusal(seconds), "expected ms"));
}

TEST_CASE("guidellm: each benchmark of concurrent streams is a row, one at a request rate is refused") {
  const auto report = [](const char* strategy) {
    return fmt::format(R"({{"benchmarks": [{{"config": {{"strategy": {}}}, "metrics": {{"request_totals": {{"successful": 40}},
      "time_to_first_token_ms": {{"successful": {{"mean": 50}}}}, "inter_token_latency_ms": {{"successful": {{"mean": 10}}}},
      "prompt_token_count": {{"successful": {{"mean": 256}}}}, "output_token_count": {{"successful": {{"mean": 64}}}}}}}}]}})", strategy);
  };
  const std::string named = report(R"({"type_": "concurrent", "streams": 4})");
  CHECK(says(refusal(named), "names no model"));
  ServerFacts facts{"x86-h100-sxm", "vllm", "", "llama-3.1-8b", Dtype::bf16, 1};
  const std::string path = (std::filesystem::temp_directory_path() / fmt::format("kvplan-guide-{}.json", ::getpid())).string();
  std::ofstream(path) << named;
  const ServerRow r = read_server_results(path, facts).at(0);
  CHECK((r.isl == 256 && r.osl == 64 && r.concurrency == 4 && r.requests_per_client == 10));
  CHECK(says(refusal(report(R"({"type_": "constant", "rate": 2})")), "only closed loops"));
}

TEST_CASE("failed requests, missing figures, no closed loop and unknown files are refused") {
  const auto with = [](const std::string& what, const std::string& by) {
    std::string text = kVllm;
    return text.replace(text.find(what), what.size(), by);
  };
  CHECK(says(refusal(with("\"completed\": 160", "\"completed\": 150")), "some requests failed"));
  CHECK(says(refusal(with("\"max_concurrency\": 16", "\"max_concurrency\": null")), "closed loop"));
  // Each would take more memory than there is.
  CHECK(says(refusal(with("\"completed\": 160", "\"completed\": 1e308")), "no number of completed requests above 0 and within"));
  CHECK(says(refusal(with("\"max_concurrency\": 16", "\"max_concurrency\": 1e12")), "no closed loop of clients above 0 and within"));
  CHECK(says(refusal(with("\"total_input_tokens\": 163840", "\"total_input_tokens\": 1e14")), "prompts of"));
  CHECK(says(refusal(with("\"mean_tpot_ms\": 21.25", "\"mean_tpot_ms\": -1")), "no mean TPOT above 0"));
  CHECK(says(refusal(R"({"results": []})"), "no result of a benchmark"));
}
