#include "traces/session_model.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/random.hpp"
#include "traces/rearrange.hpp"

namespace kvplan {
namespace {

constexpr double kOutputTokensPerS = 40;  // places closed-loop turns in the file; nothing else depends on it
constexpr double kVariation = 0.05;       // sigma of the logarithm
constexpr double kMaxStart_s = 8.64e6;

std::int64_t shared_blocks(const Workload& w, const Turn& parent, const Turn& child) {
  const auto a = w.blocks(parent), b = w.blocks(child);
  return std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())), b.begin())
             .first -
         a.begin();
}

FollowUpSample sample_of(const Workload& w, const std::vector<Time>& at, TurnId t) {
  const Turn& turn = w.turns[t];
  const Turn& parent = w.turns[turn.continues];
  const std::int64_t full = parent.prompt_tokens / w.block_tokens;
  const std::int64_t shared = std::min(shared_blocks(w, parent, turn), full);
  const double before = std::max(1, parent.prompt_tokens);
  FollowUpSample s;
  s.rewrites = shared < full;
  s.fresh_tokens = turn.prompt_tokens - shared * w.block_tokens;
  s.kept_share = static_cast<double>(shared * w.block_tokens) / before;
  s.prompt_ratio = turn.prompt_tokens / before;
  s.output_tokens = turn.output_tokens;
  s.wait_s = turn.arrival.after != kNone ? seconds(turn.arrival.time) : seconds(at[t] - at[turn.continues]);
  return s;
}

// The longest chain from the head whose blocks each begin more than half of the first prompts.
std::int64_t shared_head_tokens(const Workload& w) {
  std::vector<std::uint32_t> uses(w.block_count(), 0);
  for (const Turn& turn : w.turns) {
    if (turn.continues != kNone) continue;
    for (const BlockId block : w.blocks(turn)) ++uses[block];
  }
  std::int64_t tokens = 0;
  for (BlockId b = 0; b < uses.size(); ++b) {
    if (uses[b] > 1 && uses[b] * std::uint64_t{2} > w.session_count) tokens += w.tokens_of_block[b];
  }
  return tokens;
}

class LikeSource final : public SessionSource {
 public:
  LikeSource(const SessionModel& model, const LikeOptions& o)
      : model_(model), o_(o), stream_(o.seed, "sessions like a trace"), starts_(o.seed, "session starts") {}

  std::optional<std::vector<PlannedTurn>> next() override {
    const auto wanted = o_.sessions > 0 ? o_.sessions : static_cast<std::int64_t>(model_.sessions.size());
    if (o_.requests == 0 && started_ == wanted) return std::nullopt;
    ++started_;
    start_s_ += starts_.exponential(1 / o_.sessions_per_s);
    if (start_s_ > kMaxStart_s) {
      throw UsageError("the sessions start over more than 100 days, which is longer than the clock",
                       "raise --sessions-per-s");
    }
    return session();
  }

 private:
  double varied(double value) { return value * std::exp(kVariation * stream_.normal()); }

  std::vector<PlannedTurn> session() {
    const SessionSample& like = model_.sessions[stream_.below(model_.sessions.size())];
    const auto pick = [&]() -> const FollowUpSample& { return like.follow_ups[stream_.below(like.follow_ups.size())]; };
    double time_s = start_s_;
    const auto first = std::max<std::int64_t>(1, std::llround(varied(static_cast<double>(like.first_prompt_tokens))));
    std::vector<PlannedTurn> turns = {
        {static_cast<std::int64_t>(time_s * 1000), std::nullopt, first, like.first_output_tokens, 0}};
    const auto count =
        like.follow_ups.empty() ? 0 : std::llround(varied(static_cast<double>(like.follow_ups.size() + 1))) - 1;
    for (std::int64_t i = 0; i < count; ++i) {
      PlannedTurn turn = follow_up(turns.back(), pick);
      const double wait_s = pick().wait_s;
      if (model_.closed_loop) {
        time_s += static_cast<double>(turns.back().output_tokens) / kOutputTokensPerS;
        turn.delay_ms = std::llround(wait_s * 1000);
      }
      time_s += wait_s;
      turn.time_ms = static_cast<std::int64_t>(time_s * 1000);
      turn.output_tokens = pick().output_tokens;
      turns.push_back(turn);
    }
    return turns;
  }

  // Draws again, a few times, what would make the prompt longer than any of the trace.
  template <class Pick>
  PlannedTurn follow_up(const PlannedTurn& before, Pick pick) {
    const std::int64_t block = model_.block_tokens;
    PlannedTurn turn;
    for (int attempt = 0; attempt < 8; ++attempt) {
      const FollowUpSample& s = pick();
      const double length = static_cast<double>(before.prompt_tokens);
      turn.kept_tokens = s.rewrites ? static_cast<std::int64_t>(s.kept_share * length) : before.prompt_tokens;
      turn.kept_tokens = turn.kept_tokens / block * block;
      turn.prompt_tokens = s.rewrites ? std::llround(s.prompt_ratio * length) : turn.kept_tokens + s.fresh_tokens;
      turn.prompt_tokens = std::max<std::int64_t>(1, turn.prompt_tokens);
      if (turn.prompt_tokens <= model_.max_prompt_tokens) return turn;
    }
    turn.prompt_tokens = before.prompt_tokens;
    turn.kept_tokens = before.prompt_tokens / block * block;
    return turn;
  }

  const SessionModel& model_;
  const LikeOptions& o_;
  RandomStream stream_, starts_;
  std::int64_t started_ = 0;
  double start_s_ = 0;
};

}  // namespace

SessionModel fit_sessions(const Workload& w) {
  SessionModel model;
  const std::vector<Time> at = recorded_timeline(w);
  model.block_tokens = w.block_tokens;
  model.shared_tokens = shared_head_tokens(w);
  model.sessions.resize(w.session_count);
  Time last_start{0};
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    const Turn& turn = w.turns[t];
    SessionSample& session = model.sessions[turn.session];
    model.max_prompt_tokens = std::max<std::int64_t>(model.max_prompt_tokens, turn.prompt_tokens);
    if (turn.continues == kNone) {
      session.first_prompt_tokens = turn.prompt_tokens;
      session.first_output_tokens = turn.output_tokens;
      if (turn.arrival.after == kNone) last_start = std::max(last_start, turn.arrival.time);
    } else {
      model.closed_loop = model.closed_loop || turn.arrival.after != kNone;
      session.follow_ups.push_back(sample_of(w, at, t));
    }
  }
  if (last_start > Time(0)) model.sessions_per_s = static_cast<double>(w.session_count) / seconds(last_start);
  return model;
}

std::int64_t synthesise_like(const SessionModel& model, const LikeOptions& options, std::ostream& out) {
  KVPLAN_ASSERT(!model.sessions.empty() && options.sessions_per_s > 0);
  LikeSource source(model, options);
  return write_sessions(out, source, {model.block_tokens, model.shared_tokens, true, options.requests});
}

}  // namespace kvplan
