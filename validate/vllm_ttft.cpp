#include <cmath>

#include <fmt/format.h>

#include "hardware/topology.hpp"
#include "models/memory.hpp"
#include "models/roofline.hpp"
#include "validate/experiment_head.hpp"
#include "validate/one_prompt.hpp"

namespace kvplan {

Experiment vllm_ttft(const JsonFile& file) {
  JsonFindings findings;
  JsonReader in(file, findings);
  auto [e, hardware, model, weights, kv] = read_head(in);
  const double fixed_s = in.number("frontend_fixed_s", 0, 10), high_s = in.number("frontend_fixed_s_with_step", 0, 10);
  const double per_token_s = in.number("frontend_per_token_s", 0, 1e-3);
  const double tolerance = in.number("tolerance", 0, 1);

  SimulationConfig config;
  config.engine.frontend_fixed = time_from_seconds(fixed_s);
  config.engine.frontend_ps_per_token = std::llround(per_token_s * kPsPerS);
  config.engine.max_context_tokens = model.max_context_tokens;
  config.kv_bytes_per_token = config.kv_bytes_per_token_per_gpu = model.kv_bytes_per_token(kv);
  config.offload.enabled = true;
  config.offload.segment = config.engine.page_tokens * config.kv_bytes_per_token_per_gpu;  // one page, all layers
  config.links = compile_links(hardware, 1, 1);
  config.step_times.fill(roofline_step_time(model, hardware.gpu, 1, weights, kv));
  e.inputs.insert(e.inputs.end(),
             {{"front end", fmt::format("{:.1f} ms + {:.2f} us a prompt token (from other publications)",
                                        fixed_s * 1e3, per_token_s * 1e6)},
              {"segment", fmt::format("{} bytes (a page of all layers)", config.offload.segment.count)},
              {"step time", config.step_times[0].provenance}});
  for (JsonReader& point : in.objects("points", true)) {
    const auto tokens = static_cast<std::int32_t>(point.integer("prompt_tokens", 1, 1'000'000));
    const PromptTimes times = time_one_prompt(config, tokens, 0);
    e.comparisons.push_back({fmt::format("TTFT recomputed, {} tokens", tokens), "s", seconds(times.recomputed),
                             point.number("recompute_ttft_s", 0, 1e3), tolerance});
    e.comparisons.push_back({fmt::format("TTFT from CPU memory, {} tokens", tokens), "s", seconds(times.loaded),
                             point.number("cpu_hit_ttft_s", 0, 1e3), tolerance});
    e.comparisons.push_back({fmt::format("the same, {:.0f} ms fixed", high_s * 1e3), "s",
                             seconds(times.loaded) + high_s - fixed_s, e.comparisons.back().published, 0, false,
                             "front end with the step counted twice"});
    point.no_other_keys();
  }
  in.no_other_keys();
  findings.raise();
  return e;
}

}  // namespace kvplan
