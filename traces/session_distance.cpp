#include <algorithm>
#include <cmath>

#include "traces/dialogues.hpp"
#include "traces/rearrange.hpp"
#include "traces/session_model.hpp"
#include "traces/statistics.hpp"

namespace kvplan {
namespace {

struct Sample {
  const char* what;
  std::vector<double> values;
};

std::vector<Sample> quantities_of(const Workload& w) {
  const Dialogues dialogues = dialogues_of(w);
  std::vector<Sample> q = {{"turns of a dialogue", std::vector<double>(dialogues.count, 0)},
                           {"first prompt, tokens", {}},
                           {"prompt, tokens", {}},
                           {"output, tokens", {}},
                           {"think time or gap, s", {}}};
  const std::vector<Time> at = recorded_timeline(w);
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    const Turn& turn = w.turns[t];
    ++q[0].values[dialogues.of_turn[t]];
    if (dialogues.begins[t]) q[1].values.push_back(turn.prompt_tokens);
    q[2].values.push_back(turn.prompt_tokens);
    q[3].values.push_back(turn.output_tokens);
    if (dialogues.begins[t]) continue;
    q[4].values.push_back(turn.arrival.after != kNone ? seconds(turn.arrival.time)
                                                      : seconds(at[t] - at[turn.continues]));
  }
  for (Sample& quantity : q) std::sort(quantity.values.begin(), quantity.values.end());
  return q;
}

// Of two ascending samples.
double kolmogorov_smirnov(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const double x = std::min(a[i], b[j]);
    while (i < a.size() && a[i] == x) ++i;
    while (j < b.size() && b[j] == x) ++j;
    const double difference =
        static_cast<double>(i) / static_cast<double>(a.size()) - static_cast<double>(j) / static_cast<double>(b.size());
    largest = std::max(largest, std::abs(difference));
  }
  return largest;
}

}  // namespace

Distances distances_between(const Workload& a, const Workload& b) {
  Distances d;
  const std::vector<Sample> of_a = quantities_of(a), of_b = quantities_of(b);
  for (std::size_t i = 0; i < of_a.size(); ++i) {
    const Summary sa = summarise(of_a[i].values), sb = summarise(of_b[i].values);
    d.quantities.push_back(
        {of_a[i].what, kolmogorov_smirnov(of_a[i].values, of_b[i].values), {sa.p50, sb.p50}, {sa.p90, sb.p90}});
  }
  d.infinite_hit_rate_tokens[0] = trace_statistics(a).infinite_hit_rate_tokens;
  d.infinite_hit_rate_tokens[1] = trace_statistics(b).infinite_hit_rate_tokens;
  return d;
}

}  // namespace kvplan
