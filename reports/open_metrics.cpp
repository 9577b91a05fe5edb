#include "reports/open_metrics.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/json_integers.hpp"
#include "reports/exposition.hpp"
#include "reports/moved_metrics.hpp"

namespace kvplan {
namespace {

// Upper bounds of vLLM's buckets (vllm/v1/metrics/loggers.py).
constexpr double kTtft[] = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5,   0.75,
                            1,     2.5,   5,    7.5,  10,   20,   40,   80,  160,  640.0, 2560};
constexpr double kTpot[] = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5,
                            0.75, 1,     2.5,  5,     7.5, 10,   20,  40,  80};
constexpr double kLatency[] = {0.3, 0.5, 0.8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                               30,  40,  50,  60, 120, 240, 480, 960, 1920, 7680};

// 1, 2, 5, 10, ... up to the largest.
std::vector<double> token_bounds(std::int32_t largest) {
  std::vector<double> all;
  for (double decade = 1;; decade *= 10) {
    for (const double step : {1.0, 2.0, 5.0}) {
      all.push_back(step * decade);
      if (step * decade >= largest) return all;
    }
  }
}

std::int32_t largest(const std::vector<KeptRequest>& all, std::int32_t KeptRequest::*member) {
  std::int32_t most = 1;
  for (const KeptRequest& r : all) most = std::max(most, r.*member);
  return most;
}

// Of one engine (a replica).
struct Engine {
  Engine(const Instants& when, std::span<const double> prompt_bounds, std::span<const double> output_bounds)
      : running(when),
        waiting(when),
        prompt_tokens(when),
        hbm_hits(when),
        external_hits(when),
        queried(when),
        external_queried(when),
        prefilled(when),
        hits_at_first(when),
        external_at_first(when),
        generated(when),
        done(when),
        preempted(when),
        ttft(when, kTtft),
        tpot(when, kTpot),
        itl(when, kTpot),
        e2e(when, kLatency),
        queue(when, kLatency),
        prefill(when, kLatency),
        decode(when, kLatency),
        inference(when, kLatency),
        prompts(when, prompt_bounds),
        outputs(when, output_bounds) {}

  Counts running, waiting;
  Counts prompt_tokens, hbm_hits, external_hits, queried, external_queried;  // at admission
  Counts prefilled, hits_at_first, external_at_first;                        // at the first token
  Counts generated, done, preempted;
  Buckets ttft, tpot, itl, e2e, queue, prefill, decode, inference, prompts, outputs;
};

// Tokens come out evenly between the first and the last.
void add_tokens(Counts& first, Counts& generated, const KeptRequest& r, const Instants& when) {
  const std::int64_t n = std::max(1, r.output_tokens);
  first.add(r.first_token, 1);
  std::int64_t out = 1;
  for (std::size_t i = when.at_or_after(r.first_token); i < when.count && when.instant(i) < r.finish; ++i) {
    const double share = static_cast<double>((when.instant(i) - r.first_token).count) /
                         static_cast<double>((r.finish - r.first_token).count);
    const std::int64_t now = 1 + static_cast<std::int64_t>(share * static_cast<double>(n - 1));
    generated.add(when.instant(i), static_cast<double>(now - out));
    out = now;
  }
  generated.add(r.finish, static_cast<double>(n - out));
}

