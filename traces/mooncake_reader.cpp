#include "traces/mooncake_reader.hpp"

#include "traces/json_lines.hpp"

namespace kvplan {
namespace {

class MooncakeReader : public JsonLines {
 public:
  MooncakeReader(TextSource& in, const LoadOptions& options)
      : JsonLines(in, options,
                  {{"timestamp", false},
                   {"input_length", true},
                   {"output_length", true},
                   {"hash_ids", true},
                   {"session_id", false},
                   {"delay", false}},
                  "a row needs timestamp (ms), input_length, output_length and hash_ids") {
    rows_.format = "mooncake";
    rows_.block_tokens = options.block_tokens;
    rows_.prompts_continue = true;
  }

 private:
  enum Field : std::size_t { timestamp, input_length, output_length, hash_ids, session_id, delay };

  void read_field(std::size_t index, simdjson::ondemand::value value, TraceRow& row) override {
    switch (index) {
      case timestamp:
        row.timestamp = time(index, value, kPsPerMs);
        break;
      case input_length:
        row.prompt_tokens = tokens(index, value);
        break;
      case output_length:
        row.output_tokens = tokens(index, value);
        break;
      case hash_ids:
        hashes(index, value, row, numbers_);
        break;
      case session_id:
        row.session = session_number(text(index, value));
        break;
      case delay:
        row.delay = time(index, value, kPsPerMs);
        break;
    }
  }

  void end_row(TraceRow& row, std::uint32_t seen) override {
    const auto has = [&](Field f) { return (seen >> f & 1) != 0; };
    if (!has(timestamp) && !(has(delay) && has(session_id))) {
      fail("", "\"timestamp\" is missing", "a row needs timestamp (ms), input_length, output_length and hash_ids");
    }
    if (has(delay) && !has(session_id)) fail("", "\"delay\" without \"session_id\": the turn before is unknown");
    if (row_failed()) return;
    check_id_count(row, "hash_ids", "input_length");
    if (row.session == kNone || row_failed()) return;
    if (row.session >= last_of_session_.size()) last_of_session_.resize(row.session + 1, kNone);
    row.parent = last_of_session_[row.session];
    if (row.delay) row.after = row.parent;
    last_of_session_[row.session] = static_cast<RowId>(rows_.rows.size());
  }

  void finish() override {
    rows_.block_ids = static_cast<std::uint32_t>(numbers_.size());
    rows_.parents_recorded = rows_.session_count > 0;
  }

  BlockNumbers numbers_;
  std::vector<RowId> last_of_session_;
};

}  // namespace

TraceRows read_mooncake(TextSource& in, const LoadOptions& options) { return MooncakeReader(in, options).read(); }

}  // namespace kvplan
