#include "studies/storage.hpp"

#include "tests/catch.hpp"

using namespace kvplan;
using namespace kvplan::storage;

namespace {

NodeLinks eight(bool bounce = false) {
  CopyWay way;
  way.bounce = bounce;
  return compile_links(load_hardware("dgx-h100"), 1, 8, {VertexKind::remote}, way);
}

Load of(double offered) {
  Load l;
  l.offered_bytes_per_s = offered;
  l.read = Bytes(std::int64_t{1} << 30);
  l.duration_s = 40;
  return l;
}

}  // namespace

TEST_CASE("below capacity storage delivers what is asked for, beyond it what it can") {
  const NodeLinks links = eight();
  CHECK(deliver(links, 0, of(100e9), 1).bytes_per_s == Approx(100e9).epsilon(0.06));
  const Delivered over = deliver(links, 0, of(400e9), 1), far_over = deliver(links, 0, of(800e9), 1);
  CHECK(over.bytes_per_s == Approx(8 * 33.6e9).epsilon(0.03));  // the NICs
  CHECK(far_over.bytes_per_s == Approx(over.bytes_per_s).epsilon(0.01));
  CHECK(over.mean_s > 10 * deliver(links, 0, of(100e9), 1).mean_s);
}

TEST_CASE("through host memory every byte crosses it twice and shares the uplinks") {
  const double direct = deliver(eight(), 0, of(400e9), 1).bytes_per_s,
               bounced = deliver(eight(true), 0, of(400e9), 1).bytes_per_s;
  CHECK(bounced < 0.8 * direct);
  CHECK(bounced == Approx(4 * 51.2e9).epsilon(0.03));  // a switch's link to its socket serves two GPUs
}

TEST_CASE("a lone read takes its setup and its bytes at the NIC's rate: tiers come in order") {
  const auto all =
      restores(load_hardware("dgx-h100"), load_architecture("llama-3.1-70b"), Dtype::bf16, Dtype::bf16, 8, 131072, 256);
  REQUIRE(all.size() == 6);
  const double bytes = 131072.0 * 327680;
  CHECK(all[0].s == Approx(bytes / 8 / 25.6e9 + 8192 * 3.4e-6).epsilon(0.01));           // two GPUs an uplink
  CHECK(all[1].s == Approx(bytes / (52e9 * 0.95) + 512 * 11e-6 + 60e-6).epsilon(0.01));  // the drives
  CHECK(all[3].s == Approx(bytes / 8 / 33.6e9 + 512 * 72e-6).epsilon(0.01));             // the NICs
  CHECK(all[5].from == "computing it again");
  CHECK(all[5].s > 10 * all[1].s);
}