// `d` decodes what `e` has computed the prompt of; they are one, where replicas do both.
void add_request(Engine& e, Engine& d, const KeptRequest& r, const Instants& when) {
  const Time queued = r.arrival + r.frontend, admitted = queued + r.queue + r.load;
  e.waiting.hold(queued, admitted);
  e.running.hold(admitted, &d == &e ? r.finish : r.first_token + r.handover);
  if (&d != &e) d.running.hold(r.first_token + r.handover, r.finish);
  const double external = r.hit_g2_tokens + r.hit_beyond_tokens[0] + r.hit_beyond_tokens[1];
  e.queried.add(admitted, r.prompt_tokens);
  e.hbm_hits.add(admitted, r.hit_g1_tokens);
  e.external_queried.add(admitted, r.prompt_tokens - r.hit_g1_tokens);
  e.external_hits.add(admitted, external);
  e.prompt_tokens.add(r.first_token, r.prompt_tokens);
  e.prefilled.add(r.first_token, r.prompt_tokens - r.hit_g1_tokens - external);
  e.hits_at_first.add(r.first_token, r.hit_g1_tokens);
  e.external_at_first.add(r.first_token, external);
  e.preempted.add(r.first_token, r.preemptions);
  e.ttft.observe(r.first_token, seconds(r.first_token - r.arrival));
  e.queue.observe(r.finish, seconds(r.queue + r.load));
  e.prefill.observe(r.finish, seconds(r.prefill));
  d.done.add(r.finish, 1);
  add_tokens(e.generated, d.generated, r, when);
  d.e2e.observe(r.finish, seconds(r.finish - r.arrival));
  d.decode.observe(r.finish, seconds(r.finish - r.first_token));
  d.inference.observe(r.finish, seconds(r.prefill + r.finish - r.first_token));
  d.prompts.observe(r.finish, r.prompt_tokens);
  d.outputs.observe(r.finish, r.output_tokens);
  if (r.output_tokens < 2) return;
  const double tpot = seconds(r.finish - r.first_token) / (r.output_tokens - 1);
  d.tpot.observe(r.finish, tpot);
  d.itl.observe(r.finish, tpot, r.output_tokens - 1);
}

class Page {
 public:
  Page(const Instants& when, const Json& result, bool offloads)
      : when_(when), result_(result), offloads_(offloads), out_(when) {
    model_ = label("model_name", result.at("provenance").at("model").at("name").get<std::string>());
  }

  std::string of(std::size_t engine) const { return model_ + "," + label("engine", fmt::format("{}", engine)); }
  const std::string& model() const { return model_; }
  Exposition& out() { return out_; }

  void vllm(const std::vector<Engine>& engines) {
    const auto counts = [&](const char* name, const char* type, const char* help, Counts Engine::*member) {
      out_.family(name, type, help);
      for (std::size_t i = 0; i < engines.size(); ++i) out_.series(of(i), (engines[i].*member).sums());
    };
    counts("vllm:num_requests_running", "gauge", "Requests in the batch.", &Engine::running);
    counts("vllm:num_requests_waiting", "gauge", "Requests that wait, or whose KV is being loaded.", &Engine::waiting);
    counts("vllm:prefix_cache_queries", "counter", "Prompt tokens looked up in HBM.", &Engine::queried);
    counts("vllm:prefix_cache_hits", "counter", "Prompt tokens found in HBM.", &Engine::hbm_hits);
    if (offloads_) {
      counts("vllm:external_prefix_cache_queries", "counter", "Prompt tokens looked up below HBM.",
             &Engine::external_queried);
      counts("vllm:external_prefix_cache_hits", "counter", "Prompt tokens found below HBM.", &Engine::external_hits);
    }
    counts("vllm:prompt_tokens", "counter", "Prompt tokens of requests whose prefill has ended.",
           &Engine::prompt_tokens);
    by_source(engines);
    counts("vllm:generation_tokens", "counter", "Output tokens, even between a request's first and last.",
           &Engine::generated);
    counts("vllm:num_preemptions", "counter", "Preemptions, counted with the request's first token.",
           &Engine::preempted);
    out_.family("vllm:request_success", "counter", "Completed requests.");
    for (std::size_t i = 0; i < engines.size(); ++i)
      out_.series(of(i) + "," + label("finished_reason", "stop"), engines[i].done.sums());
    histograms(engines);
  }

  // What the series of the result tells of the fleet: the last sample at or before each instant.
  void gauge(const char* name, const char* help, const Json& values, const std::string& labels, double scale = 1) {
    out_.family(name, "gauge", help);
    out_.series(labels, held(values, scale));
  }

