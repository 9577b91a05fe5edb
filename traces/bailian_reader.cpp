#include "traces/bailian_reader.hpp"

#include <fmt/format.h>

#include <unordered_map>

#include "traces/hashed_lines.hpp"

namespace kvplan {
namespace {

constexpr std::int32_t kBlockTokens = 16;

class BailianReader : public HashedLines {
 public:
  BailianReader(TextSource& in, const LoadOptions& options)
      : HashedLines(in, options, kPsPerS, true,
                    {{"chat_id", true}, {"parent_chat_id", true}, {"turn", false}, {"type", false}},
                    "a row needs chat_id, parent_chat_id, timestamp (s), input_length, output_length and hash_ids") {
    rows_.format = "bailian";
    rows_.block_tokens = kBlockTokens;
    rows_.parents_recorded = true;
  }

 private:
  enum OwnField : std::size_t { chat_id = kOwn, parent_chat_id, turn, type };

  void read_own_field(std::size_t index, const JsonValue& value, TraceRow&) override {
    switch (index) {
      case chat_id:
        chat_ = integer(index, value);
        break;
      case parent_chat_id:
        parent_ = integer(index, value);
        break;
      case turn:
        tokens(index, value);
        break;  // the parents tell it
      case type:
        text(index, value);
        break;
    }
  }

  void end_row(TraceRow& row, std::uint32_t) override {
    if (row_failed()) return;
    check_id_count(row);
    if (row_failed() || options_.blocks) return;
    const auto id = static_cast<RowId>(rows_.rows.size());
    const auto [entry, inserted] = row_of_chat_.emplace(chat_, id);
    if (!inserted) {
      fail("", fmt::format("\"chat_id\" {} stood in line {} already", chat_, rows_.rows[entry->second].line));
      return;
    }
    if (parent_ == -1) return;
    const auto parent = row_of_chat_.find(parent_);
    if (parent != row_of_chat_.end() && parent->second != id) {
      row.parent = parent->second;
    } else {
      unknown_.emplace_back(row.line, parent_);
    }
  }

  void finish() override {
    HashedLines::finish();
    std::int64_t missing = 0;
    for (const auto& [line, parent] : unknown_) {
      const auto later = row_of_chat_.find(parent);
      if (later == row_of_chat_.end()) {
        ++missing;
      } else {
        findings_.add(line, 0,
                      fmt::format("\"parent_chat_id\" {} stands in line {}, not before this line", parent,
                                  rows_.rows[later->second].line),
                      "a parent must stand before the chats that continue it");
      }
    }
    if (options_.strict && missing > 0) {
      findings_.add(0, 0, fmt::format("{} rows have a parent_chat_id that is not in the trace", missing),
                    "read without strict to let them begin sessions of their own");
    }
    rows_.note("chats whose parent is not in the trace: they begin sessions of their own", missing);
    if (!options_.blocks) number_trees();
  }

  void number_trees() {
    for (TraceRow& row : rows_.rows) {
      row.session = row.parent == kNone ? rows_.session_count++ : rows_.rows[row.parent].session;
    }
  }

  std::int64_t chat_ = 0, parent_ = -1;
  std::unordered_map<std::int64_t, RowId> row_of_chat_;
  std::vector<std::pair<std::int64_t, std::int64_t>> unknown_;  // line and parent that had not been seen by then
};

}  // namespace

TraceRows read_bailian(TextSource& in, const LoadOptions& options) { return BailianReader(in, options).read(); }

}  // namespace kvplan
