#include "reports/moved_metrics.hpp"

#include <deque>
#include <map>

#include "base/error.hpp"

namespace kvplan {
namespace {

// Cumulative shares; zero ahead of the first query.
std::vector<double> ratios(const Counts& part, const Counts& whole) {
  std::vector<double> p = part.sums();
  const std::vector<double> w = whole.sums();
  for (std::size_t i = 0; i < p.size(); ++i) p[i] = w[i] > 0 ? p[i] / w[i] : 0;
  return p;
}

struct Kind {
  Kind(const Instants& when) : bytes(when), seconds(when), pages(when) {}
  Counts bytes, seconds, pages;  // of the whole replica; pages: the engine's blocks
};

// What moves on every route, counted when it has ended.
class Movements {
 public:
  explicit Movements(const Instants& when) : load(when), store(when), to_ssd(when), from_ssd(when), evicted(when) {}

  void begin(const KeptLimits& l) { limits_ = l; }

  void see(const Event& e) {
    if (e.what == Happening::evict && limits_.memories.at(e.who).tier == 1)
      evicted.add(e.at, static_cast<double>((e.c - e.b) * limits_.block_tokens) / kChunkTokens);
    if (e.what == Happening::cut) std::erase_if(queues_, [&](const auto& q) { return q.first.first == e.who; });
    if (e.what < Happening::transfer || e.what > Happening::moved) return;
    const auto route = static_cast<std::size_t>(e.a);
    auto& queue = queues_[{e.who, route}];
    if (e.what == Happening::transfer) return queue.push_back({0, e.at});
    KVPLAN_ASSERT(!queue.empty());
    if (e.what == Happening::part) queue.back().blocks += e.c - e.b;
    if (e.what != Happening::moved) return;
    count(limits_.kind_of_node(e.who), route, queue.front(), e.at);
    queue.pop_front();
    if (!queue.empty()) queue.front().starts = e.at;
  }

  Kind load, store, to_ssd, from_ssd;  // load: from any tier
  Counts evicted;                      // chunks, from DRAM

 private:
  static constexpr double kChunkTokens = 256;  // LMCache's
  struct Moving {
    std::int64_t blocks;
    Time starts;
  };

  void count(const KeptKind& node, std::size_t number, const Moving& m, Time at) {
    const KeptRoute& route = node.routes.at(number);
    const bool ssd = route.tier > 1 && limits_.tier_name(route.tier) == "ssd";
    const double tokens = static_cast<double>(m.blocks * limits_.block_tokens);
    const auto add = [&](Kind& kind) {
      kind.bytes.add(at, tokens * static_cast<double>(node.kv_bytes_per_token));
      kind.seconds.add(at, kvplan::seconds(at - m.starts));
      kind.pages.add(at, tokens / static_cast<double>(limits_.page_tokens));
    };
    if (route.purpose == "load") add(load);
    if (route.purpose == "load" && ssd) add(from_ssd);
    if (route.purpose == "store") add(store);
    if (route.purpose == "write" && ssd) add(to_ssd);
  }

  KeptLimits limits_;
  std::map<std::pair<std::uint32_t, std::size_t>, std::deque<Moving>> queues_;
};

}  // namespace

void hit_metrics(Exposition& out, const std::vector<KeptRequest>& requests, const Instants& when, const Labels& model) {
  Counts queried(when), hits(when), host(when), disk(when);
  for (const KeptRequest& r : requests) {
    if (r.outcome != Outcome::completed) continue;
    queried.add(r.first_token, r.prompt_tokens - r.hit_g1_tokens);
    hits.add(r.first_token, r.hit_g2_tokens + r.hit_beyond_tokens[0] + r.hit_beyond_tokens[1]);
    host.add(r.first_token, r.hit_g2_tokens);
    disk.add(r.first_token, r.hit_beyond_tokens[0]);
  }
  const auto one = [&](const char* name, const char* type, const char* help, const std::vector<double>& values) {
    out.family(name, type, help);
    out.series(model, values);
  };
  one("lmcache_mp_lookup_requested_tokens", "counter", "Prompt tokens looked up below HBM.", queried.sums());
  one("lmcache_mp_lookup_hit_tokens", "counter", "Prompt tokens found below HBM.", hits.sums());
  one("lmcache:num_requested_tokens", "counter", "Prompt tokens looked up below HBM.", queried.sums());
  one("lmcache:num_hit_tokens", "counter", "Prompt tokens found below HBM.", hits.sums());
  one("dynamo_kvbm_matched_tokens", "unknown", "Prompt tokens found below HBM.", hits.sums());
  one("dynamo_kvbm_host_cache_hit_rate", "gauge", "Share of the tokens looked up below HBM that DRAM had, so far.",
      ratios(host, queried));
  one("dynamo_kvbm_disk_cache_hit_rate", "gauge", "Share of the tokens looked up below HBM that the SSD had, so far.",
      ratios(disk, queried));
}

void moved_metrics(Exposition& out, const std::string& folder, const Instants& when, const Labels& model) {
  Movements m(when);
  read_kept_events(
      folder, [&](const KeptLimits& l) { m.begin(l); }, [&](const Event& e) { m.see(e); });
  const auto one = [&](const char* name, const char* type, const char* help, const Counts& counts) {
    out.family(name, type, help);
    out.series(model, counts.sums());
  };
  const auto by_direction = [&](const char* name, const char* help, Counts Kind::*member) {
    out.family(name, "counter", help);
    out.series(model + "," + label("transfer_type", "CPU_to_GPU"), (m.load.*member).sums());
    out.series(model + "," + label("transfer_type", "GPU_to_CPU"), (m.store.*member).sums());
  };
  one("vllm:kv_offload_load_bytes", "counter", "KV loaded into HBM.", m.load.bytes);
  one("vllm:kv_offload_load_time", "counter", "Seconds of loads, from the head of their route on.", m.load.seconds);
  one("vllm:kv_offload_store_bytes", "counter", "KV stored to DRAM.", m.store.bytes);
  one("vllm:kv_offload_store_time", "counter", "Seconds of stores, from the head of their route on.", m.store.seconds);
  by_direction("vllm:kv_offload_total_bytes", "KV moved, by direction.", &Kind::bytes);
  by_direction("vllm:kv_offload_total_time", "Seconds of transfers, by direction.", &Kind::seconds);
  one("dynamo_kvbm_offload_blocks_d2h", "unknown", "Blocks of the engine stored to DRAM.", m.store.pages);
  one("dynamo_kvbm_offload_blocks_h2d", "unknown", "Blocks of the engine written from DRAM to SSD.", m.to_ssd.pages);
  out.family("dynamo_kvbm_onboard_blocks_h2d", "unknown", "Blocks of the engine loaded from DRAM or a remote store.");
  std::vector<double> h2d = m.load.pages.sums();
  const std::vector<double> ssd = m.from_ssd.pages.sums();
  for (std::size_t i = 0; i < h2d.size(); ++i) h2d[i] -= ssd[i];
  out.series(model, h2d);
  one("dynamo_kvbm_onboard_blocks_d2d", "unknown", "Blocks of the engine loaded from SSD.", m.from_ssd.pages);
  one("lmcache_mp_l1_evicted_chunks", "counter", "Chunks of 256 tokens that DRAM evicted.", m.evicted);
}

}  // namespace kvplan
