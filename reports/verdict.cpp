#include "reports/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "reports/cells.hpp"

namespace kvplan {
namespace {

double mean_of(const std::vector<std::int64_t>& v, std::size_t from, std::size_t to) {
  double sum = 0;
  for (std::size_t i = from; i < to; ++i) sum += static_cast<double>(v[i]);
  return sum / static_cast<double>(to - from);
}

struct Backlog {
  double early = 0, late = 0;
  bool grows = false;
};

Backlog backlog(const std::vector<std::int64_t>& at_tenth) {
  Backlog b;
  if (at_tenth.size() < 10) return b;
  b.early = mean_of(at_tenth, 2, 5);
  b.late = mean_of(at_tenth, at_tenth.size() - 3, at_tenth.size());
  b.grows = b.late > 1.5 * b.early && b.late - b.early > 3 * std::sqrt(std::max(b.early, 1.0));
  return b;
}

// Shares of the end-to-end time that the last third of the arrivals spent in queues.
struct Queueing {
  double front_end = 0;  // behind others; its own work is none
  double all = 0;        // and in the queue of a replica, or until one that only decodes could go on
};

Queueing late_queueing(const Workload& workload, const EngineConfig& engine, const SimulationResult& result,
                       const Totals& sum) {
  const Time from = sum.first_arrival + Time(sum.arrival_span().count / 3 * 2);
  const Time fixed = engine.frontend_fixed + engine.frontend_service_fixed;
  const Time a_token(engine.frontend_ps_per_token + engine.frontend_service_ps_per_token);
  double front_end = 0, queue = 0, e2e = 0;
  for (std::size_t i = 0; i < result.requests.size(); ++i) {
    const RequestRecord& r = result.requests[i];
    if (r.outcome != Outcome::completed || r.arrival < from) continue;
    front_end += seconds(r.frontend - std::min(r.frontend, fixed + a_token * workload.turns[i].prompt_tokens));
    queue += seconds(r.queue) + seconds(r.handover);
    e2e += seconds(r.finish - r.arrival);
  }
  return e2e > 0 ? Queueing{front_end / e2e, (front_end + queue) / e2e} : Queueing{};
}

double share(TimeSum part, double whole_s) { return whole_s > 0 ? seconds(part) / whole_s : 0; }

// Of two pools, where there are such, the busier one.
struct Busy {
  double share = 0;
  const char* whose = "the GPUs";
  bool prompts = true, answers = true;  // what these GPUs compute
};

Busy busiest(const SimulationConfig& config, const SimulationResult& result, double span_s) {
  const double gpus = mean_gpus(config, result);
  if (config.decode_pool.empty()) return {share(result.gpu_busy, gpus * span_s)};
  const SimulationConfig& own = config.decode_pool.front();
  const double decoding = double{1} * own.replicas * own.gpus_per_replica;
  const double prefill = share(result.gpu_busy - result.gpu_busy_of_decode, (gpus - decoding) * span_s);
  const double decode = share(result.gpu_busy_of_decode, decoding * span_s);
  return prefill >= decode ? Busy{prefill, "the GPUs of prefill replicas", true, false}
                           : Busy{decode, "the GPUs of decode replicas", false, true};
}

void judge_state(Verdict& v, const Busy& busy, double waits, const SimulationResult& result, const Totals& sum) {
  const Backlog b = backlog(result.in_system_at_decile);
  // n / arrival span against n / makespan: the number of requests cancels.
  const double kept_up = share(sum.arrival_span(), seconds(sum.makespan()));
  const bool waiting = waits > 0.1;
  if (b.grows && waiting && kept_up < 0.9) {
    v.state = State::overloaded;
    v.reason = fmt::format(
        "requests complete at {:.2f} of the rate at which they arrive; the backlog grows from {:.0f} to {:.0f} "
        "requests",
        kept_up, b.early, b.late);
  } else if (waiting && b.grows) {
    v.state = State::saturated;
    v.reason =
        fmt::format("the backlog grows from {:.0f} to {:.0f} requests, and {:.0f} % of late requests' time is queueing",
                    b.early, b.late, 100 * waits);
  } else if (waiting && busy.share >= 0.95) {
    v.state = State::saturated;
    v.reason = fmt::format("{} are {:.0f} % busy, and {:.0f} % of late requests' time is queueing", busy.whose,
                           100 * busy.share, 100 * waits);
  } else {
    v.reason = fmt::format(
        "on the mean the system holds {} early and {:.0f} late, and {:.0f} % of late requests' time is queueing",
        counted(std::round(b.early), "request"), b.late, 100 * waits);
  }
}

// Those that wait, wait for it more than for all else.
bool judge_front_end(Verdict& v, const Queueing& late) {
  if (v.state == State::stable || late.front_end <= late.all / 2) return false;
  v.bottleneck = "front end";
  v.bottleneck_reason = fmt::format("late requests queue for it {:.0f} % of their time", 100 * late.front_end);
  return true;
}

// A link that is nearly always in use, or the busiest one when compute waits for loads.
bool judge_links(Verdict& v, double fleet_s, const SimulationResult& result, const Totals& sum) {
  const auto busiest = std::max_element(result.links.begin(), result.links.end(),
                                        [](const LinkUsage& a, const LinkUsage& b) { return a.busy < b.busy; });
  if (busiest == result.links.end() || sum.completed == 0) return false;
  const double busy = share(busiest->busy, seconds(sum.moving_span()));
  const double stalled = share(result.gpu_waiting_for_load, fleet_s);
  const bool loads_dominate = sum.load_sum_s > sum.prefill_sum_s && sum.load_sum_s > sum.queue_sum_s;
  if (!(busy >= 0.9 && sum.load_sum_s > sum.prefill_sum_s) && !(loads_dominate && stalled >= 0.2)) return false;
  v.bottleneck = "link: " + busiest->name;
  v.bottleneck_reason = fmt::format("transfers run on it {:.0f} % of the time, and compute waits for loads {:.0f} %",
                                    100 * busy, 100 * stalled);
  return true;
}

bool judge_memory(Verdict& v, const SimulationResult& result, const Totals& sum) {
  const double again = sum.computed_tokens > 0
                           ? static_cast<double>(sum.recomputed_tokens) / static_cast<double>(sum.computed_tokens)
                           : 0;
  const double preempted =
      static_cast<double>(result.preemptions) / static_cast<double>(std::max<std::int64_t>(sum.completed, 1));
  if (again < 1.0 / 3 && preempted < 0.05) return false;
  v.bottleneck = "hbm capacity";
  v.bottleneck_reason = fmt::format(
      "{:.0f} % of the computed tokens had been computed before and were lost, and "
      "there are {:.2f} preemptions a request",
      100 * again, preempted);
  return true;
}

void judge_compute(Verdict& v, const Workload& workload, const SimulationConfig& config, const SimulationResult& result,
                   const Busy& busy) {
  const double prefill = std::min(1.0, share(prefill_time(workload, config, result), seconds(result.gpu_busy)));
  v.bottleneck = busy.prompts && (prefill >= 0.5 || !busy.answers) ? "prefill compute" : "decode bandwidth";
  v.bottleneck_reason = fmt::format("{} are {:.0f} % busy", busy.whose, 100 * busy.share);
  if (busy.prompts && busy.answers) {
    v.bottleneck_reason += fmt::format(", about {:.0f} % of that with prompts", 100 * prefill);
  }
}

}  // namespace

const char* name_of(State s) {
  switch (s) {
    case State::stable:
      return "stable";
    case State::saturated:
      return "saturated";
    case State::overloaded:
      return "overloaded";
  }
  KVPLAN_ASSERT(!"a known state");
}

std::vector<TimeSum> prefill_times(const Workload& workload, const SimulationConfig& config,
                                const SimulationResult& result) {
  const Layout layout(config);
  std::vector<double> token_ps, ps(layout.kinds(), 0);
  for (std::uint32_t k = 0; k < layout.kinds(); ++k) {
    const std::int64_t chunk = layout.kind(k).engine.max_num_batched_tokens;
    token_ps.push_back(static_cast<double>(layout.kind(k).step_times[0].base(chunk)) / static_cast<double>(chunk));
  }
  for (std::size_t i = 0; i < result.requests.size(); ++i) {
    const RequestRecord& r = result.requests[i];
    const std::uint32_t k = r.replica == kNone ? 0 : layout.kind_of(r.replica);
    const StepTime& step = layout.kind(k).step_times[0];
    const std::int64_t cached = std::max<std::int64_t>(0, workload.turns[i].prompt_tokens - r.computed_tokens);
    const double pairs_ps =
        static_cast<double>(step.pair_ps) * static_cast<double>(step.pairs(r.computed_tokens, cached));
    ps[k] += layout.kind(k).gpus_per_replica * (token_ps[k] * static_cast<double>(r.computed_tokens) + pairs_ps);
  }
  std::vector<TimeSum> times(ps.size());
  for (std::size_t k = 0; k < ps.size(); ++k) times[k].count = static_cast<TimeSum::Wide>(std::round(ps[k]));
  return times;
}

TimeSum prefill_time(const Workload& workload, const SimulationConfig& config, const SimulationResult& result) {
  TimeSum all;
  for (const TimeSum t : prefill_times(workload, config, result)) all += t;
  return all;
}

Verdict judge(const Workload& workload, const SimulationConfig& config, const SimulationResult& result,
              const Totals& sum) {
  Verdict v;
  if (sum.completed == 0) {
    v.state = State::overloaded;
    v.reason = v.bottleneck_reason = sum.refused < sum.submitted ? "no request completed" : "all requests were refused";
    v.bottleneck = "none";
    return v;
  }
  const double span_s = seconds(sum.makespan());
  const Busy busy = busiest(config, result, span_s);
  const Queueing late = late_queueing(workload, config.engine, result, sum);
  judge_state(v, busy, late.all, result, sum);
  if (judge_front_end(v, late) || judge_links(v, span_s * mean_gpus(config, result), result, sum)) return v;
  if (v.state == State::stable && busy.share < 0.5) {
    v.bottleneck = "none";
    v.bottleneck_reason = fmt::format("{} are {:.0f} % busy", busy.whose, 100 * busy.share);
    return v;
  }
  if (judge_memory(v, result, sum)) return v;
  judge_compute(v, workload, config, result, busy);
  return v;
}

}  // namespace kvplan
