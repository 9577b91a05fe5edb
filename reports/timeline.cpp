#include "reports/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "base/error.hpp"
#include "reports/lanes.hpp"
#include "reports/lives.hpp"

namespace kvplan {
namespace {

constexpr std::int64_t kEventsOfRequest = 12;  // two a span, about

std::int64_t pid_of_replica(std::int64_t replica) { return replica + 1; }

class Writer {
 public:
  explicit Writer(const TimelineOptions& options) : options_(options) {}

  void meta(std::int64_t pid, std::int64_t tid, const char* what, const std::string& name) {
    line(R"({{"ph":"M","pid":{},"tid":{},"name":"{}","args":{{"name":"{}"}}}})", pid, tid, what, name);
  }
  void order(std::int64_t pid) {
    line(R"({{"ph":"M","pid":{},"tid":0,"name":"process_sort_index","args":{{"sort_index":{}}}}})", pid, pid);
  }
  void slice(const Slice& s, std::int64_t pid, std::int64_t tid) {
    const auto [from, to] = clip(s.from, s.to);
    if (from > to) return;
    line(R"({{"ph":"X","pid":{},"tid":{},"ts":{},"dur":{},"name":"{}","args":{{{}}}}})", pid, tid, us(from),
         us(Time((to.count / kPsPerNs - from.count / kPsPerNs) * kPsPerNs)), s.name, s.args());
  }
  void counter(const Level& l, std::int64_t pid, const std::string& name) {
    if (l.at < options_.from || l.at > options_.to) return;
    line(R"({{"ph":"C","pid":{},"tid":0,"ts":{},"name":"{}","args":{{"blocks":{}}}}})", pid, us(l.at), name, l.blocks);
  }
  void request(const Life& life) {
    const KeptRequest& r = life.request;
    const auto [from, to] = clip(r.arrival, r.finish);
    if (from > to) return;
    const Where last{r.turn, r.replica};
    const std::int64_t pid = pid_of_replica(r.replica);
    span('b', from, last, pid, "request",
         fmt::format(
             R"("turn":{},"session":{},"prompt_tokens":{},"output_tokens":{},"hbm":{},"dram":{},"ssd":{},"remote":{})",
             r.turn, r.session, r.prompt_tokens, r.output_tokens, r.hit_g1_tokens, r.hit_g2_tokens,
             r.hit_beyond_tokens[0], r.hit_beyond_tokens[1]));
    for (const LifeSpan& s : life.spans) {
      const auto [a, b] = clip(s.from, s.to);
      if (a > b) continue;
      const Where on{r.turn, s.replica};
      span('b', a, on, pid_of_replica(s.replica), name_of(s.part), fmt::format(R"("what":"{}")", s.words));
      span('e', b, on, pid_of_replica(s.replica), name_of(s.part), "");
    }
    span('e', to, last, pid, "request", "");
  }

  std::int64_t events() const { return events_; }
  std::string finish(const std::string& about) {
    return "{\"displayTimeUnit\":\"ms\",\"otherData\":{" + about + "},\"traceEvents\":[\n" + out_ + "\n]}\n";
  }

 private:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    if (events_++ > 0) out_ += ",\n";
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }
  // Spans of one id nest, and are drawn in one process: what a request does on each replica has an id of its own.
  struct Where {
    TurnId turn;
    std::uint32_t replica;
  };
  void span(char phase, Time at, Where on, std::int64_t pid, const char* name, const std::string& args) {
    line(R"({{"ph":"{}","cat":"request","id":"{}.{}","pid":{},"tid":0,"ts":{},"name":"{}","args":{{{}}}}})", phase,
         on.turn, on.replica, pid, us(at), name, args);
  }
  std::pair<Time, Time> clip(Time from, Time to) const {
    return {std::max(from, options_.from), std::min(to, options_.to)};
  }
  static std::string us(Time t) {
    const std::int64_t ns = t.count / kPsPerNs;
    return fmt::format("{}.{:03}", ns / 1000, ns % 1000);
  }

