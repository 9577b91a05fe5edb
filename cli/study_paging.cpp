#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/study.hpp"
#include "models/memory.hpp"
#include "models/roofline.hpp"
#include "studies/allocation.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
using Kind = allocation::Scheme::Kind;

void add_options(po::options_description& options) {
  const auto number = [](double fallback, const char* text) {
    return po::value<double>()->value_name("X")->default_value(fallback, text);
  };
  options.add_options()("gpu-memory-utilization", number(kGpuMemoryUtilization, "0.9"),
                        "share of HBM that the engine takes")("max-model-len", integer(2048),
                                                              "longest prompt and output together")(
      "max-num-seqs", integer(256), "sequences at once")("requests", integer(2000), "all waiting at the start")(
      "prompt-mean", number(161.3, "161.3"), "tokens, log-normal (ShareGPT)")("prompt-sigma", number(1.2, "1.2"),
                                                                              "of the logarithm")(
      "output-mean", number(338, "338"), "tokens, log-normal (ShareGPT)")("output-sigma", number(0.9, "0.9"),
                                                                          "of the logarithm")(
      "shared-prefix", integer(512), "tokens that all prompts begin with, in the last rows")("seed", integer(1),
                                                                                             "of the lengths");
}

void add_row(Study& study, const allocation::Scheme& scheme, const allocation::Setting& s,
             const std::vector<allocation::Request>& load, const StepTime& step) {
  const allocation::Outcome o = allocation::run(load, scheme, s, step);
  study.document["schemes"].push_back({{"scheme", scheme.name()},
                                       {"shared_prefix_tokens", s.shared_prefix},
                                       {"held_share", o.held},
                                       {"internal_share", o.internal},
                                       {"external_share", o.external},
                                       {"running_sequences", o.sequences},
                                       {"output_tokens_per_s", o.output_tokens_per_s},
                                       {"preemptions", o.preemptions},
                                       {"refused", o.refused}});
  const auto percent = [](double x) { return fmt::format("{:.1f} %", 100 * x); };
  study.rows.push_back({scheme.name(), std::to_string(s.shared_prefix), percent(o.held), percent(o.internal),
                        percent(o.external), fmt::format("{:.1f}", o.sequences),
                        fmt::format("{:.0f}", o.output_tokens_per_s), std::to_string(o.preemptions),
                        std::to_string(o.refused)});
}

Study run(const Architecture& model, const Hardware& h, Dtype weights, Dtype kv, const po::variables_map& values) {
  allocation::Setting s;
  const double utilization = number_of(values, "gpu-memory-utilization", 0.05, 1);
  s.longest = static_cast<std::int32_t>(integer_of(values, "max-model-len", 2, model.max_context_tokens));
  s.max_num_seqs = static_cast<std::int32_t>(integer_of(values, "max-num-seqs", 1, 1 << 16));
  const Bytes memory = kv_memory_per_gpu(model, h, 1, weights, utilization);
  s.memory_tokens = memory.count / model.kv_bytes_per_token(kv).count;
  if (s.memory_tokens < s.longest) {
    throw InfeasibleError(
        fmt::format("error: KV memory holds {} tokens, less than one sequence of {}\n  help: raise "
                    "--gpu-memory-utilization or lower --max-model-len",
                    s.memory_tokens, s.longest));
  }
  const allocation::LengthMix mix{number_of(values, "prompt-mean", 1, 1e6), number_of(values, "prompt-sigma", 0, 5),
                                  number_of(values, "output-mean", 1, 1e6), number_of(values, "output-sigma", 0, 5)};
  const auto prefix = static_cast<std::int32_t>(integer_of(values, "shared-prefix", 0, s.longest - 2));
  const auto count = static_cast<std::size_t>(integer_of(values, "requests", 1, 100'000));
  const auto seed = static_cast<std::uint64_t>(integer_of(values, "seed", 0, 1'000'000'000));
  const StepTime step = roofline_step_time(model, h.gpu, 1, weights, kv);
  Study study;
  study.document = {{"model", model.name},
                    {"hardware", h.name},
                    {"kv_memory_bytes", memory.count},
                    {"kv_memory_tokens", s.memory_tokens},
                    {"schemes", nlohmann::ordered_json::array()}};
  study.rows = {{"KV memory is", "shared prefix", "held", "internal waste", "external waste", "sequences at once",
                 "tokens/s", "preempted", "refused"}};
  const auto load = allocation::draw(mix, s.longest, count, seed);
  for (const Kind kind : {Kind::maximum, Kind::power, Kind::exact}) add_row(study, {kind}, s, load, step);
  for (std::int32_t page = 1; page <= 256; page *= 2) add_row(study, {Kind::paged, page}, s, load, step);
  if (prefix > 0) {
    const auto shorter = allocation::draw(mix, s.longest - prefix, count, seed);
    s.shared_prefix = prefix;
    add_row(study, {Kind::maximum}, s, shorter, step);
    add_row(study, {Kind::paged, 16}, s, shorter, step);
    add_row(study, {Kind::paged, 16, true}, s, shorter, step);
  }
  study.notes.push_back(fmt::format(
      "{} tokens of KV memory; shares are of it, averaged over the time in which requests wait", s.memory_tokens));
  study.notes.push_back(
      "held: tokens that exist; internal: allocated without a token; external: free, too little for the next");
  return study;
}

}  // namespace

const StudyEntry& paging_study() {
  static const StudyEntry entry = {
      "paging",    "KV memory reserved in one piece against pages of 1 to 256 tokens, with a shared prefix",
      "opt-13b",   "x86-a100-sxm",
      add_options, run};
  return entry;
}

}  // namespace kvplan
