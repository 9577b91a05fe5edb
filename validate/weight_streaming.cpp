// A model that is larger than HBM, decoding with the rest of its weights in host memory.
#include <fmt/format.h>

#include "studies/unified_memory.hpp"
#include "validate/experiment_head.hpp"

namespace kvplan {
namespace um = unified_memory;
namespace {

void tell(const Hardware& h, const Architecture& model, const um::Setting& s, Experiment& e) {
  const std::string who = fmt::format("{}, {} weights, on one GPU of {}", model.name, name_of(s.weights), h.name);
  const um::Need n = um::need(h, model, s);
  if (!n.fits()) {
    e.remarks.push_back(fmt::format("{}: does not fit: {:.1f} GB beyond HBM, host memory has {:.1f}; ways out: {}", who,
                                    n.spilled / 1e9, n.host / 1e9, fmt::join(um::ways_out(h, model, s), "; ")));
    return;
  }
  std::string text;
  for (const um::Way& w : um::ways(h, model, s)) {
    if (w.unavailable.empty()) text += fmt::format("{}{} {:.2f}", text.empty() ? "" : ", ", w.name, w.tokens_per_s);
  }
  e.remarks.push_back(fmt::format("{}: {:.1f} GB spilled; tokens/s: {}", who, n.spilled / 1e9, text));
}

}  // namespace

Experiment weight_streaming(const JsonFile& file) {
  JsonFindings findings;
  JsonReader in(file, findings);
  auto [e, hardware, model, weights, kv] = read_head(in);
  um::Setting s;
  s.weights = weights, s.kv = kv;
  s.context_tokens = in.integer("context_tokens", 1, 1 << 20);
  s.gpu_memory_utilization = in.number("gpu_memory_utilization", 0.05, 1);
  s.link_bytes_per_s = in.number("link_bytes_per_s", 1e6, 1e15);
  e.inputs.emplace_back("memory", in.string("memory"));
  const Hardware x86 = load_hardware(in.string("x86_hardware"));
  Comparison c{"decode, one sequence", "tokens/s", 0, in.number("tokens_per_s", 0, 1e6)};
  c.low = in.number("least_tokens_per_s", 0, 1e6), c.high = in.number("most_tokens_per_s", 0, 1e6);
  Comparison ratio{"the same on x86: times slower", "", 0, in.number("x86_times_slower", 0, 1e3)};
  ratio.low = in.number("x86_least_times_slower", 0, 1e3), ratio.high = in.number("x86_most_times_slower", 0, 1e3);
  const std::vector<std::string> others = in.strings("others", true), other_dtypes = in.strings("other_weights", true);
  in.no_other_keys();
  findings.raise();
  const um::Need n = um::need(hardware, model, s);
  const um::Way here = um::ways(hardware, model, s)[0];
  c.predicted = here.tokens_per_s;
  c.remark = here.name;
  um::Setting there = s;
  there.link_bytes_per_s = 0;
  ratio.predicted = here.tokens_per_s / um::ways(x86, model, there)[0].tokens_per_s;
  e.comparisons = {
      c, ratio, {"spilled to host memory", "bytes", n.spilled, 60e9, 0, false, "published as about 60 GB"}};
  for (const Hardware& h : {hardware, x86}) {
    for (const std::string& name : others) {
      for (const std::string& dtype : other_dtypes) {
        um::Setting o = there;
        o.gpu_memory_utilization = kGpuMemoryUtilization;
        o.weights = dtype_from_name(dtype);
        tell(h, load_architecture(name), o, e);
      }
    }
  }
  return e;
}

}  // namespace kvplan
