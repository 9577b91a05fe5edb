#include "traces/session_model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.hpp"
#include "base/random.hpp"
#include "traces/dealer.hpp"
#include "traces/dialogues.hpp"
#include "traces/rearrange.hpp"

namespace kvplan {
namespace {

constexpr double kOutputTokensPerS = 40;  // places closed-loop turns in the file; nothing else depends on it
constexpr double kVariation = 0.05;       // sigma of the logarithm

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

// 0 to n - 1, none further than `reach` from its place.
std::vector<std::size_t> near_order(std::size_t n, double reach, RandomStream& stream) {
  std::vector<std::pair<double, std::size_t>> keys(n);
  for (std::size_t i = 0; i < n; ++i) keys[i] = {static_cast<double>(i) + reach * stream.unit(), i};
  std::sort(keys.begin(), keys.end());
  std::vector<std::size_t> order(n);
  std::transform(keys.begin(), keys.end(), order.begin(), [](const auto& key) { return key.second; });
  return order;
}

// The follow-ups of a dialogue for a session of `count` of them: stretched or cut evenly, in an order near theirs.
class NearFollowUps {
 public:
  NearFollowUps(const DialogueSample& like, std::int64_t count, RandomStream& stream)
      : like_(like), count_(static_cast<std::size_t>(count)), order_(near_order(like.follow_ups.size(), kReach, stream)) {}

  const FollowUpSample& at(std::int64_t i) const {
    return like_.follow_ups[order_[static_cast<std::size_t>(i) * order_.size() / count_]];
  }

 private:
  static constexpr double kReach = 8;
  const DialogueSample& like_;
  std::size_t count_;
  std::vector<std::size_t> order_;
};

class LikeSource final : public SessionSource {
 public:
  LikeSource(const SessionModel& model, const LikeOptions& o)
      : model_(model),
        o_(o),
        stream_(o.seed, "sessions like a trace"),
        starts_(o.seed, "session starts"),
        dealer_(model.dialogues.size(), o.seed, "dialogues of a trace") {}

  std::optional<std::vector<PlannedTurn>> next() override {
    const auto wanted = o_.sessions > 0 ? o_.sessions : static_cast<std::int64_t>(model_.dialogues.size());
    if (o_.requests == 0 && started_ == wanted) return std::nullopt;
    // One of nearly as many turns for each dialogue, and each for one: every answer and think time comes once a round.
    constexpr double kAside = 4;
    if (started_ % static_cast<std::int64_t>(model_.dialogues.size()) == 0) {
      partners_ = near_order(model_.dialogues.size(), kAside, stream_);
    }
    ++started_;
    start_s_ += starts_.exponential(1 / o_.sessions_per_s);
    return session(dealer_.deal());
  }

 private:
  double varied(double value) { return value * std::exp(kVariation * stream_.normal()); }
  std::int64_t varied_tokens(std::int64_t tokens) {
    return std::max<std::int64_t>(1, std::llround(varied(static_cast<double>(tokens))));
  }

  std::vector<PlannedTurn> session(std::size_t dealt) {
    const DialogueSample& like = model_.dialogues[dealt];
    const DialogueSample& other = model_.dialogues[partners_[dealt]];
    double time_s = start_s_;
    std::vector<PlannedTurn> turns = {{static_cast<std::int64_t>(time_s * 1000), std::nullopt,
                                       varied_tokens(like.first_prompt_tokens),
                                       varied_tokens(other.first_output_tokens), 0}};
    if (like.follow_ups.empty()) return turns;
    const std::int64_t count = varied_tokens(static_cast<std::int64_t>(like.follow_ups.size()) + 1) - 1;
    const NearFollowUps growth(like, count, stream_);
    const NearFollowUps answers(other.follow_ups.empty() ? like : other, count, stream_);
    for (std::int64_t i = 0; i < count; ++i) {
      PlannedTurn turn = follow_up(turns.back(), growth.at(i));
      const double wait_s = varied(answers.at(i).wait_s);
      if (model_.closed_loop) {
        time_s += static_cast<double>(turns.back().output_tokens) / kOutputTokensPerS;
        turn.delay_ms = std::llround(wait_s * 1000);
      }
      time_s += wait_s;
      turn.time_ms = static_cast<std::int64_t>(time_s * 1000);
      turn.output_tokens = varied_tokens(answers.at(i).output_tokens);
      turns.push_back(turn);
    }
    return turns;
  }

  PlannedTurn follow_up(const PlannedTurn& before, const FollowUpSample& s) {
    const std::int64_t block = model_.block_tokens;
    const double length = static_cast<double>(before.prompt_tokens);
    PlannedTurn turn;
    turn.kept_tokens = s.rewrites ? static_cast<std::int64_t>(s.kept_share * length) : before.prompt_tokens;
    turn.kept_tokens = turn.kept_tokens / block * block;
    turn.prompt_tokens =
        s.rewrites ? std::llround(s.prompt_ratio * length) : turn.kept_tokens + varied_tokens(s.fresh_tokens);
    turn.prompt_tokens = std::max<std::int64_t>(1, turn.prompt_tokens);
    if (turn.prompt_tokens > model_.max_prompt_tokens) {  // longer than any of the trace
      turn.prompt_tokens = before.prompt_tokens;
      turn.kept_tokens = before.prompt_tokens / block * block;
    }
    return turn;
  }

  const SessionModel& model_;
  const LikeOptions& o_;
  RandomStream stream_, starts_;
  Dealer dealer_;
  std::vector<std::size_t> partners_;  // by dialogue: the one that gives answers and think times
  std::int64_t started_ = 0;
  double start_s_ = 0;
};

}  // namespace

SessionModel fit_sessions(const Workload& w) {
  SessionModel model;
  const std::vector<Time> at = recorded_timeline(w);
  model.block_tokens = w.block_tokens;
  model.shared_tokens = shared_head_tokens(w);
  const Dialogues dialogues = dialogues_of(w);
  model.dialogues.resize(dialogues.count);
  Time last_start{0};
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    const Turn& turn = w.turns[t];
    DialogueSample& dialogue = model.dialogues[dialogues.of_turn[t]];
    model.max_prompt_tokens = std::max<std::int64_t>(model.max_prompt_tokens, turn.prompt_tokens);
    if (dialogues.begins[t]) {
      dialogue.first_prompt_tokens = turn.prompt_tokens;
      dialogue.first_output_tokens = turn.output_tokens;
      if (turn.arrival.after == kNone) last_start = std::max(last_start, turn.arrival.time);
    } else {
      model.closed_loop = model.closed_loop || turn.arrival.after != kNone;
      dialogue.follow_ups.push_back(sample_of(w, at, t));
    }
  }
  if (last_start > Time(0)) model.sessions_per_s = static_cast<double>(dialogues.count) / seconds(last_start);
  std::stable_sort(model.dialogues.begin(), model.dialogues.end(), [](const DialogueSample& a, const DialogueSample& b) {
    return a.follow_ups.size() < b.follow_ups.size();
  });
  return model;
}

std::int64_t synthesise_like(const SessionModel& model, const LikeOptions& options, std::ostream& out) {
  KVPLAN_ASSERT(!model.dialogues.empty() && options.sessions_per_s > 0);
  LikeSource source(model, options);
  return write_sessions(out, source, {model.block_tokens, model.shared_tokens, true, options.requests});
}

}  // namespace kvplan
