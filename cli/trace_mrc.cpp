// kvplan trace mrc
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <thread>

#include "base/error.hpp"
#include "cli/scenario.hpp"
#include "cli/trace_verbs.hpp"
#include "traces/hit_rates.hpp"
#include "traces/load.hpp"
#include "traces/policies/policy.hpp"
#include "traces/sampled_hit_rates.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;

constexpr double kInfinite = std::numeric_limits<double>::infinity();

std::vector<double> parse_capacities(const std::string& list) {
  std::vector<double> capacities;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) {
    double value = word == "inf" ? kInfinite : 0;
    const bool number =
        word != "inf" && parse_whole(word, value) && std::isfinite(value) && value >= 0 && value <= 1e15;
    if (word != "inf" && !number) {
      throw UsageError(fmt::format("--capacity-tokens holds \"{}\", expected tokens from 0 to 1e15, or inf", word),
                       "separate them by commas: --capacity-tokens 1e6,2e6,inf");
    }
    capacities.push_back(value);
  }
  if (list.empty() || list.back() == ',') throw UsageError("--capacity-tokens ends where a capacity should follow");
  return capacities;
}

// 1, 2, 5 times powers of ten, from 10k tokens to the first that holds the whole trace; then infinity.
std::vector<double> default_capacities(const SampledLoad& of) {
  const double all = static_cast<double>(of.load.block_count()) * of.load.block_tokens / of.share;
  std::vector<double> capacities;
  for (double decade = 1e4; capacities.empty() || capacities.back() < all; decade *= 10) {
    for (const double step : {1, 2, 5}) {
      if (capacities.empty() || capacities.back() < all) capacities.push_back(step * decade);
    }
  }
  capacities.push_back(kInfinite);
  return capacities;
}

Json capacity_json(double tokens) {
  if (tokens == kInfinite) return "inf";
  return tokens == std::floor(tokens) ? Json(static_cast<std::int64_t>(tokens)) : Json(tokens);
}

std::vector<std::int64_t> in_blocks(const std::vector<double>& capacities_tokens, std::int32_t block_tokens) {
  std::vector<std::int64_t> blocks;
  for (const double tokens : capacities_tokens) {
    blocks.push_back(tokens == kInfinite ? std::numeric_limits<std::int64_t>::max()
                                         : std::llround(tokens / block_tokens));
  }
  return blocks;
}

Words parse_policies(const std::string& list) {
  Words names;
  if (list == "all") {
    for (const PolicyEntry& p : policy_table()) names.push_back(p.name);
    return names;
  }
  std::istringstream words(list + ",");
  for (std::string word; std::getline(words, word, ',');) names.push_back(policy_named(word).name);
  return names;
}

struct MrcOptions {
  Words policies;
  std::vector<double> capacities;  // tokens; empty: the default ones
  TouchOrder touch = TouchOrder::head_to_tail;
  std::optional<double> sample;
  std::uint64_t seed = 1;
  bool transformed = false;  // by --set
};

// One curve of a policy: {"policy", "points"}, and what is known of a sample's error.
Json curve_json(const SampledLoad& of, const std::string& policy, const MrcOptions& o) {
  const Workload& w = of.load;
  const std::vector<std::int64_t> blocks = in_blocks(o.capacities, w.block_tokens);
  const unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  Json curve = {{"policy", policy}};
  std::optional<SampledHitRates> sampled;
  std::vector<HitRates> rates;
  if (o.sample) {
    sampled = sampled_hit_rates(of, policy, blocks, o.touch, threads, *o.sample, o.seed);
    rates = sampled->mean;
    curve["sample"] = {{"rate", *o.sample}, {"samples", sampled->samples}, {"token_share", sampled->token_share}};
  } else {
    rates = hit_rates(w, policy, blocks, o.touch, threads);
  }
  Json points = Json::array();
  for (std::size_t i = 0; i < rates.size(); ++i) {
    points.push_back({{"capacity_tokens", capacity_json(o.capacities[i])},
                      {"hit_rate_tokens", rates[i].tokens},
                      {"hit_rate_blocks", rates[i].blocks}});
    if (!sampled) continue;
    points.back()["standard_error_tokens"] = sampled->standard_error[i].tokens;
    points.back()["standard_error_blocks"] = sampled->standard_error[i].blocks;
  }
  curve["points"] = points;
  return curve;
}

