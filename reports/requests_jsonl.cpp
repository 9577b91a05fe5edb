#include "reports/requests_jsonl.hpp"

#include <fmt/format.h>

#include <iterator>

#include "base/error.hpp"
#include "reports/totals.hpp"

namespace kvplan {
namespace {

void append_inputs(std::string& out, const RequestRecord& r, const Turn& t, std::size_t turn) {
  fmt::format_to(std::back_inserter(out),
                 R"({{"turn":{},"session":{},"continues":{},"outcome":"{}","prompt_tokens":{},"output_tokens":{})",
                 turn, t.session, t.continues == kNone ? "null" : fmt::format("{}", t.continues), name_of(r.outcome),
                 t.prompt_tokens, t.output_tokens);
}

void append_completed(std::string& out, const RequestRecord& r, const Turn& t) {
  auto to = std::back_inserter(out);
  fmt::format_to(to, R"(,"replica":{},"arrival_ps":{},"first_token_ps":{},"finish_ps":{})", r.replica, r.arrival.count,
                 r.first_token.count, r.finish.count);
  fmt::format_to(to, R"(,"frontend_ps":{},"queue_ps":{},"load_ps":{},"prefill_ps":{},"recompute_ps":{})",
                 r.frontend.count, r.queue.count, r.load.count, r.prefill.count, r.recompute.count);
  fmt::format_to(to, R"(,"ttft_s":{},"tpot_s":{},"e2e_s":{})", seconds(r.first_token - r.arrival),
                 t.output_tokens >= 2 ? fmt::format("{}", tpot_seconds(r, t)) : "null", seconds(r.finish - r.arrival));
  fmt::format_to(to, R"(,"hit_hbm_tokens":{},"hit_dram_tokens":{},"hit_ssd_tokens":{},"hit_remote_tokens":{})",
                 r.hit_g1_tokens, r.hit_g2_tokens, r.hit_beyond_tokens[0], r.hit_beyond_tokens[1]);
  fmt::format_to(to, R"(,"computed_tokens":{},"recomputed_tokens":{})", r.computed_tokens, r.recomputed_tokens);
  fmt::format_to(to, R"(,"preemptions":{})", r.preemptions);
  if (r.requeues > 0) fmt::format_to(to, R"(,"requeues":{})", r.requeues);
  if (r.decode_replica != kNone) {
    fmt::format_to(to, R"(,"decode_replica":{},"handover_ps":{})", r.decode_replica, r.handover.count);
  }
}

}  // namespace

std::string requests_jsonl(const Workload& workload, const SimulationResult& result) {
  KVPLAN_ASSERT(result.requests.size() == workload.turns.size());
  std::string out;
  out.reserve(result.requests.size() * 512);
  for (std::size_t i = 0; i < result.requests.size(); ++i) {
    const RequestRecord& r = result.requests[i];
    append_inputs(out, r, workload.turns[i], i);
    if (r.outcome == Outcome::completed) append_completed(out, r, workload.turns[i]);
    if (r.outcome == Outcome::refused) {
      fmt::format_to(std::back_inserter(out), R"(,"arrival_ps":{},"refusal":"{}")", r.arrival.count,
                     name_of(r.refusal));
    }
    out += "}\n";
  }
  return out;
}

}  // namespace kvplan
