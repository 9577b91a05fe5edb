// Settings of traces/synth.hpp fitted to a trace: every quantity has a distribution of its own, and is drawn by itself.
// What hangs together in a trace (a session that grows fast is longer, too) and prompts that are rewritten are lost;
// traces/session_model.hpp keeps them.
#pragma once

#include "traces/synth.hpp"
#include "traces/workload.hpp"

namespace kvplan {

// better: of log-normal and gamma the one of the higher likelihood (both have two parameters, so AIC and BIC agree); of
// think times, two log-normals (tools and people) instead where BIC says so.
enum class FitFamily { better, log_normal, gamma, empirical };

struct QuantityFit {
  const char* what;
  std::int64_t values = 0, left_out = 0;  // left out: not above zero
  FittedDistribution log_normal, gamma;
  Distribution chosen;
};

struct SynthFit {
  SynthOptions options;  // with as many sessions as the trace has dialogues
  std::vector<QuantityFit> quantities;
  FittedMixture think;
  bool think_is_mixture = false;
};

// UsageError for a trace that has no follow-ups.
SynthFit fit_synth(const Workload&, FitFamily);

std::string fit_table(const SynthFit&);

}  // namespace kvplan
