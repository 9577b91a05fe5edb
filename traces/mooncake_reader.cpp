#include "traces/mooncake_reader.hpp"

#include <utility>

#include "traces/hashed_lines.hpp"

namespace kvplan {
namespace {

class MooncakeReader : public HashedLines {
 public:
  MooncakeReader(TextSource& in, const LoadOptions& options)
      : HashedLines(in, options, kPsPerMs, false, {{"session_id", false}, {"delay", false}},
                    "a row needs timestamp (ms), input_length, output_length and hash_ids") {
    rows_.format = "mooncake";
    rows_.block_tokens = options.block_tokens;
    rows_.prompts_continue = true;
  }

 private:
  enum OwnField : std::size_t { session_id = kOwn, delay };

  void read_own_field(std::size_t index, const JsonValue& value, TraceRow& row) override {
    if (index == session_id) {
      const std::string_view name = text(index, value);
      named_ = !name.empty();
      if (named_ && !options_.blocks) row.session = session_number(name);
    } else {
      row.delay = time(index, value, kPsPerMs);
    }
  }

  void end_row(TraceRow& row, std::uint32_t seen) override {
    const auto has = [&](std::size_t field) { return (seen >> field & 1) != 0; };
    const bool named = std::exchange(named_, false);
    if (!has(timestamp) && !(has(delay) && named)) {
      fail("", "\"timestamp\" is missing", "a row needs timestamp (ms), input_length, output_length and hash_ids");
    }
    if (has(delay) && !named) fail("", "\"delay\" without \"session_id\": the turn before is unknown");
    if (row_failed()) return;
    check_id_count(row);
    if (row.session == kNone || row_failed() || options_.blocks) return;
    if (row.session >= last_of_session_.size()) last_of_session_.resize(row.session + 1, kNone);
    row.parent = last_of_session_[row.session];
    if (row.delay) row.after = row.parent;
    last_of_session_[row.session] = static_cast<RowId>(rows_.rows.size());
  }

  void finish() override {
    HashedLines::finish();
    rows_.parents_recorded = rows_.parents_recorded || rows_.session_count > 0;
  }

  bool named_ = false;  // this row, by a session_id that is not empty
  std::vector<RowId> last_of_session_;
};

}  // namespace

TraceRows read_mooncake(TextSource& in, const LoadOptions& options) { return MooncakeReader(in, options).read(); }

}  // namespace kvplan
