#include "hardware/hardware.hpp"

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "hardware/figures.hpp"
#include "hardware/topology.hpp"
#include "tests/catch.hpp"
#include "tests/hardware/findings.hpp"

namespace kvplan {
namespace {

using testing::hardware_findings;

std::string h100_with(const std::string& from, const std::string& to) {
  return testing::device_with("x86-h100-sxm", from, to);
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("every shipped hardware file loads, names its sources and has links that work") {
  const std::vector<std::string> names = hardware_names();
  for (const char* name :
       {"x86-h100-sxm", "x86-h100-pcie", "x86-a100-sxm", "x86-a100-pcie", "x86-h200", "gh200-96", "gh200-144"}) {
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  }
  for (const std::string& name : names) {
    CAPTURE(name);
    const Hardware h = load_hardware(name);
    CHECK(h.name == name);
    for (const auto& f : gpu_figures()) {
      CAPTURE(f.key);
      if (f.range.optional && (h.gpu.*f.member).value == 0) continue;
      CHECK(!(h.gpu.*f.member).source.empty());
      CHECK(!(h.gpu.*f.member).date.empty());
      CHECK(!(h.gpu.*f.member).confidence.empty());
    }
    for (const auto& f : node_figures()) {
      CAPTURE(f.key);
      CHECK((!(h.*f.member).source.empty() || (f.range.optional && (h.*f.member).value == 0)));
    }
    CHECK(compile_links(h, 1, h.gpus_per_node).load.size() == static_cast<std::size_t>(h.gpus_per_node));
  }
}

TEST_CASE("shipped figures") {
  const Hardware h100 = load_hardware("x86-h100-sxm");
  CHECK(h100.gpus_per_node == 8);
  CHECK(h100.gpu.bf16_flops.value == 989e12);
  CHECK(h100.host_memory_bytes() == 2.0 * (1LL << 40));
  CHECK(h100.usd_per_gpu_hour.value == 3.44);
  CHECK(h100.usd_per_gpu_hour.date == "2026-03-16");
  const Hardware gh200 = load_hardware("gh200-96");
  CHECK(gh200.link_kinds[0].to_device_bytes_per_s.value == 375e9);
  CHECK(gh200.host_memory_bytes() == 480e9);
  CHECK(load_hardware("x86-a100-sxm").gpu.fp8_flops.value == 0);
}

TEST_CASE("an unknown name gets a suggestion") {
  try {
    load_hardware("x86-h100-smx");
    FAIL("loaded");
  } catch (const InputError& e) {
    CHECK(contains(e.what(), "unknown hardware \"x86-h100-smx\""));
    CHECK(contains(e.what(), "did you mean \"x86-h100-sxm\"?"));
  }
  CHECK_THROWS_AS(load_hardware("/nonexistent/node.json"), InputError);
}

TEST_CASE("what a file gets wrong is told, with its line") {
  CHECK(contains(
      hardware_findings(h100_with("\"gemm_efficiency\": {\"value\": 0.8", "\"gemm_efficiency\": {\"value\": 1.8")),
      ":40:34: error: \"value\" is 1.8, expected a number, 0.001 to 1"));
  CHECK(contains(hardware_findings(h100_with("{\"value\": 51.2e9", "{\"value\": -51.2e9")),
                 "\"value\" is -51200000000.0, expected"));
  CHECK(contains(hardware_findings(h100_with("{\"value\": 51.2e9", "{\"value\": 51.2")),
                 "expected a number, 1000000 to"));
  CHECK(contains(hardware_findings(h100_with("{\"value\": 83.4e9", "{\"value\": 83.4")), "expected 0 or"));
  CHECK(contains(hardware_findings(h100_with("\"source\": \"lambda\"", "\"source\": \"lambada\"")),
                 "did you mean \"lambda\"?"));
  CHECK(contains(hardware_findings(h100_with("\"from\": \"dram0\"", "\"from\": \"dram9\"")), "which is not defined"));
  CHECK(contains(hardware_findings(h100_with("\"to\": \"gpu1\"", "\"to\": \"gpu0\"")), "twice"));
  // No more is said of a link than what is wrong with it.
  CHECK(!contains(hardware_findings(h100_with("\"from\": \"dram0\"", "\"from\": \"dram9\"")), "two different ends"));
  CHECK(contains(
      hardware_findings(h100_with("\"from\": \"dram1\", \"to\": \"gpu7\"", "\"from\": \"gpu7\", \"to\": \"dram1\"")),
      "leads away from \"gpu7\""));
  CHECK(contains(hardware_findings(h100_with("\"gpu\": {", "\"cpu\": {")), "did you mean \"gpu\"?"));
  CHECK(contains(hardware_findings(h100_with("\"hbm_bytes\"", "\"hbm_byte\"")), "\"hbm_bytes\" is missing"));
}

TEST_CASE("all errors of a file come at once") {
  std::string text = h100_with("989e12", "\"fast\"");
  const std::size_t at = text.find("\"kind\": \"bridge\"");
  CHECK(at == std::string::npos);
  text.replace(text.find("\"kind\": \"gpu\""), 13, "\"kind\": \"gqu\"");
  const std::string found = hardware_findings(text);
  CHECK(contains(found, "\"value\" is \"fast\", expected a number"));
  CHECK(contains(found, "\"kind\" is \"gqu\", expected one of gpu, memory, bridge"));
}

}  // namespace
}  // namespace kvplan
