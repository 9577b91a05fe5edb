#include "studies/unified_memory.hpp"

#include "base/error.hpp"
#include "tests/catch.hpp"

using namespace kvplan;
using namespace kvplan::unified_memory;

namespace {

const Way& named(const std::vector<Way>& ways, const std::string& part) {
  for (const Way& w : ways) {
    if (w.name.find(part) != std::string::npos) return w;
  }
  FAIL("no way " << part);
  return ways.front();
}

}  // namespace

TEST_CASE("what fits takes what it takes without host memory, by every way") {
  const auto all = ways(load_hardware("gh200-96"), load_architecture("llama-3.1-8b"), {});
  for (const Way& w : all) {
    CAPTURE(w.name);
    CHECK(w.host_bytes == 0);
    CHECK(w.step_s == Approx(all[0].step_s));
  }
}

TEST_CASE("a spilled model: the link's share of a step is spilled bytes over its rate") {
  const Hardware gh200 = load_hardware("gh200-96");
  const Architecture model = load_architecture("llama-3.1-70b");
  const Need n = need(gh200, model, {});
  CHECK(n.spilled == Approx(n.weights + n.kv + n.runtime - 0.9 * 101.5e9));
  const auto at = ways(gh200, model, {});
  Setting fast;
  fast.link_bytes_per_s = 2 * 375e9;
  CHECK(at[0].step_s - ways(gh200, model, fast)[0].step_s == Approx(n.spilled / 375e9 / 2));
  CHECK(named(at, "ahead").step_s < at[0].step_s);
  CHECK(named(at, "thrashing").step_s > 5 * at[0].step_s);
  CHECK(named(at, "faults").host_bytes > n.spilled);  // a cycle longer than the memory misses everywhere
}

TEST_CASE("experts in place: only what tokens choose crosses the link") {
  const auto all = ways(load_hardware("gh200-96"), load_architecture("llama-4-scout"), {});
  CHECK(named(all, "in place").host_bytes < 0.1 * named(all, "on demand").host_bytes);
  CHECK(named(all, "in place").tokens_per_s > 5 * named(all, "on demand").tokens_per_s);
  Setting many;
  many.batch = 64;
  CHECK(named(ways(load_hardware("gh200-96"), load_architecture("llama-4-scout"), many), "in place").host_bytes >
        5 * named(all, "in place").host_bytes);
}

TEST_CASE("x86 has no coherent ways: what exceeds host memory too is refused with bytes and ways out") {
  CHECK_FALSE(named(ways(load_hardware("x86-h100-sxm"), load_architecture("llama-3.1-70b"), {}), "access counters")
                  .unavailable.empty());
  try {
    ways(load_hardware("gh200-96"), load_architecture("llama-3.1-405b"), {});
    FAIL("fits");
  } catch (const InfeasibleError& e) {
    CHECK(std::string(e.what()).find("GB") != std::string::npos);
    CHECK(std::string(e.what()).find("fp8 weights") != std::string::npos);
  }
}

TEST_CASE("ways out are true: each makes the model fit") {
  const Hardware h = load_hardware("x86-h100-sxm");
  const Architecture model = load_architecture("llama-3.1-70b");
  const auto out = ways_out(h, model, {});
  REQUIRE(!out.empty());
  Setting wider;
  wider.tp = 4;
  CHECK(need(h, model, wider).spilled == 0);
  CHECK(std::any_of(out.begin(), out.end(), [](const std::string& s) { return s.find("tp ") == 0; }));
}
