#include "traces/mooncake_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

namespace kvplan {
namespace {

// Milliseconds, without digits that say nothing.
std::string milliseconds(Time t) {
  const std::int64_t whole = t.count / kPsPerMs, rest = t.count % kPsPerMs;
  if (rest == 0) return fmt::format("{}", whole);
  std::string text = fmt::format("{}.{:09}", whole, rest);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

class MooncakeWriter {
 public:
  MooncakeWriter(const TraceRows& rows, std::ostream& out) : in_(rows), out_(out) {}

  std::vector<WorkloadNote> write() {
    chain_.resize(in_.rows.size(), kNone);
    const std::vector<RowId> order = in_order_of_time();
    find_successors(order);
    for (const RowId r : order) {
      find_chain(r);
      write_row(r);
    }
    const auto lost = [&](const char* what, std::int64_t rows) {
      if (rows > 0) lost_.push_back({what, rows});
    };
    lost("sub-agents and branches that no longer start with the turn that they follow, but at their recorded time",
         branches_);
    lost("turns that no longer await the end of a sub-agent", joins_);
    lost("recorded service times", services_);
    lost("parents other than the turn before in the session", parents_);
    if (in_.parents_recorded && in_.session_count > 0) {
      lost("names of sessions: they are numbered", in_.session_count);
    }
    return std::move(lost_);
  }

 private:
  // Sessions whose rows stand one session after another are merged; each keeps its own order.
  std::vector<RowId> in_order_of_time() const {
    std::vector<RowId> order(in_.rows.size());
    std::iota(order.begin(), order.end(), RowId{0});
    const auto& rows = in_.rows;
    if (std::any_of(rows.begin(), rows.end(), [](const TraceRow& row) { return !row.timestamp; })) return order;
    std::stable_sort(order.begin(), order.end(),
                     [&](RowId a, RowId b) { return *rows[a].timestamp < *rows[b].timestamp; });
    return order;
  }

  RowId before(RowId r) const { return in_.rows[r].after != kNone ? in_.rows[r].after : in_.rows[r].parent; }

  bool begins_like(RowId a, RowId b) const {
    const auto x = in_.ids_of(in_.rows[a]), y = in_.ids_of(in_.rows[b]);
    return !x.empty() && !y.empty() && x[0] == y[0];
  }

  // Of the rows behind one, the first that begins like it goes on with its session; a sub-agent does not.
  // Where none does, the history was reset, and the last one goes on.
  void find_successors(const std::vector<RowId>& order) {
    successor_.assign(in_.rows.size(), kNone);
    for (const RowId r : order) {
      if (before(r) == kNone) continue;
      RowId& next = successor_[before(r)];
      if (next == kNone || !begins_like(next, before(r))) next = r;
    }
  }

  void find_chain(RowId r) {
    const RowId b = before(r);
    follows_ = b != kNone && chain_[b] != kNone && successor_[b] == r;
    if (follows_) {
      chain_[r] = chain_[b];
      parents_ += in_.rows[r].parent != b;
    } else if (in_.parents_recorded && in_.rows[r].session != kNone) {
      branches_ += b != kNone;
      chain_[r] = chains_++;
    }
  }

  void write_row(RowId r) {
    const TraceRow& row = in_.rows[r];
    joins_ += row.join != kNone;
    services_ += row.service > Time(0);
    text_.clear();
    auto to = std::back_inserter(text_);
    fmt::format_to(to, "{{");
    if (chain_[r] != kNone) fmt::format_to(to, "\"session_id\": \"{}\", ", chain_[r]);
    if (row.timestamp) fmt::format_to(to, "\"timestamp\": {}, ", milliseconds(*row.timestamp));
    if (row.delay && follows_) fmt::format_to(to, "\"delay\": {}, ", milliseconds(*row.delay));
    fmt::format_to(to, "\"input_length\": {}, \"output_length\": {}, \"hash_ids\": [{}]}}\n", row.prompt_tokens,
                   row.output_tokens, fmt::join(in_.ids_of(row), ", "));
    out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
  }

  const TraceRows& in_;
  std::ostream& out_;
  fmt::memory_buffer text_;
  std::vector<std::uint32_t> chain_;  // per row
  std::uint32_t chains_ = 0;
  std::vector<RowId> successor_;  // per row: the row that continues its chain
  bool follows_ = false;
  std::vector<WorkloadNote> lost_;
  std::int64_t branches_ = 0, joins_ = 0, services_ = 0, parents_ = 0;
};

}  // namespace

std::vector<WorkloadNote> write_mooncake(const TraceRows& rows, std::ostream& out) {
  return MooncakeWriter(rows, out).write();
}

}  // namespace kvplan