std::string capacity_text(const Json& point) {
  return point["capacity_tokens"].is_string() ? "inf" : point["capacity_tokens"].dump();
}

std::string csv_text(const Json& curves, bool sampled) {
  std::string text = "policy,capacity_tokens,hit_rate_tokens,hit_rate_blocks";
  text += sampled ? ",standard_error_tokens,standard_error_blocks\n" : "\n";
  for (const Json& curve : curves) {
    for (const Json& p : curve["points"]) {
      text += fmt::format("{},{},{},{}", curve["policy"].get<std::string>(), capacity_text(p),
                          p["hit_rate_tokens"].get<double>(), p["hit_rate_blocks"].get<double>());
      if (sampled) {
        text += fmt::format(",{},{}", p["standard_error_tokens"].get<double>(), p["standard_error_blocks"].get<double>());
      }
      text += '\n';
    }
  }
  return text;
}

std::string one_policy_text(const Json& points, bool sampled) {
  std::string text = fmt::format("{:>16}{:>18}{:>18}{}\n", "capacity, tokens", "hit rate, tokens", "hit rate, blocks",
                                 sampled ? "  standard error" : "");
  for (const Json& p : points) {
    text += fmt::format("{:>16}{:>18.4f}{:>18.4f}", capacity_text(p), p["hit_rate_tokens"].get<double>(),
                        p["hit_rate_blocks"].get<double>());
    if (sampled) text += fmt::format("{:>16.4f}", p["standard_error_tokens"].get<double>());
    text += '\n';
  }
  return text;
}

// Token hit rates, one column a policy, and of samples the standard error.
std::string several_policies_text(const Json& curves, bool sampled) {
  std::string text = fmt::format("{:>16}", "capacity, tokens");
  for (const Json& curve : curves) {
    text += fmt::format("{:>10}", curve["policy"].get<std::string>());
    if (sampled) text += fmt::format("{:>10}", "+/-");
  }
  text += '\n';
  for (std::size_t i = 0; i < curves[0]["points"].size(); ++i) {
    text += fmt::format("{:>16}", capacity_text(curves[0]["points"][i]));
    for (const Json& curve : curves) {
      const Json& p = curve["points"][i];
      text += fmt::format("{:>10.4f}", p["hit_rate_tokens"].get<double>());
      if (sampled) text += fmt::format("{:>10.4f}", p["standard_error_tokens"].get<double>());
    }
    text += '\n';
  }
  return text;
}

// One policy stands as the document itself, several in "curves".
Json document_of(const Workload& w, const Json& curves, const std::string& touch) {
  Json document = {{"trace", w.name}, {"sha256", w.sha256}};
  if (curves.size() == 1) document["policy"] = curves[0]["policy"];
  document["touch"] = touch;
  document["block_tokens"] = w.block_tokens;
  if (curves.size() > 1) {
    document["curves"] = curves;
    return document;
  }
  if (curves[0].contains("sample")) document["sample"] = curves[0]["sample"];
  document["points"] = curves[0]["points"];
  return document;
}

po::options_description mrc_flags() {
  po::options_description options = trace_options();
  options.add_options()(
      "policy", po::value<std::string>()->value_name("LIST")->default_value("lru"),
      "Eviction policies, separated by commas, or all: lru (exact, in one pass), and by simulation lfu, arc, s3-fifo, "
      "sieve and belady, the offline bound.")(
      "capacity-tokens", po::value<std::string>()->value_name("LIST"),
      "Capacities, separated by commas; 1e6 and inf are understood. Without: 1, 2, 5 times powers of ten.")(
      "touch", po::value<std::string>()->value_name("head-to-tail|tail-to-head")->default_value("head-to-tail"),
      "Order in which a prompt's blocks are touched; an engine's own eviction is like tail-to-head.")(
      "sample", po::value<std::string>()->value_name("RATE"),
      "Estimate from samples of the blocks, up to eight of this share each (at most 0.5), with the standard error. Only "
      "they are held in memory where the trace has a line of hashes a request and is not transformed.")("format", po::value<std::string>()->value_name("table|json|csv")->default_value("table"),
                "Form of the result.");
  return options;
}