  const TimelineOptions& options_;
  std::string out_;
  std::int64_t events_ = 0;
};

// Turns whose lives touch the window, and every how many-th of them.
std::vector<TurnId> sampled(const std::vector<KeptRequest>& all, const TimelineOptions& o, std::int64_t& every) {
  std::vector<TurnId> touching, kept;
  for (const KeptRequest& r : all) {
    if (r.outcome == Outcome::completed && r.arrival <= o.to && r.finish >= o.from) touching.push_back(r.turn);
  }
  const auto n = static_cast<std::int64_t>(touching.size());
  every = std::max(o.every, ceil_div(n * kEventsOfRequest, std::max<std::int64_t>(1, o.most / 2)));
  for (std::int64_t i = 0; i < n; i += every) kept.push_back(touching[static_cast<std::size_t>(i)]);
  return kept;
}

constexpr std::int64_t kSteps = 1;  // the thread of a replica's steps

std::int64_t pid_of_node(const KeptLimits& l, std::int64_t node) { return l.replicas() + 1 + node; }

void write_names(Writer& w, const Lanes& lanes) {
  const KeptLimits& l = lanes.limits();
  for (std::int64_t r = 0; r < l.replicas(); ++r) {
    w.meta(pid_of_replica(r), 0, "process_name", fmt::format("replica {}", r));
    w.order(pid_of_replica(r));
    w.meta(pid_of_replica(r), 0, "thread_name", "requests");
    w.meta(pid_of_replica(r), kSteps, "thread_name", "steps");
  }
  for (std::int64_t n = 0; n < l.nodes(); ++n) {
    w.meta(pid_of_node(l, n), 0, "process_name", fmt::format("node {}", n));
    w.order(pid_of_node(l, n));
    w.meta(pid_of_node(l, n), 0, "thread_name", "memories");
    for (std::size_t r = 0; r < l.kind_of_node(n).routes.size(); ++r)
      w.meta(pid_of_node(l, n), static_cast<std::int64_t>(r) + 1, "thread_name", lanes.route_name(n, r));
  }
}

void write_lanes(Writer& w, const Lanes& lanes) {
  const KeptLimits& l = lanes.limits();
  for (std::size_t r = 0; r < lanes.steps().size(); ++r) {
    for (const Slice& s : lanes.steps()[r]) w.slice(s, pid_of_replica(static_cast<std::int64_t>(r)), kSteps);
  }
  for (const auto& [key, slices] : lanes.transfers()) {
    for (const Slice& s : slices) w.slice(s, pid_of_node(l, key.first), static_cast<std::int64_t>(key.second) + 1);
  }
  for (std::size_t m = 0; m < lanes.levels().size(); ++m) {
    const KeptMemory& memory = l.memories[m];
    const bool hbm = memory.tier == 0;
    const std::int64_t pid =
        hbm ? pid_of_replica(memory.first_replica) : pid_of_node(l, l.node_of(memory.first_replica));
    const bool shared = hbm || memory.end_replica - memory.first_replica > 1;
    const std::string name =
        fmt::format("{} blocks{}", memory.name, shared ? "" : fmt::format(" of replica {}", memory.first_replica));
    for (const Level& level : lanes.levels()[m]) w.counter(level, pid, name);
  }
}

}  // namespace

Timeline timeline_of(const std::string& folder, const TimelineOptions& o) {
  Timeline t;
  const std::vector<KeptRequest> requests = read_kept_requests(folder);
  const std::vector<TurnId> turns = sampled(requests, o, t.every);
  Lanes lanes(o);
  read_kept_events(
      folder, [&](const KeptLimits& l) { lanes.begin(l); }, [&](const Event& e) { lanes.see(e); });
  t.slices_merged = lanes.thin(o.most / 2);
  Writer w(o);
  write_names(w, lanes);
  for (const Life& life : lives_of(folder, requests, turns)) w.request(life);
  write_lanes(w, lanes);
  t.requests = static_cast<std::int64_t>(turns.size());
  t.events = w.events();
  t.json = w.finish(fmt::format(R"("every":"{}","slices_merged":"{}")", t.every, t.slices_merged));
  return t;
}

}  // namespace kvplan
