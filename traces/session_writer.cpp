#include "traces/session_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <queue>
#include <tuple>

#include "base/error.hpp"
#include "base/units.hpp"

namespace kvplan {
namespace {

struct Running {
  std::int64_t number;
  std::vector<PlannedTurn> turns;
  std::vector<std::int64_t> chain;  // ids of the full blocks of the prompt before, beyond the shared ones
};

struct Next {
  std::int64_t time_ms, number;
  std::size_t turn;
  std::shared_ptr<Running> session;
  bool operator>(const Next& o) const {
    return std::tie(time_ms, number, turn) > std::tie(o.time_ms, o.number, o.turn);
  }
};

class Writer {
 public:
  Writer(std::ostream& out, const SessionFormat& format) : out_(out), format_(format) {}

  std::int64_t run(SessionSource& source) {
    std::optional<std::vector<PlannedTurn>> coming = source.next();
    while (coming || !waiting_.empty()) {
      if (format_.max_turns > 0 && written_ == format_.max_turns) break;
      while (coming && (coming->empty() || waiting_.empty() || coming->front().time_ms <= waiting_.top().time_ms)) {
        if (!coming->empty()) start(std::move(*coming));
        coming = source.next();
      }
      if (!waiting_.empty()) write_next();
    }
    return written_;
  }

 private:
  void start(std::vector<PlannedTurn> turns) {
    const std::int64_t time_ms = turns.front().time_ms, number = started_++;
    waiting_.push({time_ms, number, 0, std::make_shared<Running>(Running{number, std::move(turns), {}})});
  }

  void write_next() {
    Next next = waiting_.top();
    waiting_.pop();
    if (static_cast<double>(next.time_ms) > kMostSeconds * 1e3) {
      throw UsageError(fmt::format("turn {} would arrive after more than {:.0f} days, which is longer than the clock",
                                   written_ + 1, kMostSeconds / 86400),
                       "let sessions start sooner, with --sessions-per-s, or think less");
    }
    const PlannedTurn& turn = next.session->turns[next.turn];
    line_.clear();
    line_ += '{';
    auto to = std::back_inserter(line_);
    if (turn.delay_ms) {
      fmt::format_to(to, R"("delay": {}, )", *turn.delay_ms);
    } else {
      fmt::format_to(to, R"("timestamp": {}, )", turn.time_ms);
    }
    if (format_.session_ids) fmt::format_to(to, R"("session_id": "{}", )", next.number);
    fmt::format_to(to, R"("input_length": {}, "output_length": {}, "hash_ids": [{}]}})", turn.prompt_tokens,
                   turn.output_tokens, fmt::join(blocks_of(turn, next.session->chain), ", "));
    line_ += '\n';
    out_.write(line_.data(), static_cast<std::streamsize>(line_.size()));
    ++written_;
    if (++next.turn == next.session->turns.size()) return;
    next.time_ms = next.session->turns[next.turn].time_ms;
    waiting_.push(std::move(next));
  }

  // A full block belongs to its session (or to what all share) and position until a prompt
  // leaves it out; a partial one ends where its prompt ends, so it is never seen again.
  std::vector<std::int64_t> blocks_of(const PlannedTurn& turn, std::vector<std::int64_t>& chain) {
    std::vector<std::int64_t> ids;
    const auto blocks = [&](std::int64_t tokens) { return static_cast<std::size_t>(tokens / format_.block_tokens); };
    const std::size_t shared = blocks(format_.shared_tokens), full = blocks(turn.prompt_tokens);
    const std::size_t kept = blocks(turn.kept_tokens);
    chain.resize(std::min({chain.size(), kept > shared ? kept - shared : 0, full > shared ? full - shared : 0}));
    for (std::size_t i = 0; i < full; ++i) {
      std::vector<std::int64_t>& names = i < shared ? of_all_ : chain;
      const std::size_t position = i < shared ? i : i - shared;
      if (names.size() <= position) names.push_back(fresh_++);
      ids.push_back(names[position]);
    }
    if (turn.prompt_tokens % format_.block_tokens > 0) ids.push_back(fresh_++);
    return ids;
  }

  std::ostream& out_;
  const SessionFormat& format_;
  std::priority_queue<Next, std::vector<Next>, std::greater<>> waiting_;
  std::vector<std::int64_t> of_all_;
  std::int64_t fresh_ = 0, started_ = 0, written_ = 0;
  std::string line_;
};

}  // namespace

std::int64_t write_sessions(std::ostream& out, SessionSource& source, const SessionFormat& format) {
  return Writer(out, format).run(source);
}

}  // namespace kvplan