MrcOptions parse_mrc(const po::variables_map& values, const std::string& touch) {
  MrcOptions o;
  o.policies = parse_policies(values["policy"].as<std::string>());
  if (values.count("capacity-tokens")) o.capacities = parse_capacities(values["capacity-tokens"].as<std::string>());
  if (touch == "tail-to-head") o.touch = TouchOrder::tail_to_head;
  if (values.count("sample")) {
    const std::string text = values["sample"].as<std::string>();
    double rate = 0;
    if (!parse_whole(text, rate) || !(rate >= 1e-6 && rate <= 0.5)) {
      throw UsageError(fmt::format("--sample is \"{}\", expected a share from 1e-6 to 0.5", text));
    }
    o.sample = rate;
  }
  if (values.count("set")) {
    Scenario seeded;
    for (const std::string& assignment : values["set"].as<Words>()) {
      const bool seed = assignment.starts_with("seed=");
      if (seed) seeded.assign(assignment, "--set");
      o.transformed = o.transformed || !seed;
    }
    o.seed = static_cast<std::uint64_t>(seeded.integer("seed"));
  }
  return o;
}

// The load, or of a trace that can be sampled while it is read, all samples together.
SampledLoad load_for_mrc(const po::variables_map& values, Streams streams, const MrcOptions& o) {
  const double share = o.sample ? *o.sample * static_cast<double>(samples_at(*o.sample)) : 1;
  if (share < 1 && values.count("trace") && !o.transformed) {
    const std::string path = values["trace"].as<std::string>();
    LoadOptions options;
    options.strict = values.count("strict") > 0;
    if (values.count("block-tokens")) options.block_tokens = block_tokens_of(values);
    if (const auto sample = read_sample(path, options, {0, share, o.seed})) {
      streams.err << fmt::format("sampled while reading: {} of {} blocks held; peak memory {:.1f} MB\n",
                                 sample->load.prompt_blocks.size(), sample->prompt_blocks, peak_memory_mb());
      for (const WorkloadNote& n : sample->load.notes) streams.err << fmt::format("note: {} ({} rows)\n", n.what, n.rows);
      return *sample;
    }
    if (path == "-") throw InputError({path, 0, 0, "this trace cannot be sampled while it is read", "give it as a file"});
  }
  if (o.sample) streams.err << "note: the trace is read whole before it is sampled\n";
  return whole_load(load_for_verb(values, streams));
}

}  // namespace

ExitCode trace_mrc(const Words& arguments, Streams streams) {
  const po::options_description options = mrc_flags();
  const po::variables_map values = parse_trace_arguments(options, "trace", arguments);
  if (values.count("help")) {
    streams.out << "usage: kvplan trace mrc TRACE [options]\n\nHit rate of a prefix cache against its capacity.\n\n"
                << options
                << "\nExamples:\n  kvplan trace mrc TRACE --policy lru --capacity-tokens 1e6,2e6 --format json\n"
                   "  kvplan trace mrc TRACE --policy all --set trace.users=16 --set trace.duration_s=7200\n";
    return ExitCode::done;
  }
  const std::string touch = choice(values, "touch", {"head-to-tail", "tail-to-head"});
  const std::string format = choice(values, "format", {"table", "json", "csv"});
  MrcOptions o = parse_mrc(values, touch);
  const SampledLoad of = load_for_mrc(values, streams, o);
  const Workload& workload = of.load;
  if (o.capacities.empty()) o.capacities = default_capacities(of);
  Json curves = Json::array();
  for (const std::string& policy : o.policies) curves.push_back(curve_json(of, policy, o));
  if (format == "json") {
    streams.out << document_of(workload, curves, touch).dump(2) << '\n';
  } else if (format == "csv") {
    streams.out << csv_text(curves, o.sample.has_value());
  } else {
    streams.out << (curves.size() == 1 ? one_policy_text(curves[0]["points"], o.sample.has_value())
                                       : several_policies_text(curves, o.sample.has_value()));
  }
  return ExitCode::done;
}

}  // namespace kvplan
