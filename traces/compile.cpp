#include "traces/compile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "traces/follow_ups.hpp"
#include "traces/ticks.hpp"

namespace kvplan {
namespace {

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
    if (in_.parents_recorded) {
      link_recorded_parents();
    } else {
      infer_parents();
    }
    if (options_.closed_loop == ClosedLoop::inferred) await_parents();
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

  // Whether a row arrives a think time after another one's end, as the trace says.
  bool waits(const TraceRow& row) const {
    return row.delay && row.after != kNone && options_.closed_loop != ClosedLoop::open;
  }
  TurnId turn_of(RowId row) const { return row == kNone ? kNone : turn_of_row_[row]; }

  void estimate_arrivals();
  void check_order(RowId row, RowId before);
  void order_rows();
  void spread_and_cut();
  std::vector<RowId> rows_in_window(const std::vector<Time>& arrivals);
  void end_sessions_at_cap(std::vector<RowId>& kept);
  void place_turns(const std::vector<Time>& arrivals);
  void number_blocks();
  BlockId fresh_block(BlockId parent, std::int32_t tokens);
  void check_block(BlockId block, BlockId parent, std::int32_t tokens, TurnId turn);
  std::int64_t first_line_of(BlockId block) const;
  void link_recorded_parents();
  bool begins_like_parent(TurnId turn) const;
  void infer_parents();
  void await_parents();

