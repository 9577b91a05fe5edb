// What reservation and paging waste of KV memory.
#include <fmt/format.h>

#include <algorithm>

#include "models/memory.hpp"
#include "models/roofline.hpp"
#include "studies/allocation.hpp"
#include "validate/experiment_head.hpp"

namespace kvplan {

Experiment kv_allocation(const JsonFile& file) {
  JsonFindings findings;
  JsonReader in(file, findings);
  auto [e, hardware, model, weights, kv] = read_head(in);
  allocation::Setting s;
  s.longest = static_cast<std::int32_t>(in.integer("longest_tokens", 2, 1 << 20));
  s.max_num_seqs = static_cast<std::int32_t>(in.integer("max_num_seqs", 1, 1 << 20));
  const double kv_bytes = in.number("kv_memory_bytes", 1e6, 1e15);
  const auto requests = static_cast<std::size_t>(in.integer("requests", 1, 1'000'000));
  const allocation::LengthMix mix{in.number("prompt_mean_tokens", 1, 1e6), in.number("prompt_sigma", 0, 5),
                                  in.number("output_mean_tokens", 1, 1e6), in.number("output_sigma", 0, 5)};
  using Kind = allocation::Scheme::Kind;
  struct Row {
    const char* key;
    allocation::Scheme scheme;
  };
  const Row rows[] = {
      {"maximum", {Kind::maximum}}, {"power", {Kind::power}}, {"exact", {Kind::exact}}, {"paged", {Kind::paged}}};
  s.memory_tokens = static_cast<std::int64_t>(kv_bytes) / model.kv_bytes_per_token(kv).count;
  const StepTime step = roofline_step_time(model, hardware.gpu, 1, weights, kv);
  const auto lengths = allocation::draw(mix, s.longest, requests, 1);
  e.inputs.insert(e.inputs.end(),
                  {{"memory", fmt::format("{:.0f} GB for KV, {} tokens", kv_bytes / 1e9, s.memory_tokens)},
                   {"lengths", fmt::format("log-normal, means {:.0f} and {:.0f} tokens, {} requests, all waiting",
                                           mix.prompt_mean, mix.output_mean, requests)}});
  for (const Row& row : rows) {
    JsonReader published = in.object(row.key, true);
    const allocation::Outcome o = allocation::run(lengths, row.scheme, s, step);
    Comparison c{row.scheme.name() + ": wasted", "%", 100 * o.waste(), published.number("wasted_percent", 0, 100)};
    c.absolute = true;
    if (published.has("least")) c.low = published.number("least", 0, 100), c.high = published.number("most", 0, 100);
    c.remark = fmt::format("{:.1f} % within, {:.1f} % without allocation; {:.1f} sequences, {:.0f} tokens/s",
                           100 * o.internal, 100 * o.external, o.sequences, o.output_tokens_per_s);
    e.comparisons.push_back(c);
    published.no_other_keys();
  }
  in.no_other_keys();
  findings.raise();
  return e;
}

}  // namespace kvplan
