#include "plan/slo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

#include "reports/totals.hpp"

namespace kvplan {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();
constexpr double kLongest = 1e6;

const char* upper(Latency l) { return l == Latency::ttft ? "TTFT" : l == Latency::tpot ? "TPOT" : "E2E"; }

// "p95", "p99.9": a quantile; nothing for anything else.
std::optional<double> quantile_of(const std::string& key) {
  if (key.size() < 2 || key[0] != 'p') return std::nullopt;
  for (const char c : key.substr(1)) {
    if (!std::isdigit(static_cast<unsigned char>(c)) && c != '.') return std::nullopt;
  }
  const double q = std::strtod(key.c_str() + 1, nullptr) / 100;
  return q > 0 && q <= 1 ? std::optional(q) : std::nullopt;
}

void read_latency(JsonReader& slo, Latency of, Slo& to) {
  const std::string key = name_of(of);
  if (!slo.has(key)) return;
  JsonReader limits = slo.object(key);
  for (const std::string& name : limits.keys()) {
    LatencySlo l{of, Statistic::mean, 0, limits.number(name, 1e-9, kLongest)};
    if (const auto q = quantile_of(name)) {
      l.statistic = Statistic::quantile;
      l.quantile = *q;
    } else if (name != "mean") {
      limits.fail(name, fmt::format("{} has no statistic \"{}\"", key, name), "mean, or a quantile such as p95");
      continue;
    }
    to.latencies.push_back(l);
  }
}

std::optional<double> optional_limit(JsonReader& r, const char* key) {
  if (!r.has(key)) return std::nullopt;
  return r.number(key, 1e-9, kLongest);
}

}  // namespace

const char* name_of(Latency l) { return l == Latency::ttft ? "ttft_s" : l == Latency::tpot ? "tpot_s" : "e2e_s"; }

std::string LatencySlo::name() const {
  return statistic == Statistic::mean ? fmt::format("{} mean", upper(of))
                                      : fmt::format("{} p{:g}", upper(of), 100 * quantile);
}

std::string Slo::name(std::size_t i) const { return at_most(i) ? latencies[i].name() : "goodput share"; }

double Slo::limit(std::size_t i) const { return at_most(i) ? latencies[i].limit_s : goodput->share; }

Slo read_slo(JsonReader slo) {
  Slo s;
  for (const Latency l : {Latency::ttft, Latency::tpot, Latency::e2e}) read_latency(slo, l, s);
  if (slo.has("goodput")) {
    JsonReader g = slo.object("goodput");
    s.goodput = GoodputSlo{g.number("share", 0.01, 1), optional_limit(g, "ttft_s"), optional_limit(g, "tpot_s"),
                           optional_limit(g, "e2e_s")};
    if (!s.goodput->ttft_s && !s.goodput->tpot_s && !s.goodput->e2e_s) {
      g.fail("", "goodput counts requests that meet limits, and none is given", "add ttft_s, tpot_s or e2e_s");
    }
    g.no_other_keys();
  }
  slo.no_other_keys();
  return s;
}

double Pace::seconds_of(std::int32_t output_tokens) const {
  const double parts = ttft_s && tpot_s ? *ttft_s + *tpot_s * std::max(0, output_tokens - 1) : kForever;
  return std::min(parts, e2e_s.value_or(kForever));
}

Pace pace_of(const Slo& slo) {
  Pace p;
  const auto take = [](std::optional<double>& to, std::optional<double> limit) {
    if (limit) to = std::max(to.value_or(0), *limit);
  };
  for (const LatencySlo& l : slo.latencies) {
    take(l.of == Latency::ttft ? p.ttft_s : l.of == Latency::tpot ? p.tpot_s : p.e2e_s, l.limit_s);
  }
  if (slo.goodput) {
    take(p.ttft_s, slo.goodput->ttft_s);
    take(p.tpot_s, slo.goodput->tpot_s);
    take(p.e2e_s, slo.goodput->e2e_s);
  }
  return p;
}

LatencySamples latency_samples(const Workload& w, const SimulationResult& result, TurnId judged_from, const Slo& slo) {
  LatencySamples s;
  for (std::size_t i = judged_from; i < result.requests.size(); ++i) {
    const RequestRecord& r = result.requests[i];
    const Turn& t = w.turns[i];
    const bool done = r.outcome == Outcome::completed;
    const double ttft = done ? seconds(r.first_token - r.arrival) : kForever;
    const double e2e = done ? seconds(r.finish - r.arrival) : kForever;
    const double tpot = !done ? kForever : t.output_tokens >= 2 ? tpot_seconds(r, t) : 0;
    s.ttft.push_back(ttft);
    s.e2e.push_back(e2e);
    if (t.output_tokens >= 2) s.tpot.push_back(tpot);
    bool good = done;
    if (slo.goodput) {
      good = good && ttft <= slo.goodput->ttft_s.value_or(kForever) && e2e <= slo.goodput->e2e_s.value_or(kForever) &&
             tpot <= slo.goodput->tpot_s.value_or(kForever);
    }
    s.good.push_back(good);
  }
  return s;
}

std::vector<Estimated> measure(const LatencySamples& samples, const Slo& slo, double level) {
  std::vector<Estimated> all;
  for (const LatencySlo& l : slo.latencies) {
    const std::vector<double>& sample = samples.of(l.of);
    all.push_back(sample.empty() ? Estimated{} : estimate(sample, l.statistic, l.quantile, level));
  }
  if (slo.goodput) {
    const std::vector<double> good(samples.good.begin(), samples.good.end());
    all.push_back(good.empty() ? Estimated{1, std::nullopt} : estimate(good, Statistic::mean, 0, level));
  }
  return all;
}

double worst_ratio(const Slo& slo, const std::vector<double>& values) {
  double worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Of a goodput share the requests that miss, over those that may; where none may, one that does is too much by all.
    const double may_miss = 1 - slo.limit(i), miss = 1 - values[i];
    const double ratio = slo.at_most(i) ? values[i] / slo.limit(i) : may_miss > 0 ? miss / may_miss : 1 + miss;
    worst = std::max(worst, ratio);
  }
  return worst;
}

}  // namespace kvplan
