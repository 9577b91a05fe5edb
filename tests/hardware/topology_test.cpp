#include "hardware/topology.hpp"

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "tests/catch.hpp"

namespace kvplan {
namespace {

using Weights = std::map<std::string, std::int64_t>;

Weights uses(const NodeLinks& links, const Route& route) {
  Weights weights;
  for (const LimitUse& u : route.uses) weights[links.limits[u.limit].name] = u.weight;
  return weights;
}

std::int64_t rate_of(const NodeLinks& links, const std::string& name) {
  for (const Limit& l : links.limits) {
    if (l.name == name) return l.bytes_per_s;
  }
  return -1;
}

Hardware node(std::vector<Vertex> vertices, std::vector<Link> links, double rate = 10e9) {
  Hardware h;
  h.name = "test-node";
  h.link_kinds = {{"wire", {rate, ""}, {rate, ""}, {0, ""}, {1e-6, ""}, {2e-6, ""}}};
  h.gpus_per_node = static_cast<std::int32_t>(
      std::count_if(vertices.begin(), vertices.end(), [](auto& v) { return v.kind == VertexKind::gpu; }));
  h.vertices = std::move(vertices);
  h.links = std::move(links);
  return h;
}

Vertex gpu(const std::string& name) { return {name, VertexKind::gpu, {}, {}}; }
Vertex memory(const std::string& name, double bytes_per_s) {
  return {name, VertexKind::memory, {1e9, ""}, {bytes_per_s, ""}};
}
Vertex bridge(const std::string& name, double bytes_per_s = 0) {
  return {name, VertexKind::bridge, {}, {bytes_per_s, ""}};
}

TEST_CASE("eight GPUs at TP1: a link each, four share a socket's memory") {
  const NodeLinks links = compile_links(load_hardware("x86-h100-sxm"), 1, 8);
  REQUIRE(links.load.size() == 8);
  CHECK(uses(links, links.load[0]) == Weights{{"dram0-gpu0 to device", 1}, {"dram0-gpu0 both ways", 1}, {"dram0", 1}});
  CHECK(uses(links, links.store[5]) ==
        Weights{{"dram1-gpu5 from device", 1}, {"dram1-gpu5 both ways", 1}, {"dram1", 1}});
  CHECK(rate_of(links, "dram0-gpu0 to device") == 51'200'000'000);
  CHECK(rate_of(links, "dram0-gpu0 from device") == 50'700'000'000);
  CHECK(rate_of(links, "dram0-gpu0 both ways") == 83'400'000'000);
  CHECK(rate_of(links, "dram1") == 245'760'000'000);
  CHECK(links.load[3].segment_ps == 3'400'000);
  CHECK(links.store[3].segment_ps == 3'500'000);
  CHECK(links.limits.size() == 8 * 3 + 2);
}

TEST_CASE("TP4: each stream on its own link, four streams on the memory, like links are merged") {
  const NodeLinks links = compile_links(load_hardware("x86-h100-sxm"), 4, 2);
  REQUIRE(links.load.size() == 2);
  CHECK(uses(links, links.load[1]) == Weights{{"dram1-gpu4 to device", 1}, {"dram1-gpu4 both ways", 1}, {"dram1", 4}});
  CHECK(uses(links, links.store[0]) ==
        Weights{{"dram0-gpu0 from device", 1}, {"dram0-gpu0 both ways", 1}, {"dram0", 4}});
  CHECK(links.limits.size() == 2 * 4);
}

TEST_CASE("TP8 spans both sockets, whose limits are alike and become one") {
  const NodeLinks links = compile_links(load_hardware("x86-h100-sxm"), 8, 1);
  CHECK(uses(links, links.load[0]) == Weights{{"dram0-gpu0 to device", 1}, {"dram0-gpu0 both ways", 1}, {"dram0", 4}});
}

TEST_CASE("GPUs behind one switch share its uplink") {
  const NodeLinks links = compile_links(load_hardware("x86-h100-pcie"), 1, 8);
  CHECK(uses(links, links.load[1]).at("dram0-switch0 to device") == 1);
  CHECK(uses(links, links.load[2]).at("dram0-switch1 to device") == 1);
  const NodeLinks pair = compile_links(load_hardware("x86-h100-pcie"), 2, 4);
  CHECK(uses(pair, pair.load[0]).at("dram0-switch0 to device") == 2);
  CHECK(pair.load[0].segment_ps == 3'400'000);
}

TEST_CASE("a superchip: C2C each way, both ways, and its LPDDR") {
  const NodeLinks links = compile_links(load_hardware("gh200-96"), 1, 1);
  CHECK(rate_of(links, "dram0-gpu0 to device") == 375'000'000'000);
  CHECK(rate_of(links, "dram0-gpu0 from device") == 297'000'000'000);
  // Both directions cross the link's total and the memory alike: the tighter of 672 and 384 GB/s stays.
  CHECK(rate_of(links, "dram0-gpu0 both ways") == -1);
  CHECK(rate_of(links, "dram0") == 384'000'000'000);
  CHECK_THROWS_AS(compile_links(load_hardware("gh200-96"), 2, 1), InfeasibleError);
}

TEST_CASE("what comes from storage passes through host memory, which it crosses twice") {
  const NodeLinks links = compile_links(load_hardware("x86-h100-sxm"), 4, 2, {VertexKind::ssd, VertexKind::remote});
  REQUIRE(links.beyond.size() == 2);
  const Weights load = uses(links, links.beyond[0].load[1]);
  CHECK(load == Weights{{"nvme read", 4}, {"nvme-dram1 to device", 4}, {"dram1", 8}, {"dram1-gpu4 to device", 1},
                        {"dram1-gpu4 both ways", 1}});
  CHECK(rate_of(links, "nvme read") == 52'000'000'000);
  // Written from both sockets' memories at once.
  CHECK(links.beyond[0].write_streams == 2);
  const Weights write = uses(links, links.beyond[0].write);
  CHECK(write.at("nvme write") == 2);
  CHECK(write.at("dram0") == 1);
  CHECK(write.at("dram1") == 1);
  CHECK(rate_of(links, "nvme write") == 28'000'000'000);
  CHECK(uses(links, links.beyond[1].load[0]).at("store read") == 4);
  // Tiers that are not used weigh on nothing.
  CHECK(rate_of(compile_links(load_hardware("x86-h100-sxm"), 4, 2), "nvme read") == -1);
}

TEST_CASE("host memory of the whole fleet is reached over the network, at the cost of local segments") {
  CopyWay way;
  way.pooled_memory = true;
  const Hardware h = load_hardware("x86-h100-sxm");
  const NodeLinks links = compile_links(h, 1, 8, {}, way), local = compile_links(h, 1, 8);
  // Read from one node's memory, written to another's and read again.
  const Weights load = uses(links, links.load[0]);
  CHECK(load.at("dram0") == 3);
  CHECK(load.count("store read") == 0);
  CHECK(rate_alone(links, links.load[0]) == 50'000'000'000);
  CHECK(uses(links, links.store[7]).at("dram1") == 3);
  CHECK(links.load[0].segment_ps == local.load[0].segment_ps);
  CHECK(links.store[0].segment_ps == local.store[0].segment_ps);
  Hardware no_network = h;
  std::erase_if(no_network.links, [](const Link& l) { return l.from == "store"; });
  std::erase_if(no_network.vertices, [](const Vertex& v) { return v.name == "store"; });
  CHECK_THROWS_AS(compile_links(no_network, 1, 8, {}, way), InfeasibleError);
}

TEST_CASE("steps that slow copies give each replica and direction a limit of its own") {
  Hardware h = load_hardware("x86-h100-sxm");
  CHECK(compile_links(h, 1, 8).busy.empty());
  h.compute_slowdown_to_device.value = 1.25;
  const NodeLinks links = compile_links(h, 4, 2, {VertexKind::ssd});
  REQUIRE(links.busy.size() == 2);
  CHECK(links.busy[1].replica == 1);
  const NodeLinks neutral = compile_links(load_hardware("x86-h100-sxm"), 4, 2);
  const std::int64_t alone = rate_alone(neutral, neutral.load[1]);
  CHECK(links.limits[links.busy[1].limit].bytes_per_s == alone);
  CHECK(links.busy[1].bytes_per_s == std::llround(static_cast<double>(alone) / 1.25));
  CHECK(uses(links, links.beyond[0].load[1]).count("replica1 copies to device") == 1);
  CHECK(uses(links, links.store[1]).count("replica1 copies to device") == 0);
}

TEST_CASE("storage linked to a switch beside the GPU leaves host memory alone") {
  Vertex drive{"drive", VertexKind::ssd, {1e12, ""}, {}};
  drive.read_bytes_per_s = {4e9, ""}, drive.write_bytes_per_s = {2e9, ""};
  const Hardware h = node({memory("m", 20e9), bridge("switch"), gpu("g"), drive},
                          {{"m", "switch", 0}, {"switch", "g", 0}, {"drive", "switch", 0}, {"drive", "m", 0}});
  const NodeLinks links = compile_links(h, 1, 1, {VertexKind::ssd});
  CHECK(uses(links, links.beyond[0].load[0]).count("m") == 0);
  CHECK(uses(links, links.beyond[0].write).count("m") == 1);
  CHECK_THROWS_AS(compile_links(h, 1, 1, {VertexKind::remote}), InfeasibleError);
}

TEST_CASE("the nearest memory serves a GPU, the first of the file among equals: bridges limit both ways") {
  const Hardware h =
      node({memory("far", 0), memory("a", 7e9), memory("b", 0), bridge("root", 9e9), gpu("g0"), gpu("g1")},
           {{"far", "root", 0}, {"a", "g0", 0}, {"b", "g0", 0}, {"root", "g1", 0}, {"root", "g0", 0}});
  const NodeLinks links = compile_links(h, 1, 2);
  CHECK(uses(links, links.load[0]) == Weights{{"a-g0 to device", 1}, {"a", 1}});
  const Weights through_root = uses(links, links.store[1]);
  CHECK(through_root == Weights{{"root-g1 from device", 1}, {"root", 1}});
  CHECK(uses(links, links.load[1]).at("root") == 1);
  CHECK(links.store[1].segment_ps == 2'000'000);
}

TEST_CASE("impossible nodes are refused with a reason") {
  const auto reason = [](const Hardware& h) -> std::string {
    try {
      compile_links(h, 1, 1);
    } catch (const InfeasibleError& e) {
      return e.what();
    }
    return "";
  };
  CHECK(reason(node({memory("m", 0), gpu("g")}, {})).find("no memory reaches g") != std::string::npos);
  CHECK(reason(node({memory("m", 0), gpu("g")}, {{"g", "m", 0}})).find("no memory reaches g") != std::string::npos);
  CHECK(reason(node({gpu("g"), bridge("b")}, {{"b", "g", 0}})).find("no memory reaches g") != std::string::npos);
  CHECK(reason(node({memory("m", 0), gpu("g")}, {{"m", "x", 0}})).find("ends nowhere") != std::string::npos);
  CHECK(reason(node({memory("m", 0), gpu("g")}, {{"m", "g", 0}}, 0)).find("m-g to device carries 0") !=
        std::string::npos);
  CHECK_THROWS_AS(compile_links(node({memory("m", 0), gpu("g")}, {{"m", "g", 0}}), 1, 2), InfeasibleError);
}

}  // namespace
}  // namespace kvplan
