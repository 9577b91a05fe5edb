// What a page says of a plan: no fleet is told from another fleet, and nothing that the plan knows of itself is
// dropped.
#include "reports/sections.hpp"
#include "tests/catch.hpp"

using namespace kvplan;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Json end(const Json& best, const Json& value) { return {{"best", best}, {"replicas", 2}, {"value", value}}; }

Json plan(const std::string& name) {
  const Json slo = {{{"name", "TTFT p95"},
                     {"value", 0.5},
                     {"low", 0.4},
                     {"high", 0.6},
                     {"limit", 2.0},
                     {"at_most", true},
                     {"met", true}}};
  const Json outcome = {{"slo", slo}, {"bottleneck", "decode bandwidth"}, {"gpu_busy_fraction", 0.76}};
  const Json price = {{"value", 1.99}, {"source", "price list"}, {"date", "2026-03-16"}};
  Json p = {{"schema", "kvplan.plan/1"}, {"sentence", "Rent it."}, {"objective", {{"name", "ttft_s"}, {"unit", "s"}}}};
  p["recommended"] = {{"name", name},
                      {"hardware", "gh200-96"},
                      {"at_full_strength", outcome},
                      {"with_spare_nodes_failing_midway", outcome},
                      {"serving_flags", {{"vLLM", "vllm serve m\n  # two lines"}}}};
  p["runners_up"] = {{{"name", "other"}, {"replicas", 3}, {"value", 24690.0}, {"why_it_lost", "dearer"}}};
  p["sensitivity"] = {{{"what", "traffic"},
                       {"low", "-20 %"},
                       {"high", "+20 %"},
                       {"at_low", end(name, 1.0)},
                       {"at_high", end(nullptr, nullptr)},
                       {"decision_changes", true}},
                      {{"what", "price"},
                       {"low", "-30 %"},
                       {"high", "+30 %"},
                       {"at_low", end("other", 1.0)},
                       {"at_high", end(name, 2.0)},
                       {"decision_changes", true}}};
  p["shadow_prices"] = {
      {"binding", "TTFT p95"},        {"ratio_to_limit", 0.31},        {"bottleneck", "decode bandwidth"},
      {"load_carried_fraction", 2.0}, {"load_carried_is", "at least"}, {"resources", Json::array()}};
  p["regret"] = {{"draws", 16},
                 {"step_time_intervals", {{"gh200-96", "assumed +-15 %"}}},
                 {"share_another_hardware_is_best", 0.0},
                 {"share_plan_hardware_will_not_do", 0.0},
                 {"share_plan_without_spares_misses_slo", 0.0}};
  p["provenance"] = {
      {"tool", {{"version", "0.1.0"}, {"git_commit", "abc"}}},
      {"trace", {{"name", "chat"}, {"sha256", "0123456789abcdef"}, {"turns", 250}, {"judged_from", 15}}},
      {"prices",
       {{"name", "2026-03"},
        {"date", "2026-03-16"},
        {"figures", {{"usd_per_kwh", price}, {"usd_per_gpu_hour", {{"gh200-96", price}, {"x86-h200", price}}}}}}}};
  return p;
}

std::string markdown_of(const std::vector<Section>& sections) { return page_markdown({"t", sections}); }

}  // namespace

TEST_CASE("where no fleet does, no other fleet is named") {
  const std::string md = markdown_of(plan_sections(plan("mine"), 0, 1));
  CHECK(contains(md, "| traffic | -20 % | +20 % | 2 x mine, 1 | none will do |"));
  CHECK(contains(md,
                 "The best fleet becomes another when these change: price. No fleet does when these change: "
                 "traffic (+20 %)."));
}

TEST_CASE("a plan's objective has its name, and large values their digits") {
  const std::string md = markdown_of(plan_sections(plan("mine"), 0, 1));
  CHECK(contains(md, "| Fleet | Replicas | ttft_s (s) | Why it lost |"));
  CHECK(contains(md, "| other | 3 | 24,690 | dearer |"));
  CHECK(contains(md, "### The best fleet's ttft_s as one thing changes"));
  CHECK_FALSE(contains(md, "cost"));
}

TEST_CASE("a page has a plan's sources and caveats") {
  const std::string md = markdown_of(plan_sections(plan("mine"), 0, 1));
  for (const char* told :
       {"TTFT p95, with the spare nodes failing in mid-run", "GPUs are 76 % busy", "bottleneck: decode bandwidth",
        "What binds: TTFT p95 at 31 % of its limit", "at least 2 x the load", "gh200-96 assumed +-15 %",
        "Prices: 2026-03, of 2026-03-16.", "usd_per_gpu_hour of gh200-96: 1.99 (price list, 2026-03-16)",
        "kvplan 0.1.0, commit abc", "Trace sha256 0123456789abcdef", "    vllm serve m\n      # two lines"}) {
    CAPTURE(told);
    CHECK(contains(md, told));
  }
}

TEST_CASE("two plans of a page are told apart") {
  const Page page = page_of({{}, {plan("mine"), plan("yours")}, {}, {}});
  CHECK(page.title == "kvplan: capacity plans, mine, yours");
  const std::string md = page_markdown(page);
  CHECK(contains(md, "## Plan 1, mine: The plan\n"));
  CHECK(contains(md, "## Plan 2, yours: Serving flags\n"));
}
