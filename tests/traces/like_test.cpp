// Goal: synthetic sessions are as near to a trace as two halves of the trace are to each other.
#include <sstream>

#include "tests/traces/data.hpp"
#include "tests/traces/invariants.hpp"
#include "traces/compile.hpp"
#include "traces/load.hpp"
#include "traces/session_model.hpp"
#include "traces/transform.hpp"

using namespace kvplan;

namespace {

Workload like(const Workload& trace, const LikeOptions& options) {
  std::ostringstream text;
  const SessionModel model = fit_sessions(trace);
  synthesise_like(model, options, text);
  LoadOptions load;
  load.block_tokens = static_cast<std::int32_t>(model.block_tokens);
  load.tick = Time(0);
  return compile_workload(rows_from_text(text.str(), "like", load), load);
}

}  // namespace

TEST_CASE("sessions like the shipped chat's are near to them") {
  const Workload chat = load_workload(KVPLAN_SOURCE_DIR "/examples/chat.jsonl.gz");
  LikeOptions options;
  options.sessions = 2000;
  const Workload made = like(chat, options);
  test::check_invariants(made);
  CHECK(made.session_count == 2000);
  const Distances d = distances_between(made, chat);
  for (const Distance& q : d.quantities) {
    CAPTURE(q.what);
    CHECK(q.kolmogorov_smirnov < 0.1);
    CHECK(q.median[0] == Approx(q.median[1]).epsilon(0.12));
    CHECK(q.p90[0] == Approx(q.p90[1]).epsilon(0.12));
  }
  CHECK(d.infinite_hit_rate_tokens[0] == Approx(d.infinite_hit_rate_tokens[1]).margin(0.02));
  const Distances itself = distances_between(chat, chat);
  for (const Distance& q : itself.quantities) CHECK(q.kolmogorov_smirnov == 0);
}

TEST_CASE("just so many requests, and the same for the same seed") {
  const Workload chat = load_workload(KVPLAN_SOURCE_DIR "/examples/chat.jsonl.gz");
  LikeOptions options;
  options.requests = 500;
  CHECK(like(chat, options).turns.size() == 500);
  const SessionModel model = fit_sessions(chat);
  std::ostringstream one, two, other;
  synthesise_like(model, options, one);
  synthesise_like(model, options, two);
  options.seed = 2;
  synthesise_like(model, options, other);
  CHECK((one.str() == two.str()));
  CHECK((one.str() != other.str()));
}
