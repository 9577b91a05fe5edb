#include "traces/fit_synth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "traces/session_model.hpp"

namespace kvplan {
namespace {

struct Values {
  std::vector<double> first, follow_up, output, turns, wait_s;
};

Values values_of(const SessionModel& model) {
  Values v;
  for (const DialogueSample& d : model.dialogues) {
    v.turns.push_back(static_cast<double>(d.follow_ups.size()) + 1);
    v.first.push_back(static_cast<double>(d.first_prompt_tokens - model.shared_tokens));
    v.output.push_back(static_cast<double>(d.first_output_tokens));
    double prompt = static_cast<double>(d.first_prompt_tokens);
    for (const FollowUpSample& f : d.follow_ups) {
      const double before = prompt + v.output.back();
      prompt = std::round(f.prompt_ratio * std::max(1.0, prompt));
      v.follow_up.push_back(prompt - before);
      v.output.push_back(static_cast<double>(f.output_tokens));
      v.wait_s.push_back(f.wait_s);
    }
  }
  return v;
}

QuantityFit fit(const char* what, std::vector<double> values, FitFamily family) {
  QuantityFit q{what, static_cast<std::int64_t>(values.size()), 0, {}, {}, {}};
  std::erase_if(values, [](double x) { return x <= 0; });
  q.left_out = q.values - static_cast<std::int64_t>(values.size());
  if (values.empty()) throw UsageError(fmt::format("the trace has no {} above zero to fit to", what));
  q.log_normal = fit_log_normal(values);
  q.gamma = fit_gamma(values);
  if (family == FitFamily::empirical) {
    std::sort(values.begin(), values.end());
    q.chosen = {Distribution::Family::empirical, 1, 1, std::move(values)};
  } else {
    const bool gamma = family == FitFamily::gamma ||
                       (family == FitFamily::better && q.gamma.log_likelihood > q.log_normal.log_likelihood);
    q.chosen = (gamma ? q.gamma : q.log_normal).distribution;
  }
  return q;
}

// Bayesian information criterion: the lower the better.
double bic(double parameters, double n, double log_likelihood_per_value) {
  return parameters * std::log(n) - 2 * n * log_likelihood_per_value;
}

}  // namespace

SynthFit fit_synth(const Workload& w, FitFamily family) {
  const SessionModel model = fit_sessions(w);
  Values v = values_of(model);
  SynthFit result;
  SynthOptions& o = result.options;
  o.sessions = static_cast<std::int64_t>(model.dialogues.size());
  o.block_tokens = model.block_tokens;
  o.system_tokens = model.shared_tokens;
  o.sessions_per_s = model.sessions_per_s > 0 ? model.sessions_per_s : LikeOptions().sessions_per_s;
  o.closed_loop = model.closed_loop;
  o.duration_s = 0;
  o.pause_share = 0;
  const double most_output = *std::max_element(v.output.begin(), v.output.end());
  o.max_context_tokens = model.max_prompt_tokens + static_cast<std::int64_t>(most_output);
  if (!model.closed_loop) o.output_tokens_per_s = 1e6;  // waits are from arrival to arrival
  std::vector<double> waits = v.wait_s;
  std::erase_if(waits, [](double s) { return s <= 0; });
  result.quantities = {fit("turns", std::move(v.turns), family), fit("first prompt", std::move(v.first), family),
                       fit("growth", std::move(v.follow_up), family), fit("output", std::move(v.output), family),
                       fit("think time, s", std::move(v.wait_s), family)};
  const auto& q = result.quantities;
  o.turns_as = q[0].chosen, o.first_as = q[1].chosen, o.follow_up_as = q[2].chosen, o.output_as = q[3].chosen;
  o.think_as = q[4].chosen;
  const auto n = static_cast<double>(waits.size());
  result.think = fit_mixture(std::move(waits));
  const double single = std::max(q[4].log_normal.log_likelihood, q[4].gamma.log_likelihood);
  result.think_is_mixture = family == FitFamily::better && bic(5, n, result.think.log_likelihood) < bic(2, n, single);
  if (result.think_is_mixture) {
    o.think_as = result.think.low, o.pause_as = result.think.high;
    o.pause_share = result.think.high_share;
  }
  return result;
}

std::string fit_table(const SynthFit& fit) {
  std::string text =
      fmt::format("{:<15}{:>8}{:>8}  {:<30}{:>9}{:>7}  {:<30}{:>9}{:>7}  chosen\n", "fitted", "values", "not > 0",
                  "log-normal: median, sigma", "ln L / n", "KS", "gamma: mean, CV", "ln L / n", "KS");
  for (const QuantityFit& q : fit.quantities) {
    text += fmt::format("{:<15}{:>8}{:>8}  {:<30}{:>9.4f}{:>7.3f}  {:<30}{:>9.4f}{:>7.3f}  {}\n", q.what, q.values,
                        q.left_out, q.log_normal.distribution.text(), q.log_normal.log_likelihood,
                        q.log_normal.kolmogorov_smirnov, q.gamma.distribution.text(), q.gamma.log_likelihood,
                        q.gamma.kolmogorov_smirnov, q.chosen.text());
  }
  return text +
         fmt::format("think times as two log-normals: {} and {}, share of the second {:.3f}, ln L / n {:.4f}: {}\n",
                     fit.think.low.text(), fit.think.high.text(), fit.think.high_share, fit.think.log_likelihood,
                     fit.think_is_mixture ? "chosen" : "not chosen");
}

}  // namespace kvplan
