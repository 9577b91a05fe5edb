#include "cli/trace_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "reports/charts.hpp"
#include "traces/stack_distance.hpp"

namespace kvplan {
namespace {

struct Quantity {
  std::string name;
  const Summary& values;
};
using Quantities = std::vector<Quantity>;

std::string figure(double v) { return v < 1e4 ? fmt::format("{:.4g}", v) : human_count(v); }

std::string count(std::int64_t n) { return human_count(static_cast<double>(n)); }

Grid quantiles_table(const Quantities& all) {
  Grid g{{"", "mean", "p10", "p50", "p90", "p99", "max"}, {}};
  for (const auto& [name, s] : all) {
    if (s.percentiles.empty()) continue;
    g.rows.push_back({name});
    for (const double v : {s.mean, s.p10, s.p50, s.p90, s.p99, s.max}) g.rows.back().push_back(figure(v));
  }
  return g;
}

// Shares of values up to each percentile, over a logarithmic axis, which has no place for zero and below.
Chart shares_chart(const std::string& id, const std::string& title, const std::string& unit, const Quantities& all) {
  ChartRows rows;
  std::string reading;
  for (const auto& [name, s] : all) {
    if (s.percentiles.empty()) continue;
    const auto above = std::upper_bound(s.percentiles.begin(), s.percentiles.end(), 0.0);
    for (auto v = above; v != s.percentiles.end(); ++v) {
      rows.push_back({*v, static_cast<double>(v - s.percentiles.begin()) / 100, name, ""});
    }
    reading += fmt::format("{}{}: median {}, 90th percentile {} {}", reading.empty() ? "" : "; ", name, figure(s.p50),
                           figure(s.p90), unit);
    if (above != s.percentiles.begin()) {
      reading += fmt::format(" ({} % are zero or less and not drawn)", above - s.percentiles.begin());
    }
  }
  return {id, title, reading + ".",
          line_chart(title + ": share of values up to", {unit, true, "~s"}, {"share", false, "%"}, rows),
          quantiles_table(all)};
}

// Of each part by its end, as steps are drawn backwards.
template <class Of>
void add_series(ChartRows& rows, const Reuse& r, const std::string& name, Of of) {
  const double length_s = r.parts.size() > 1 ? r.parts[1].from_s : 0;
  for (const TracePart& p : r.parts) rows.push_back({p.from_s + length_s, of(p, length_s), name, ""});
}

double highest(const ChartRows& rows) {
  double most = 0;
  for (const ChartRow& r : rows) most = std::max(most, r.y);
  return most;
}

const ChartAxis kTime{"time (s)", false, ""};

Section what_section(const Workload& w, const TraceStatistics& s, const Reuse& r) {
  Section what{"trace", "What the trace holds", {}, {}, {}, {}, {}};
  what.sentences.push_back(
      fmt::format("{}: {}, blocks of {} tokens, SHA-256 {}.", w.name, w.format, w.block_tokens, w.sha256));
  what.points.push_back(fmt::format("{} turns in {:.1f} s, {:.3g} a second; {} of them wait for the turn before.",
                                    count(s.turns), s.duration_s, s.turns_per_s, count(s.closed_loop_turns)));
  what.points.push_back(fmt::format(
      "{} sessions, {} of them with several turns; {} follow-ups, {} with the whole "
      "answer before.",
      count(s.sessions), count(s.multi_turn_sessions), count(s.follow_up_turns), share(s.whole_answer_share)));
  what.points.push_back(
      fmt::format("{} tokens of prompts and {} of answers; {} distinct blocks of {}, {} of them used "
                  "once.",
                  count(s.total_prompt_tokens), count(s.total_output_tokens), count(s.unique_blocks),
                  count(s.prompt_blocks), share(r.used_once_share)));
  what.points.push_back(fmt::format("An infinite prefix cache hits {} of prompt tokens, {} of blocks.",
                                    share(s.infinite_hit_rate_tokens), share(s.infinite_hit_rate_blocks)));
  what.table = quantiles_table({{"prompt tokens", s.prompt_tokens},
                                {"output tokens", s.output_tokens},
                                {"turns, where several", s.turns_of_multi_turn_sessions},
                                {"growth tokens", s.growth_tokens},
                                {"gap between turns, s", s.gap_s},
                                {"think time, s", s.think_s},
                                {"reuse interval, s", r.interval_s},
                                {"reuse interval, tokens", r.interval_tokens},
                                {"stack distance, tokens", r.stack_distance_tokens}});
  return what;
}

Section arrivals_section(const TraceStatistics& s, const Reuse& r) {
  Section arrivals{"arrivals", "Arrivals", {}, {}, {}, {}, {}};
  if (s.duration_s > 0) {
    arrivals.sentences.push_back(fmt::format(
        "Gaps between arrivals have a coefficient of variation of {:.2f} (1: Poisson); the busiest minute has {:.2f} "
        "times the turns of the mean minute.",
        s.gap_cv, s.peak_to_mean_minute));
  }
  if (s.tick > Time(0)) {
    arrivals.sentences.push_back(
        fmt::format("The clock has ticks of {:g} s; a run spreads arrivals inside them.", seconds(s.tick)));
  }
  if (s.duration_s <= 0 || r.parts.size() < 2) return arrivals;
  ChartRows rate;
  add_series(rate, r, "turns",
             [](const TracePart& p, double length_s) { return static_cast<double>(p.turns) / length_s; });
  arrivals.charts.push_back({"rate", "Arrival rate",
                             fmt::format("At most {:.3g} turns a second over {:.3g} s; {:.3g} on the mean.",
                                         highest(rate), r.parts[1].from_s, s.turns_per_s),
                             line_chart("Arrival rate over time", kTime, {"turns per second", false, ""}, rate, true),
                             curves_table("time (s)", rate, plain)});
  return arrivals;
}

Section sizes_section(const TraceStatistics& s) {
  Section sizes{"lengths", "Lengths, turns and waits", {}, {}, {}, {}, {}};
  sizes.charts.push_back(shares_chart("lengths", "Lengths of prompts and answers", "tokens",
                                      {{"prompts", s.prompt_tokens}, {"answers", s.output_tokens}}));
  if (s.follow_up_turns == 0) return sizes;
  sizes.charts.push_back(
      shares_chart("turns", "Turns of sessions with several", "turns", {{"sessions", s.turns_of_multi_turn_sessions}}));
  sizes.charts.push_back(shares_chart("waits", "Waits before follow-ups", "seconds",
                                      {{"gaps between arrivals", s.gap_s}, {"think times", s.think_s}}));
  return sizes;
}

Chart capacity_chart(const Workload& w) {
  const HitCurve curve = lru_hit_curve(w);
  const auto blocks = static_cast<double>(std::max<std::size_t>(curve.hit_tokens.size(), 2) - 1);
  ChartRows rows;
  std::int64_t before = 0;
  for (double c = 1; before < static_cast<std::int64_t>(blocks); c *= std::pow(blocks, 1.0 / 80)) {
    const auto capacity = std::min(static_cast<std::int64_t>(std::ceil(c)), static_cast<std::int64_t>(blocks));
    if (capacity == std::exchange(before, capacity)) continue;
    rows.push_back({static_cast<double>(capacity) * w.block_tokens, curve.token_hit_rate(capacity), "LRU", ""});
  }
  const auto half = std::find_if(rows.begin(), rows.end(), [&](const ChartRow& r) { return 2 * r.y >= rows.back().y; });
  return {
      "capacity", "Hit rate against capacity",
      fmt::format("LRU hits at most {} of prompt tokens, and half of that with about {} tokens.", share(rows.back().y),
                  figure(half->x)),
      line_chart("Hit rate of an LRU prefix cache", {"capacity (tokens)", true, "~s"}, {"hit rate", false, "%"}, rows),
      curves_table("capacity (tokens)", rows, share)};
}

Section reuse_section(const Workload& w, const TraceStatistics& s, const Reuse& r) {
  Section reuse{"reuse", "Reuse of prefixes", {}, {}, {}, {}, {}};
  for (const WorkingSet& set : r.working_sets) {
    reuse.points.push_back(fmt::format("In {:g} s prompts hold {} distinct tokens on the mean, {} at most.",
                                       set.window_s, figure(set.mean_tokens), figure(set.max_tokens)));
  }
  if (s.prompt_blocks == 0) return reuse;
  if (s.duration_s > 0 && r.parts.size() > 1) {
    ChartRows tokens, distinct;
    const auto per_s = [](std::int64_t n, double length_s) { return static_cast<double>(n) / length_s; };
    add_series(tokens, r, "seen before", [&](const TracePart& p, double l) { return per_s(p.reused_tokens, l); });
    add_series(tokens, r, "first seen",
               [&](const TracePart& p, double l) { return per_s(p.prompt_tokens - p.reused_tokens, l); });
    add_series(distinct, r, "distinct",
               [&](const TracePart& p, double) { return static_cast<double>(p.unique_blocks); });
    reuse.charts.push_back(
        {"tokens", "Prompt tokens over time",
         fmt::format("{} of all prompt tokens had been in a prompt before.", share(s.infinite_hit_rate_tokens)),
         stacked_areas("Prompt tokens over time", kTime, {"tokens per second", false, "~s"}, tokens),
         curves_table("time (s)", tokens, plain)});
    reuse.charts.push_back(
        {"distinct", "Distinct blocks so far",
         fmt::format("{} distinct blocks with {} tokens by the end.", count(s.unique_blocks), count(s.unique_tokens)),
         line_chart("Distinct blocks so far", kTime, {"blocks", false, "~s"}, distinct, true),
         curves_table("time (s)", distinct, plain)});
  }
  if (!r.interval_s.percentiles.empty()) {
    reuse.charts.push_back(
        shares_chart("intervals", "Time between two uses of a block", "seconds", {{"intervals", r.interval_s}}));
  }
  reuse.charts.push_back(capacity_chart(w));
  return reuse;
}

}  // namespace

Page trace_page(const Workload& w, const TraceStatistics& s, const Reuse& r) {
  Page page{fmt::format("kvplan: the trace {}", w.name),
            {what_section(w, s, r), arrivals_section(s, r), sizes_section(s), reuse_section(w, s, r)}};
  Section notes{"notes", "What was done while reading", {}, {}, {}, {}, {}};
  for (const WorkloadNote& n : w.notes) notes.points.push_back(fmt::format("{} ({} rows)", n.what, n.rows));
  if (!notes.points.empty()) page.sections.push_back(std::move(notes));
  return page;
}

}  // namespace kvplan
