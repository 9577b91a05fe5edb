#include "traces/compile.hpp"

#include <fmt/format.h>
#include <tsl/robin_map.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "traces/follow_ups.hpp"
#include "traces/ticks.hpp"

namespace kvplan {
namespace {

// Ids that count up stay neighbours in the table, which the cache likes; ids that are hashes are spread already.
struct FoldedHash {
  std::size_t operator()(std::uint64_t id) const { return static_cast<std::size_t>(id ^ (id >> 32)); }
};

std::string file_name(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

class Compiler {
 public:
  Compiler(const TraceRows& rows, const LoadOptions& options)
      : in_(rows), options_(options), findings_(rows.path), block_tokens_(rows.block_tokens) {}

  Workload run() {
    KVPLAN_ASSERT(options_.rate_scale > 0 && block_tokens_ > 0 && (!options_.limit || *options_.limit > 0));
    workload_.name = file_name(in_.path);
    workload_.format = in_.format;
    workload_.sha256 = in_.sha256;
    workload_.block_tokens = block_tokens_;
    workload_.notes = in_.notes;
    estimate_arrivals();
    findings_.raise();
    order_rows();
    spread_and_cut();
    number_blocks();
    findings_.raise();
    if (in_.session_count > 0) {
      link_recorded_sessions();
    } else {
      infer_parents();
    }
    attach_outputs(workload_);
    number_sessions(workload_);
    return std::move(workload_);
  }

 private:
  const TraceRow& row_of(TurnId turn) const { return in_.rows[kept_[turn]]; }
  std::int32_t full_blocks(const Turn& turn) const { return turn.prompt_tokens / block_tokens_; }

  void note(std::string what, std::int64_t rows) {
    if (rows > 0) workload_.notes.push_back({std::move(what), rows});
  }

  void estimate_arrivals();
  void order_rows();
  void spread_and_cut();
  std::vector<std::uint32_t> rows_in_window(const std::vector<Time>& arrivals);
  void place_turns(const std::vector<Time>& arrivals);
  void number_blocks();
  void check_block(BlockId block, BlockId parent, std::int32_t tokens, TurnId turn);
  void link_recorded_sessions();
  void check_whole_prompt(TurnId turn);
  void infer_parents();

  const TraceRows& in_;
  const LoadOptions& options_;
  TraceFindings findings_;
  const std::int32_t block_tokens_;
  std::vector<Time> estimate_;             // per row: recorded arrival, or the turn before plus the delay
  std::vector<std::uint32_t> row_before_;  // per row: the session's row before, or kNone
  std::vector<std::uint32_t> order_;       // rows by recorded arrival
  std::vector<std::uint32_t> kept_;        // per turn: its row
  std::vector<TurnId> first_turn_of_block_;
  Workload workload_;
};

void Compiler::estimate_arrivals() {
  std::vector<std::uint32_t> last(in_.session_count, kNone);
  estimate_.resize(in_.rows.size());
  row_before_.assign(in_.rows.size(), kNone);
  for (std::uint32_t r = 0; r < in_.rows.size(); ++r) {
    const TraceRow& row = in_.rows[r];
    const std::uint32_t before = row.session == kNone ? kNone : std::exchange(last[row.session], r);
    row_before_[r] = before;
    if (before != kNone && row.delay) {
      if (*row.delay > Time::max() - estimate_[before]) {
        findings_.add(row.line, 0, "the delays of this session add up beyond 106 days", "delay is in milliseconds");
      } else {
        estimate_[r] = estimate_[before] + *row.delay;
      }
    } else if (row.timestamp) {
      estimate_[r] = *row.timestamp;
      if (before != kNone && estimate_[r] < estimate_[before]) {
        findings_.add(row.line, 0, "this turn arrives before its session's turn before it",
                      "the rows of a session must stand in order of time");
      }
    } else {
      findings_.add(row.line, 0, "the first turn of a session has no \"timestamp\"",
                    "only later turns may give a \"delay\" instead");
    }
  }
}

// Stable: the order of the file decides among equal times.
void Compiler::order_rows() {
  order_.resize(in_.rows.size());
  std::iota(order_.begin(), order_.end(), 0u);
  std::int64_t backwards = 0, first_line = 0;
  Time latest{0};
  for (const TraceRow& row : in_.rows) {
    if (!row.timestamp) continue;
    if (*row.timestamp < latest && ++backwards == 1) first_line = row.line;
    latest = std::max(latest, *row.timestamp);
  }
  if (backwards > 0 && options_.strict) {
    findings_.add(first_line, 0, fmt::format("time goes backwards here, and in {} rows in all", backwards),
                  "sort the rows by timestamp, or read without strict");
    findings_.raise();
  }
  note("rows whose timestamp lies before an earlier row's: sorted by time", backwards);
  const auto earlier = [&](std::uint32_t a, std::uint32_t b) { return estimate_[a] < estimate_[b]; };
  if (!std::is_sorted(order_.begin(), order_.end(), earlier)) std::stable_sort(order_.begin(), order_.end(), earlier);
}

// Spreads before it cuts, so that a cut trace arrives as the whole one does.
void Compiler::spread_and_cut() {
  std::vector<std::uint32_t> open;  // rows that arrive at a time of their own
  std::vector<Time> times;
  for (const std::uint32_t r : order_) {
    if (row_before_[r] != kNone && in_.rows[r].delay) continue;
    open.push_back(r);
    times.push_back(estimate_[r]);
  }
  const Time tick = options_.tick ? *options_.tick : detect_tick(times);
  std::vector<Time> arrivals = estimate_;
  if (tick > Time(0)) {
    const std::vector<Time> spread = spread_inside_ticks(times, tick, options_.seed);
    for (std::size_t i = 0; i < open.size(); ++i) arrivals[open[i]] = spread[i];
    note(fmt::format("arrivals recorded in ticks of {} ms: spread uniformly inside them, in file order, seed {}",
                     static_cast<double>(tick.count) / kPsPerMs, options_.seed),
         static_cast<std::int64_t>(open.size()));
  }
  kept_ = rows_in_window(arrivals);
  place_turns(arrivals);
}

std::vector<std::uint32_t> Compiler::rows_in_window(const std::vector<Time>& arrivals) {
  std::vector<std::uint32_t> kept;
  for (const std::uint32_t r : order_) {
    if (arrivals[r] >= options_.window_start && arrivals[r] < options_.window_end) kept.push_back(r);
  }
  if (kept.empty()) {
    throw InputError({in_.path, 0, 0,
                      fmt::format("no turn arrives between {} s and {} s", seconds(options_.window_start),
                                  seconds(options_.window_end)),
                      fmt::format("the last arrives at {} s", seconds(arrivals[order_.back()]))});
  }
  note("turns outside the time window: left out", static_cast<std::int64_t>(order_.size() - kept.size()));
  if (options_.limit && *options_.limit < static_cast<std::int64_t>(kept.size())) {
    note("turns beyond the limit: left out", static_cast<std::int64_t>(kept.size()) - *options_.limit);
    kept.resize(static_cast<std::size_t>(*options_.limit));
  }
  return kept;
}

void Compiler::place_turns(const std::vector<Time>& arrivals) {
  std::vector<TurnId> turn_of_row(in_.rows.size(), kNone);
  workload_.turns.resize(kept_.size());
  for (TurnId t = 0; t < kept_.size(); ++t) {
    const std::uint32_t r = kept_[t];
    const TraceRow& row = in_.rows[r];
    Turn& turn = workload_.turns[t];
    turn_of_row[r] = t;
    turn.prompt_tokens = row.prompt_tokens;
    turn.output_tokens = row.output_tokens;
    turn.recorded_service = row.service;
    const TurnId before = row_before_[r] == kNone ? kNone : turn_of_row[row_before_[r]];
    if (row.delay && before != kNone) {
      turn.arrival = {*row.delay, before};
      continue;
    }
    const double scaled = static_cast<double>((arrivals[r] - options_.window_start).count) / options_.rate_scale;
    if (!(scaled < 0x1p63)) {
      findings_.add(row.line, 0,
                    fmt::format("at {} times the rate this turn arrives after more than 106 days", options_.rate_scale),
                    "raise the rate, or limit the number of turns");
      continue;
    }
    turn.arrival = {options_.rate_scale == 1 ? arrivals[r] - options_.window_start
                                             : Time(static_cast<std::int64_t>(std::round(scaled)))};
  }
  findings_.raise();
}

void Compiler::check_block(BlockId block, BlockId parent, std::int32_t tokens, TurnId turn) {
  const std::int64_t line = row_of(turn).line, first_line = row_of(first_turn_of_block_[block]).line;
  const std::string help =
      "a hash must name its block and all blocks before it (a prefix hash), and belong to the whole trace";
  if (workload_.parent_of_block[block] != parent) {
    findings_.add(line, 0, fmt::format("a hash id stands after another prefix here than in line {}", first_line), help);
  } else if (workload_.tokens_of_block[block] != tokens) {
    findings_.add(line, 0,
                  fmt::format("a hash id covers {} tokens here, but {} in line {}", tokens,
                              workload_.tokens_of_block[block], first_line),
                  help);
  }
}

void Compiler::number_blocks() {
  tsl::robin_map<std::uint64_t, BlockId, FoldedHash> ids;
  ids.reserve(in_.hashes.size());
  workload_.prompt_blocks.reserve(in_.hashes.size() + kept_.size());
  if (in_.hashes.size() + kept_.size() >= kNone) {
    throw InputError({in_.path, 0, 0, "the trace has more than 4 billion blocks", "limit the number of turns"});
  }
  const auto fresh_block = [&](BlockId parent, std::int32_t tokens, TurnId turn) {
    workload_.parent_of_block.push_back(parent);
    workload_.tokens_of_block.push_back(tokens);
    first_turn_of_block_.push_back(turn);
    return static_cast<BlockId>(workload_.tokens_of_block.size() - 1);
  };
  std::int64_t tails = 0;
  for (TurnId t = 0; t < workload_.turns.size(); ++t) {
    Turn& turn = workload_.turns[t];
    turn.first_block = static_cast<std::uint32_t>(workload_.prompt_blocks.size());
    BlockId parent = kNone;
    std::int32_t left = turn.prompt_tokens;
    for (const std::uint64_t hash : in_.hashes_of(row_of(t))) {
      const std::int32_t tokens = std::min(left, block_tokens_);
      const auto [entry, inserted] = ids.try_emplace(hash, workload_.block_count());
      const BlockId block = entry->second;
      if (inserted) {
        fresh_block(parent, tokens, t);
      } else if (workload_.parent_of_block[block] != parent || workload_.tokens_of_block[block] != tokens) {
        check_block(block, parent, tokens, t);
        break;  // what follows stands after a wrong prefix, too
      }
      workload_.prompt_blocks.push_back(block);
      parent = block;
      left -= tokens;
    }
    if (left > 0 && left < block_tokens_ && row_of(t).hash_count == static_cast<std::uint32_t>(full_blocks(turn))) {
      workload_.prompt_blocks.push_back(fresh_block(parent, left, t));
      ++tails;
    }
    turn.block_count = static_cast<std::uint32_t>(workload_.prompt_blocks.size()) - turn.first_block;
  }
  note("prompts whose last, partial block has no hash: it counts as never shared", tails);
}

void Compiler::link_recorded_sessions() {
  std::vector<TurnId> last(in_.session_count, kNone);
  for (TurnId t = 0; t < workload_.turns.size(); ++t) {
    const std::uint32_t session = row_of(t).session;
    if (session == kNone) continue;
    workload_.turns[t].continues = std::exchange(last[session], t);
    if (workload_.turns[t].continues != kNone) check_whole_prompt(t);
  }
  findings_.raise();
}

// Some tools write only what a turn adds, and leave it to the client to send the history again.
void Compiler::check_whole_prompt(TurnId turn) {
  const Turn& child = workload_.turns[turn];
  const Turn& parent = workload_.turns[child.continues];
  const bool whole = full_blocks(parent) == 0
                         ? child.prompt_tokens >= parent.prompt_tokens
                         : child.block_count > 0 && workload_.blocks(child)[0] == workload_.blocks(parent)[0];
  if (whole) return;
  findings_.add(row_of(turn).line, 0,
                fmt::format("the prompt of this turn does not begin like the turn before it in its session, in line {}",
                            row_of(child.continues).line),
                "input_length and hash_ids must cover the whole prompt, history included; rows that hold only what a "
                "turn adds cannot be read");
}

// As ids name prefixes, a turn is found by the last full block of its prompt alone:
// the deepest such block in a later prompt gives the longest prompt that it contains.
void Compiler::infer_parents() {
  constexpr std::size_t kLeastBlocks = 2;  // one block may be a system prompt that all share
  std::vector<TurnId> last_ending_in(workload_.block_count(), kNone);
  for (TurnId t = 0; t < workload_.turns.size(); ++t) {
    Turn& turn = workload_.turns[t];
    const auto blocks = workload_.blocks(turn).first(static_cast<std::size_t>(full_blocks(turn)));
    for (std::size_t i = blocks.size(); i >= kLeastBlocks && turn.continues == kNone; --i) {
      turn.continues = last_ending_in[blocks[i - 1]];
    }
    if (blocks.size() >= kLeastBlocks) last_ending_in[blocks.back()] = t;
  }
}

}  // namespace

Workload compile_workload(const TraceRows& rows, const LoadOptions& options) { return Compiler(rows, options).run(); }

}  // namespace kvplan
