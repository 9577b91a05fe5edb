#include "reports/over_time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "reports/summary.hpp"
#include "sim/pools.hpp"

namespace kvplan {
namespace {

Json ratio(double a, double b) { return b > 0 ? Json(five_digits(a / b)) : Json(nullptr); }

// What the requests of one interval of the series saw.
struct Interval {
  std::int64_t arrivals = 0, completions = 0;
  std::int64_t prompt_tokens = 0, hit_tokens[4] = {};  // of requests whose first token falls into it
  std::vector<double> ttft_s;
};

// The interval that an instant ends in: the first whose end is not before it.
std::size_t index_of(const std::vector<Sample>& series, Time at) {
  const auto i = std::lower_bound(series.begin(), series.end(), at, [](const Sample& s, Time t) { return s.at < t; });
  return std::min(static_cast<std::size_t>(i - series.begin()), series.size() - 1);
}

std::vector<Interval> intervals_of(const RunFacts& run, const std::vector<Sample>& series) {
  std::vector<Interval> all(series.size());
  for (const RequestRecord& r : run.result.requests) {
    ++all[index_of(series, r.arrival)].arrivals;
    if (r.outcome != Outcome::completed) continue;
    ++all[index_of(series, r.finish)].completions;
    Interval& i = all[index_of(series, r.first_token)];
    i.ttft_s.push_back(seconds(r.first_token - r.arrival));
    i.prompt_tokens += run.workload.turns[r.turn].prompt_tokens;
    i.hit_tokens[0] += r.hit_g1_tokens;
    i.hit_tokens[1] += r.hit_g2_tokens;
    for (int beyond : {0, 1}) i.hit_tokens[2 + beyond] += r.hit_beyond_tokens[beyond];
  }
  return all;
}

void add_requests(Json& block, const RunFacts& run, const std::vector<Sample>& series) {
  std::vector<Interval> intervals = intervals_of(run, series);
  constexpr const char* kTiers[] = {"hbm", "dram", "ssd", "remote"};
  Json arrivals = Json::array(), completions = arrivals, p50 = arrivals, p95 = arrivals;
  Json hits = {{"hbm", arrivals}, {"dram", arrivals}, {"ssd", arrivals}, {"remote", arrivals}};
  Time from{0};
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    Interval& x = intervals[i];
    const double width_s = seconds(series[i].at - from);
    arrivals.push_back(ratio(static_cast<double>(x.arrivals), width_s));
    completions.push_back(ratio(static_cast<double>(x.completions), width_s));
    for (int tier = 0; tier < 4; ++tier) {
      hits[kTiers[tier]].push_back(
          ratio(static_cast<double>(x.hit_tokens[tier]), static_cast<double>(x.prompt_tokens)));
    }
    const bool any = !x.ttft_s.empty();
    p50.push_back(any ? Json(five_digits(nearest_rank(x.ttft_s, 0.50))) : Json(nullptr));
    p95.push_back(any ? Json(five_digits(nearest_rank(std::move(x.ttft_s), 0.95))) : Json(nullptr));
    from = series[i].at;
  }
  block["arrivals_per_s"] = std::move(arrivals);
  block["completions_per_s"] = std::move(completions);
  block["ttft_s"] = {{"p50", std::move(p50)}, {"p95", std::move(p95)}};
  block["hit_share_of_prompt"] = std::move(hits);
}

// Of all tiers of a level.
std::int64_t capacity(const Layout& layout, Scope scope, std::size_t level) {
  std::int64_t bytes = 0;
  for (std::uint32_t r = 0, end = 0; r < layout.replicas(); r = end) {
    end = end_of_tier(layout, r, scope);
    bytes += tier_bytes(layout, r, level).count;
  }
  return bytes;
}

Json below_over_time(const RunFacts& run, const std::vector<Sample>& series) {
  const OffloadConfig& offload = run.config.offload;
  Json tiers = Json::array();
  if (!offload.enabled) return tiers;
  const Layout layout(run.config);
  const auto add = [&](const char* name, Scope scope, std::size_t level) {
    const std::int64_t bytes = capacity(layout, scope, level);
    Json used = Json::array();
    for (const Sample& s : series) used.push_back(level < s.below.size() ? s.below[level].count : 0);
    tiers.push_back({{"name", name}, {"capacity_bytes", bytes}, {"used_bytes", std::move(used)}});
  };
  add("dram", offload.scope, 0);
  for (std::size_t i = 0; i < offload.beyond.size(); ++i) {
    const LowerTierConfig& tier = offload.beyond[i];
    add(tier.kind == Storage::ssd ? "ssd" : "remote", tier.scope, i + 1);
  }
  return tiers;
}

Json links_over_time(const RunFacts& run, const std::vector<Sample>& series) {
  Json links = Json::array();
  for (std::size_t l = 0; l < run.result.links.size(); ++l) {
    const LinkUsage& link = run.result.links[l];
    if (link.bytes.count == 0) continue;
    Json rates = Json::array();
    Time from{0};
    Bytes before;
    for (const Sample& s : series) {
      const Bytes now = l < s.link_bytes.size() ? s.link_bytes[l] : Bytes(0);
      rates.push_back(ratio(static_cast<double>((now - before).count), seconds(s.at - from)));
      from = s.at, before = now;
    }
    links.push_back(
        {{"name", link.name}, {"capacity_bytes_per_s", link.bytes_per_s}, {"bytes_per_s", std::move(rates)}});
  }
  return links;
}

// Mean parts of TTFT of the requests between two quantiles of TTFT.
Json band(double from, double to, const RequestRecord* const* begin, const RequestRecord* const* end) {
  double parts[5] = {};
  for (auto r = begin; r != end; ++r) {
    const Time times[] = {(*r)->frontend, (*r)->queue, (*r)->load, (*r)->prefill, (*r)->recompute};
    for (int p = 0; p < 5; ++p) parts[p] += seconds(times[p]);
  }
  const double n = static_cast<double>(end - begin);
  return {{"from", from},
          {"to", to},
          {"requests", end - begin},
          {"frontend_s", ratio(parts[0], n)},
          {"queue_s", ratio(parts[1], n)},
          {"load_s", ratio(parts[2], n)},
          {"prefill_s", ratio(parts[3], n)},
          {"recompute_in_prefill_s", ratio(parts[4], n)}};
}

Json ttft_bands(const SimulationResult& result) {
  std::vector<const RequestRecord*> done;
  for (const RequestRecord& r : result.requests) {
    if (r.outcome == Outcome::completed) done.push_back(&r);
  }
  const auto faster = [](const RequestRecord* a, const RequestRecord* b) {
    return std::pair(a->first_token - a->arrival, a->turn) < std::pair(b->first_token - b->arrival, b->turn);
  };
  constexpr double kEdges[] = {0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1};
  const auto edge = [&](double q) { return static_cast<std::ptrdiff_t>(q * static_cast<double>(done.size()) + 0.5); };
  Json bands = Json::array();
  for (std::size_t i = 0; i + 1 < std::size(kEdges); ++i) {
    const std::ptrdiff_t from = edge(kEdges[i]), to = edge(kEdges[i + 1]);
    if (from == to) continue;
    if (to < edge(1)) std::nth_element(done.begin() + from, done.begin() + to, done.end(), faster);
    bands.push_back(band(kEdges[i], kEdges[i + 1], done.data() + from, done.data() + to));
  }
  return bands;
}

// The replicas that are paid for, which may be others at other times.
class PaidFleet {
 public:
  PaidFleet(const SimulationConfig& config, const FleetHistory& history) : changes_(history.paid_changes) {
    for (const SimulationConfig* kind : kinds_of(config)) add(*kind, changes_.empty());
    for (const SimulationConfig& own : config.decode_pool) add(own, true);
  }

