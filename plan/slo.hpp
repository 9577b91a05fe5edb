// What users are promised, and what a run made of it.
//
//   "slo": { "ttft_s": {"p95": 1.0, "mean": 0.5}, "tpot_s": {"p95": 0.05}, "e2e_s": {"p99": 60},
//            "goodput": {"share": 0.9, "ttft_s": 1.0, "tpot_s": 0.05} }
//
// A refused request counts as one that took for ever.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_file.hpp"
#include "plan/steady.hpp"
#include "sim/result.hpp"
#include "traces/workload.hpp"

namespace kvplan {

enum class Latency { ttft, tpot, e2e };
const char* name_of(Latency);  // "ttft_s", ...

// A mean or quantile of a latency that must not exceed the limit.
struct LatencySlo {
  Latency of = Latency::ttft;
  Statistic statistic = Statistic::quantile;
  double quantile = 0.95;
  double limit_s = 0;
  std::string name() const;  // "TTFT p95"
};

// At least this share of the requests meets every limit that is given.
struct GoodputSlo {
  double share = 0;
  std::optional<double> ttft_s, tpot_s, e2e_s;
};

struct Slo {
  std::vector<LatencySlo> latencies;
  std::optional<GoodputSlo> goodput;
  std::size_t size() const { return latencies.size() + (goodput ? 1 : 0); }
  std::string name(std::size_t i) const;
  double limit(std::size_t i) const;
  bool at_most(std::size_t i) const { return i < latencies.size(); }  // else at least
};

// The object that the reader stands at; findings go to the reader.
Slo read_slo(JsonReader slo);

// Time that a request takes when it takes just its limits: the largest TTFT limit, and TPOT limit for each further
// token, or the largest E2E limit if that is less. Nothing where the limits do not tell.
struct Pace {
  std::optional<double> ttft_s, tpot_s, e2e_s;
  bool known() const { return e2e_s || (ttft_s && tpot_s); }
  double seconds_of(std::int32_t output_tokens) const;
};
Pace pace_of(const Slo&);

// Latencies of one run, of the turns from `judged_from` on, in the order of turns. Seconds; infinite when refused.
struct LatencySamples {
  std::vector<double> ttft, tpot, e2e;
  std::vector<std::uint8_t> good;  // by turn: meets the goodput limits; all 1 without
  const std::vector<double>& of(Latency l) const { return l == Latency::ttft ? ttft : l == Latency::tpot ? tpot : e2e; }
};
LatencySamples latency_samples(const Workload&, const SimulationResult&, TurnId judged_from, const Slo&);

// The value of each part of the SLO, in its order.
std::vector<Estimated> measure(const LatencySamples&, const Slo&, double level);

// The largest of value / limit over all parts (for goodput: of the requests that miss over those that may): at most 1 when
// all are met.
double worst_ratio(const Slo&, const std::vector<double>& values);

}  // namespace kvplan