  std::vector<double> held(const Json& values, double scale) const {
    const Json& at = result_.at("series").at("at_s");
    std::vector<double> all(when_.count);
    std::size_t next = 0;
    double now = 0;
    for (std::size_t i = 0; i < when_.count; ++i) {
      for (; next < at.size() && at[next].get<double>() <= seconds(when_.instant(i)) + 1e-9; ++next)
        now = values[next].is_null() ? now : values[next].get<double>() * scale;
      all[i] = now;
    }
    return all;
  }

 private:
  void by_source(const std::vector<Engine>& engines) {
    out_.family("vllm:prompt_tokens_by_source", "counter", "Prompt tokens by where their KV came from.");
    for (std::size_t i = 0; i < engines.size(); ++i) {
      const auto source = [&](const char* name) { return of(i) + "," + label("source", name); };
      out_.series(source("local_compute"), engines[i].prefilled.sums());
      out_.series(source("local_cache_hit"), engines[i].hits_at_first.sums());
      if (offloads_) out_.series(source("external_kv_transfer"), engines[i].external_at_first.sums());
    }
  }

  void histograms(const std::vector<Engine>& engines) {
    const auto buckets = [&](const char* name, const char* help, Buckets Engine::*member) {
      out_.family(name, "histogram", help);
      for (std::size_t i = 0; i < engines.size(); ++i) out_.histogram(of(i), engines[i].*member);
    };
    buckets("vllm:time_to_first_token_seconds", "From arrival to the first token.", &Engine::ttft);
    buckets("vllm:inter_token_latency_seconds", "Gaps between tokens, each the mean of its request.", &Engine::itl);
    buckets("vllm:request_time_per_output_token_seconds", "Mean gap between a request's tokens.", &Engine::tpot);
    buckets("vllm:e2e_request_latency_seconds", "From arrival to the last token.", &Engine::e2e);
    buckets("vllm:request_queue_time_seconds", "In the queue, or waiting for KV to be loaded.", &Engine::queue);
    buckets("vllm:request_prefill_time_seconds", "From admission to the first token.", &Engine::prefill);
    buckets("vllm:request_decode_time_seconds", "From the first token to the last.", &Engine::decode);
    buckets("vllm:request_inference_time_seconds", "From admission to the last token.", &Engine::inference);
    buckets("vllm:request_prompt_tokens", "Prompt tokens a request.", &Engine::prompts);
    buckets("vllm:request_generation_tokens", "Output tokens a request.", &Engine::outputs);
  }

  const Instants& when_;
  const Json& result_;
  bool offloads_;
  std::string model_;
  Exposition out_;
};

// The fleet's memories and links, as the result's series has them.
void fleet(Page& page, const Json& result, std::size_t engines, const Instants& when) {
  const Json& series = result.at("series");
  const std::string labels = page.model() + "," + label("engine", engines == 1 ? "0" : "all");
  page.gauge("vllm:kv_cache_usage_perc", "Share of HBM's KV pages that requests hold; of the fleet.",
             series.at("hbm_kv").at("held_fraction"), labels);
  page.gauge("kvplan_gpu_busy_ratio", "Share of the time since the last sample in which GPUs computed.",
             series.at("gpu_busy_fraction"), labels);
  for (const Json& tier : series.at("below")) {
    const double capacity = tier.at("capacity_bytes").get<double>();
    if (tier.at("name") == "dram") {
      page.gauge("lmcache_mp_l1_memory_usage_bytes", "KV in DRAM.", tier.at("used_bytes"), labels);
      page.gauge("lmcache_mp_l1_usage_ratio", "Share of DRAM for KV that is used.", tier.at("used_bytes"), labels,
                 capacity > 0 ? 1 / capacity : 0);
      page.gauge("lmcache:local_cache_usage", "KV in DRAM, bytes.", tier.at("used_bytes"), labels);
    }
    if (tier.at("name") == "ssd")
      page.gauge("lmcache:local_storage_usage", "KV on SSD, bytes.", tier.at("used_bytes"), labels);
    if (tier.at("name") == "remote")
      page.gauge("lmcache:remote_cache_usage", "KV in the remote store, bytes.", tier.at("used_bytes"), labels);
  }
  if (series.at("links").empty()) return;
  page.out().family("kvplan_link_bytes", "counter", "Bytes moved over a link.");
  for (const Json& link : series.at("links")) {
    Counts bytes(when);
    double from = 0;
    for (std::size_t i = 0; i < series.at("at_s").size(); ++i) {
      const double at = series.at("at_s")[i].get<double>();
      const Json& rate = link.at("bytes_per_s")[i];
      if (!rate.is_null()) bytes.add(time_from_seconds(at), std::round(rate.get<double>() * (at - from)));
      from = at;
    }
    page.out().series(label("link", link.at("name").get<std::string>()), bytes.sums());
  }
  page.out().family("kvplan_link_capacity_bytes_per_second", "gauge", "What a link can move.");
  for (const Json& link : series.at("links")) {
    page.out().series(label("link", link.at("name").get<std::string>()),
                      std::vector<double>(when.count, link.at("capacity_bytes_per_s").get<double>()));
  }
}