  double pages(Time at) const {
    double pages = throughout_.pages;
    for (const PaidChange& c : changes_) pages += c.at <= at ? c.change * kinds_[c.kind].pages : 0;
    return pages;
  }
  double gpu_s(Time from, Time to) const {
    double gpu_s = throughout_.gpus * seconds(to - from);
    for (const PaidChange& c : changes_) {
      gpu_s += c.change * kinds_[c.kind].gpus * seconds(to - std::clamp(c.at, from, to));
    }
    return gpu_s;
  }

 private:
  struct Has {
    double gpus = 0, pages = 0;
  };
  void add(const SimulationConfig& c, bool throughout) {
    kinds_.push_back({double{1} * c.gpus_per_replica, static_cast<double>(c.engine.g1_pages.count)});
    if (!throughout) return;
    throughout_.gpus += c.replicas * kinds_.back().gpus;
    throughout_.pages += c.replicas * kinds_.back().pages;
  }

  const std::vector<PaidChange>& changes_;
  std::vector<Has> kinds_;  // of a replica
  Has throughout_;
};

}  // namespace

double five_digits(double x) {
  const std::string text = fmt::format("{:.4e}", x);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Json series_block(const RunFacts& run, const std::vector<Sample>& series) {
  Json at = Json::array(), queued = at, running = at, used = at, held = at, busy = at;
  const PaidFleet fleet(run.config, run.result.fleet);
  Time from{0};
  TimeSum before;
  // What a step waits for its layers is known at its end: until then some of its work may be told late.
  double due_s = 0;
  for (const Sample& s : series) {
    at.push_back(seconds(s.at));
    queued.push_back(s.queued);
    running.push_back(s.running);
    const double pages = fleet.pages(s.at);
    used.push_back(ratio(static_cast<double>(s.g1_pages), pages));
    held.push_back(ratio(static_cast<double>(s.g1_pages_held), pages));
    const double paid_s = fleet.gpu_s(from, s.at);
    due_s += seconds(s.gpu_busy - before);
    const double told_s = std::clamp(due_s, 0.0, std::max(0.0, paid_s));
    due_s -= told_s;
    busy.push_back(ratio(told_s, paid_s));
    from = s.at, before = s.gpu_busy;
  }
  Json block;
  block["at_s"] = std::move(at);
  block["queued"] = std::move(queued);
  block["running"] = std::move(running);
  block["gpu_busy_fraction"] = std::move(busy);
  block["hbm_kv"] = {{"used_fraction", std::move(used)}, {"held_fraction", std::move(held)}};
  block["below"] = below_over_time(run, series);
  block["links"] = links_over_time(run, series);
  if (!series.empty()) add_requests(block, run, series);
  return block;
}

Json distribution_block(const RunFacts& run) {
  const Totals sum = total(run.workload, run.result);
  std::vector<double> quantiles;
  for (int i = 1; i < 40; ++i) quantiles.push_back(i / 40.0);
  for (const double q : {0.99, 0.995, 0.999, 1.0}) quantiles.push_back(q);
  Json block = {{"quantile", quantiles}};
  const auto add = [&](const char* name, const std::vector<double>& sample) {
    block[name] = Json::array();
    if (sample.empty()) return;
    for (const double v : nearest_ranks(sample, quantiles)) block[name].push_back(five_digits(v));
  };
  add("ttft_s", sum.ttft_s);
  add("tpot_s", sum.tpot_s);
  add("e2e_s", sum.e2e_s);
  block["ttft_bands"] = ttft_bands(run.result);
  return block;
}

void add_curves(Json& document, const RunFacts& run, const std::vector<Sample>& series) {
  document["distribution"] = distribution_block(run);
  document["break_even"] = break_even_block(run);
  document["series"] = series_block(run, series);
}

}  // namespace kvplan
