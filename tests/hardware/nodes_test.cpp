// The larger nodes: what their graphs give, and graphs that cannot be.
#include <map>

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "hardware/topology.hpp"
#include "tests/catch.hpp"
#include "tests/hardware/findings.hpp"

using namespace kvplan;

namespace {

std::map<std::string, std::int64_t> uses(const NodeLinks& links, const Route& route) {
  std::map<std::string, std::int64_t> weights;
  for (const LimitUse& u : route.uses) weights[links.limits[u.limit].name] = u.weight;
  return weights;
}

std::string findings_with(const std::string& from, const std::string& to) {
  return kvplan::testing::hardware_findings(kvplan::testing::device_with("dgx-h100", from, to));
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE(
    "a DGX: two GPUs share their switch's uplink, storage goes past the sockets or bounces through their memory") {
  const Hardware h = load_hardware("dgx-h100");
  const NodeLinks pair = compile_links(h, 1, 2, {VertexKind::ssd, VertexKind::remote});
  CHECK(uses(pair, pair.load[0]).at("dram0-switch0 to device") == 1);
  CHECK(uses(pair, pair.load[1]).at("dram0-switch0 to device") == 1);
  CHECK(uses(pair, pair.beyond[0].load[0]).count("dram0") == 0);
  CHECK(uses(pair, pair.beyond[1].load[0]).count("dram0") == 0);
  CHECK(rate_alone(h, "store", "gpu5") == 33.6e9);
  CHECK(rate_alone(h, "nvme", "gpu5") == 13e9);
  CHECK(rate_alone(h, "dram0", "gpu0") == 51.2e9);
  CopyWay way;
  way.bounce = true;
  const NodeLinks bounced = compile_links(h, 1, 8, {VertexKind::ssd, VertexKind::remote}, way);
  CHECK(uses(bounced, bounced.beyond[0].load[0]).at("dram0") == 2);
  CHECK(uses(bounced, bounced.beyond[1].load[7]).at("dram1") == 2);
  CHECK(uses(bounced, bounced.beyond[1].load[7]).at("store-nic7 to device") == 1);  // by its own NIC
}

TEST_CASE("two superchips: KV in the other Grace comes at 133 GB/s") {
  const Hardware h = load_hardware("gh200-dual");
  CHECK(rate_alone(h, "dram0", "gpu0") == 375e9);
  CHECK(rate_alone(h, "dram1", "gpu0") == 133e9);
  CopyWay far;
  far.far_memory = true;
  const NodeLinks links = compile_links(h, 1, 2, {}, far);
  CHECK(uses(links, links.load[0]).count("dram1") == 1);
  CHECK(uses(links, links.load[0]).at("grace1-grace0 to device") == 1);
  CHECK(uses(links, links.load[1]).count("dram0") == 1);
}

TEST_CASE("a GB200-class node: two GPUs share a Grace's memory") {
  const NodeLinks links = compile_links(load_hardware("gb200-node"), 1, 4);
  CHECK(uses(links, links.load[0]).at("dram0") == 1);
  CHECK(uses(links, links.load[1]).at("dram0") == 1);
  CHECK(uses(links, links.load[3]).at("dram1") == 1);
  const NodeLinks wide = compile_links(load_hardware("gb200-node"), 2, 2);
  CHECK(uses(wide, wide.load[0]).at("dram0") == 2);
}

TEST_CASE("storage: latency, rate by blocks in flight, both directions together, a file system's share") {
  Hardware h = load_hardware("dgx-h100");
  const NodeLinks links = compile_links(h, 8, 1, {VertexKind::ssd});
  const Route& load = links.beyond[0].load[0];
  // One GPU's stream of a block at a time: a drive's eighth of the rate, shared by the eight streams.
  const Bytes bytes(1 << 20);
  const double full = 52e9 * 0.95 / 8;
  CHECK(seconds(setup_time(load, bytes, 1)) == Approx(60e-6 + 11e-6 + 7 * (1 << 20) / full).epsilon(1e-3));
  CHECK(seconds(setup_time(load, bytes, 8)) == Approx(60e-6 + 8 * 11e-6));
  CHECK(setup_time(load, bytes, 4) < setup_time(load, bytes, 2));
  CHECK(uses(links, load).at("nvme both ways") == 8);
  CHECK(uses(links, links.beyond[0].write).at("nvme both ways") == 2);
}

TEST_CASE("a graph that cannot be is refused, with its line") {
  CHECK(contains(findings_with(R"({"from": "port3", "to": "gpu3", "kind": "pcie5-x16"},)", ""),
                 "no memory reaches \"gpu3\""));
  const std::string nowhere = findings_with(R"({"from": "nic0", "to": "port0", "kind": "fabric"},)", "");
  CHECK(nowhere.empty());  // the NIC still reaches its GPU by way of the switch
  CHECK(contains(findings_with(R"({"name": "gpu0", "kind": "gpu"})",
                               R"({"name": "gpu0", "kind": "gpu"}, {"name": "lost", "kind": "bridge"})"),
                 "\"lost\" leads to no GPU"));
  CHECK(contains(findings_with(R"({"name": "gpu0", "kind": "gpu"})",
                               R"({"name": "gpu0", "kind": "gpu"}, {"name": "gpu9", "kind": "gpu"})"),
                 "\"nvme\" does not reach \"gpu9\""));
  CHECK(contains(
      findings_with("\"to_device_bytes_per_s\": {\"value\": 51.2e9", "\"to_device_bytes_per_s\": {\"value\": 0"),
      "\"value\" is 0, expected"));
  CHECK(contains(findings_with("\"queue_depth\": {\"value\": 8", "\"queue_depth\": {\"value\": 0"), "expected"));
  CHECK(contains(findings_with("\"segment_bytes\": 8192, \"count\": 1000", "\"segment_bytes\": 1024, \"count\": 1000"),
                 "points ascend"));
}