  const TraceRows& in_;
  const LoadOptions& options_;
  TraceFindings findings_;
  const std::int32_t block_tokens_;
  std::vector<Time> estimate_;       // per row: recorded arrival, or the end of `after` plus the delay
  std::vector<RowId> order_;         // rows by recorded arrival
  std::vector<RowId> kept_;          // per turn: its row
  std::vector<TurnId> turn_of_row_;  // kNone for rows left out
  Workload workload_;
};

void Compiler::estimate_arrivals() {
  estimate_.resize(in_.rows.size());
  for (RowId r = 0; r < in_.rows.size(); ++r) {
    const TraceRow& row = in_.rows[r];
    KVPLAN_ASSERT((row.parent == kNone || row.parent < r) && (row.after == kNone || row.after < r));
    KVPLAN_ASSERT(row.join == kNone || (row.join < r && row.after != kNone && row.join != row.after));
    if (row.timestamp) {
      estimate_[r] = *row.timestamp;
    } else if (row.delay && row.after != kNone) {
      const Time end = estimate_[row.after];
      if (*row.delay > Time::max() - end) {
        findings_.add(row.line, 0, "the delays of this session add up beyond 106 days", "delay is in milliseconds");
      } else {
        estimate_[r] = end + *row.delay;
      }
    } else {
      findings_.add(row.line, 0, "the first turn of a session has no \"timestamp\"",
                    "only later turns may give a \"delay\" instead");
    }
    check_order(r, row.parent);
    if (row.after != row.parent) check_order(r, row.after);
  }
}

void Compiler::check_order(RowId row, RowId before) {
  if (before == kNone || estimate_[row] >= estimate_[before]) return;
  findings_.add(in_.rows[row].line, 0, "this turn arrives before its session's turn before it",
                "the rows of a session must stand in order of time");
}

// Stable: the order of the file decides among equal times.
void Compiler::order_rows() {
  order_.resize(in_.rows.size());
  std::iota(order_.begin(), order_.end(), 0u);
  std::int64_t backwards = 0, first_line = 0;
  Time latest{0};
  for (const TraceRow& row : in_.rows) {
    if (!row.timestamp || !in_.common_clock) continue;
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
  std::vector<RowId> open;  // rows that arrive at a time of their own
  std::vector<Time> times;
  for (const RowId r : order_) {
    if (waits(in_.rows[r])) continue;
    open.push_back(r);
    times.push_back(estimate_[r]);
  }
  workload_.recorded_tick = detect_tick(times);
  const Time tick = options_.tick.value_or(workload_.recorded_tick);
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

std::vector<RowId> Compiler::rows_in_window(const std::vector<Time>& arrivals) {
  std::vector<RowId> kept;
  for (const RowId r : order_) {
    if (arrivals[r] >= options_.window_start && arrivals[r] < options_.window_end) kept.push_back(r);
  }
  if (kept.empty()) {
    throw InputError({in_.path, 0, 0,
                      fmt::format("no turn arrives between {} s and {} s", seconds(options_.window_start),
                                  seconds(options_.window_end)),
                      fmt::format("the last arrives at {} s", seconds(arrivals[order_.back()]))});
  }
  note("turns outside the time window: left out", static_cast<std::int64_t>(order_.size() - kept.size()));
  if (options_.context_cap_tokens) end_sessions_at_cap(kept);
  if (options_.limit && *options_.limit < static_cast<std::int64_t>(kept.size())) {
    note("turns beyond the limit: left out", static_cast<std::int64_t>(kept.size()) - *options_.limit);
    kept.resize(static_cast<std::size_t>(*options_.limit));
  }
  return kept;
}

// Where the trace records no sessions, only the turns that exceed the cap go: their follow-ups are longer still.
void Compiler::end_sessions_at_cap(std::vector<RowId>& kept) {
  const std::int64_t cap = *options_.context_cap_tokens;
  const auto all = static_cast<double>(kept.size());
  std::vector<bool> ended(in_.session_count);
  std::int64_t exceed = 0, behind = 0;
  std::erase_if(kept, [&](RowId r) {
    const TraceRow& row = in_.rows[r];
    const bool too_long = std::int64_t{row.prompt_tokens} + row.output_tokens > cap;
    const bool over = row.session != kNone && ended[row.session];
    exceed += too_long;
    behind += over && !too_long;
    if (too_long && row.session != kNone) ended[row.session] = true;
    return too_long || over;
  });
  if (kept.empty()) {
    throw InputError({in_.path, 0, 0, fmt::format("every prompt and answer together exceed the cap of {} tokens", cap),
                      "raise trace.context_cap_tokens"});
  }
  note(fmt::format("turns whose prompt and answer exceed {} tokens ({:.1f} % of all): left out", cap,
                   100 * static_cast<double>(exceed) / all),
       exceed);
  note(fmt::format("turns behind them in their sessions, which end there ({:.1f} % of all): left out",
                   100 * static_cast<double>(behind) / all),
       behind);
}

void Compiler::place_turns(const std::vector<Time>& arrivals) {
  turn_of_row_.assign(in_.rows.size(), kNone);
  workload_.turns.resize(kept_.size());
  std::int64_t opened = 0;
  for (TurnId t = 0; t < kept_.size(); ++t) {
    const RowId r = kept_[t];
    const TraceRow& row = in_.rows[r];
    Turn& turn = workload_.turns[t];
    turn_of_row_[r] = t;
    turn.prompt_tokens = row.prompt_tokens;
    turn.output_tokens = row.output_tokens;
    turn.recorded_service = row.service;
    opened += row.delay && row.after != kNone && !waits(row);
    if (waits(row) && turn_of(row.after) != kNone) {
      turn.arrival = {*row.delay, turn_of(row.after), turn_of(row.join), Time(0)};
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
  note("recorded think times are not used: these turns arrive at their recorded times", opened);
  findings_.raise();
}

BlockId Compiler::fresh_block(BlockId parent, std::int32_t tokens) {
  workload_.parent_of_block.push_back(parent);
  workload_.tokens_of_block.push_back(tokens);
  return workload_.block_count() - 1;
}

std::int64_t Compiler::first_line_of(BlockId block) const {
  for (TurnId t = 0; t < workload_.turns.size(); ++t) {
    const auto blocks = workload_.blocks(workload_.turns[t]);
    if (std::find(blocks.begin(), blocks.end(), block) != blocks.end()) return row_of(t).line;
  }
  return 0;
}

void Compiler::check_block(BlockId block, BlockId parent, std::int32_t tokens, TurnId turn) {
  const std::int64_t line = row_of(turn).line;
  const auto own = std::span(workload_.prompt_blocks).subspan(workload_.turns[turn].first_block);
  const std::int64_t first_line = findings_.shows_more() ? first_line_of(block) : 0;
  const std::string help =
      "a hash must name its block and all blocks before it (a prefix hash), and belong to the whole trace";
  if (std::find(own.begin(), own.end(), block) != own.end()) {
    findings_.add(line, 0, "a hash id stands twice in this row", help);
  } else if (workload_.parent_of_block[block] != parent) {
    findings_.add(line, 0, fmt::format("a hash id stands after another prefix here than in line {}", first_line), help);
  } else if (workload_.tokens_of_block[block] != tokens) {
    findings_.add(line, 0,
                  fmt::format("a hash id covers {} tokens here, but {} in line {}", tokens,
                              workload_.tokens_of_block[block], first_line),
                  help);
  }
}

// From numbers in the order of the file to numbers in the order of arrival, without gaps.
void Compiler::number_blocks() {
  const auto has_bare_tail = [&](const TraceRow& row) {
    return row.prompt_tokens % block_tokens_ != 0 &&
           row.id_count == static_cast<std::uint32_t>(row.prompt_tokens / block_tokens_);
  };
  std::size_t count = 0, tails = 0;
  for (const RowId r : kept_) {
    count += in_.rows[r].id_count;
    tails += has_bare_tail(in_.rows[r]);
  }
  if (count + tails >= kNone) {
    throw InputError({in_.path, 0, 0, "the trace has more than 4 billion blocks", "limit the number of turns"});
  }
  std::vector<BlockId> blocks(in_.block_ids, kNone);
  workload_.prompt_blocks.reserve(count + tails);
  workload_.parent_of_block.reserve(in_.block_ids + tails);
  workload_.tokens_of_block.reserve(in_.block_ids + tails);
  for (TurnId t = 0; t < workload_.turns.size(); ++t) {
    Turn& turn = workload_.turns[t];
    turn.first_block = static_cast<std::uint32_t>(workload_.prompt_blocks.size());
    BlockId parent = kNone;
    std::int32_t left = turn.prompt_tokens;
    for (const std::uint32_t id : in_.ids_of(row_of(t))) {
      const std::int32_t tokens = std::min(left, block_tokens_);
      BlockId& block = blocks[id];
      if (block == kNone) {
        block = fresh_block(parent, tokens);
      } else if (workload_.parent_of_block[block] != parent || workload_.tokens_of_block[block] != tokens) {
        check_block(block, parent, tokens, t);
        break;  // what follows stands after a wrong prefix, too
      }
      workload_.prompt_blocks.push_back(block);
      parent = block;
      left -= tokens;
    }
    if (has_bare_tail(row_of(t)))
      workload_.prompt_blocks.push_back(fresh_block(parent, turn.prompt_tokens % block_tokens_));
    turn.block_count = static_cast<std::uint32_t>(workload_.prompt_blocks.size()) - turn.first_block;
  }
  note("prompts whose last, partial block has no hash: it counts as never shared", static_cast<std::int64_t>(tails));
}

// Some tools write only what a turn adds, and leave it to the client to send the
// history again: then most prompts do not begin like their parents'. Where few
// do not, the history was reset.
void Compiler::link_recorded_parents() {
  std::int64_t follow_ups = 0, resets = 0;
  TurnId first = kNone;
  for (TurnId t = 0; t < workload_.turns.size(); ++t) {
    workload_.turns[t].continues = turn_of(row_of(t).parent);
    if (workload_.turns[t].continues == kNone) continue;
    ++follow_ups;
    if (begins_like_parent(t) || resets++ > 0) continue;
    first = t;
  }
  if (in_.prompts_continue && 2 * resets > follow_ups) {
    findings_.add(row_of(first).line, 0,
                  fmt::format("the prompt of this turn does not begin like the turn before it in its session, in line "
                              "{}; so it is with {} of {} follow-ups",
                              row_of(workload_.turns[first].continues).line, resets, follow_ups),
                  "input_length and hash_ids must cover the whole prompt, history included; rows that hold only what a "
                  "turn adds cannot be read");
  }
  findings_.raise();
  note("turns whose prompt does not begin like the one before in their session: their history was reset", resets);
}

bool Compiler::begins_like_parent(TurnId turn) const {
  const Turn& child = workload_.turns[turn];
  const Turn& parent = workload_.turns[child.continues];
  if (full_blocks(parent) == 0) return child.prompt_tokens >= parent.prompt_tokens;
  return child.block_count > 0 && workload_.blocks(child)[0] == workload_.blocks(parent)[0];
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

void Compiler::await_parents() {
  std::int64_t waiting = 0;
  for (Turn& turn : workload_.turns) {
    if (turn.arrival.after != kNone || turn.continues == kNone) continue;
    turn.arrival = {Time(0), turn.continues, kNone, turn.arrival.time};
    ++waiting;
  }
  note("follow-ups that arrive at their recorded time, or when their parent's answer has ended if that is later",
       waiting);
}

}  // namespace

Workload compile_workload(const TraceRows& rows, const LoadOptions& options) { return Compiler(rows, options).run(); }

}  // namespace kvplan