std::int64_t step_for(const MetricsOptions& o, Time end, std::size_t engines) {
  constexpr std::int64_t kSeriesOfEngine = 240, kOthers = 60;
  const std::int64_t instants =
      std::max<std::int64_t>(2, o.most_samples / (kSeriesOfEngine * static_cast<std::int64_t>(engines) + kOthers));
  const std::int64_t least = ceil_div(end.count / kPsPerS + 1, instants);
  return ceil_div(std::max(least, o.step_s), o.step_s) * o.step_s;
}

// Those that took no request are engines, too.
std::size_t replicas_of(const Json& result) {
  const auto told = [](const Json& count) {
    return static_cast<std::size_t>(integer_within(count, 0, kMostReplicas, "the number of replicas"));
  };
  std::size_t replicas = 0;
  const Json none = Json::array();
  for (const Json& kind : result.value("kinds", none)) replicas += told(kind.at("replicas"));
  if (replicas == 0) replicas = told(result.at("/provenance/scenario/replicas"_json_pointer));
  const Json& apart = result.at("disaggregation");
  return replicas + (apart.is_null() ? 0 : told(apart.at("decode_replicas")));
}

}  // namespace

Metrics metrics_of(const std::string& folder, const Json& result, const MetricsOptions& o) {
  const std::vector<KeptRequest> requests = read_kept_requests(folder);
  Time end{1};
  std::size_t engines = replicas_of(result);
  for (const KeptRequest& r : requests) {
    end = std::max(end, std::max(r.finish, r.arrival));
    for (const std::uint32_t replica : {r.replica, r.decode_replica}) {
      if (replica != kNone) engines = std::max<std::size_t>(engines, replica + 1);
    }
  }
  Metrics m;
  m.step_s = step_for(o, end, engines);
  m.from_events = keeps_events(folder);
  const Instants when(o.start_unix_s, m.step_s, end);
  const bool offloads = !result.at("series").at("below").empty();
  Page page(when, result, offloads);
  {
    std::vector<Engine> all(engines, Engine(when, token_bounds(largest(requests, &KeptRequest::prompt_tokens)),
                                            token_bounds(largest(requests, &KeptRequest::output_tokens))));
    for (const KeptRequest& r : requests) {
      if (r.outcome != Outcome::completed) continue;
      add_request(all[r.replica], all[r.decode_replica == kNone ? r.replica : r.decode_replica], r, when);
    }
    page.vllm(all);
  }
  fleet(page, result, engines, when);
  if (offloads) hit_metrics(page.out(), requests, when, page.model());
  if (offloads && m.from_events) moved_metrics(page.out(), folder, when, page.model());
  m.samples = page.out().samples();
  m.text = page.out().finish();
  return m;
}

}  // namespace kvplan
