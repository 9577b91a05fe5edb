#include "traces/openai_log_reader.hpp"

#include <fmt/format.h>

#include <array>

#include "traces/date_base.hpp"
#include "traces/grown_prompts.hpp"
#include "traces/json_lines.hpp"

namespace kvplan {
namespace {

class OpenAiLogReader : public JsonLines {
 public:
  OpenAiLogReader(TextSource& in, const LoadOptions& options)
      : JsonLines(in, options,
                  {{"usage", false},
                   {"prompt_tokens", false},
                   {"completion_tokens", false},
                   {"timestamp", false},
                   {"created", false},
                   {"created_at", false},
                   {"session_id", false},
                   {"conversation_id", false},
                   {"user", false},
                   {"duration_s", false}},
                  "") {
    rows_.format = "openai-log";
    rows_.block_tokens = options.block_tokens;
    rows_.parents_recorded = true;
  }

 private:
  enum Field : std::size_t {
    usage,
    prompt_tokens,
    completion_tokens,
    timestamp,
    created,
    created_at,
    session_id,
    conversation_id,
    user,
    duration
  };

  void read_field(std::size_t index, const JsonValue& value, TraceRow& row) override {
    switch (index) {
      case usage:
        read_usage(value, row);
        break;
      case prompt_tokens:
        row.prompt_tokens = tokens(index, value), has_prompt_ = true;
        break;
      case completion_tokens:
        row.output_tokens = tokens(index, value), has_output_ = true;
        break;
      case timestamp:
      case created:
      case created_at:
        instant_ns_ = instant(index, value);
        break;
      case session_id:
      case conversation_id:
      case user:
        keys_[index - session_id] = key(index, value);
        break;
      case duration:
        row.service = time(index, value, kPsPerS);
        break;
    }
  }

  void read_usage(const JsonValue& value, TraceRow& row) {
    if (!value.token.starts_with('{') || value.parsed == nullptr) {
      return fail(value.token, fmt::format("\"usage\" is {}, expected an object", shortened(value.token)));
    }
    for (auto field : value.parsed->get_object()) {
      const std::string_view name = field.unescaped_key();
      simdjson::ondemand::value inner = field.value();
      const JsonValue item{trimmed(inner.raw_json_token()), &inner};
      if (name == "prompt_tokens") row.prompt_tokens = tokens(prompt_tokens, item), has_prompt_ = true;
      if (name == "completion_tokens") row.output_tokens = tokens(completion_tokens, item), has_output_ = true;
    }
  }

  // A number of seconds, or a date: ns since 1970 or since the start.
  std::int64_t instant(std::size_t index, const JsonValue& value) {
    const std::string_view token = value.token;
    std::optional<std::int64_t> ns;
    double s = 0;
    if (!token.empty() && token.front() == '"') {
      ns = parse_date_ns(text(index, value));
    } else if (std::int64_t whole = 0; parse_whole(token, whole) && whole >= 0 && whole <= 9'000'000'000) {
      ns = whole * 1'000'000'000;
    } else if (parse_whole(token, s) && s >= 0 && s <= 9e9) {
      ns = static_cast<std::int64_t>(s * 1e6 + 0.5) * 1000;
    }
    if (ns) return *ns;
    fail(token,
         fmt::format("\"{}\" is {}, expected seconds from 0 to 9000000000, or a date and time", fields_[index].name,
                     shortened(token)),
         "as in 1700000000.25 or \"2023-11-16T18:15:46Z\"");
    return 0;
  }

  // Strings and numbers name a session; null and an empty string do not.
  std::string key(std::size_t index, const JsonValue& value) {
    const std::string_view token = value.token;
    if (token.starts_with('[') || token.starts_with('{')) {
      fail(token, fmt::format("\"{}\" is {}, expected a string or a number", fields_[index].name, shortened(token)));
    }
    return token == "null" || token == "\"\"" ? "" : std::string(token);
  }

  void end_row(TraceRow& row, std::uint32_t seen) override {
    const auto has = [&](Field f) { return (seen >> f & 1) != 0; };
    const char* needs = "a row needs prompt_tokens and completion_tokens, itself or in \"usage\", and a time";
    if (!has_prompt_) fail("", "\"prompt_tokens\" is missing", needs);
    if (!has_output_) fail("", "\"completion_tokens\" is missing", needs);
    if (!has(timestamp) && !has(created) && !has(created_at)) {
      fail("", "there is no time: neither \"timestamp\" nor \"created\" nor \"created_at\"", needs);
    }
    const auto name = std::find_if(keys_.begin(), keys_.end(), [](const std::string& k) { return !k.empty(); });
    if (!row_failed()) place(row, name == keys_.end() ? "" : *name);
    keys_ = {};
    has_prompt_ = has_output_ = false;
  }

  void place(TraceRow& row, const std::string& session) {
    if (!session.empty()) {
      row.session = session_number(session);
      if (row.session >= last_.size()) last_.resize(row.session + 1, kNone);
      row.parent = last_[row.session];
    } else {
      ++alone_;
    }
    if (row.parent != kNone) {
      const TraceRow& before = rows_.rows[row.parent];
      resets_ += row.prompt_tokens < std::int64_t{before.prompt_tokens} + before.output_tokens;
      follow_ups_ += 1;
    }
    if (!give_grown_ids(rows_, row)) return fail("", "the trace has more than a billion blocks");
    if (row.session != kNone) last_[row.session] = static_cast<RowId>(rows_.rows.size());
    instants_ns_.push_back(instant_ns_);
  }

  void finish() override {
    if (!findings_.empty()) return;
    count_from_first(instants_ns_, rows_, findings_);
    rows_.note("follow-ups: as the log has no hashes, each is taken to begin with its session's prompt before it",
               follow_ups_ - resets_);
    rows_.note("follow-ups shorter than their session's prompt and answer before: they share nothing", resets_);
    rows_.note("requests without a session key: they share nothing", alone_);
  }

  std::array<std::string, 3> keys_;  // of this row, by precedence
  std::int64_t instant_ns_ = 0;
  bool has_prompt_ = false, has_output_ = false;
  std::vector<std::int64_t> instants_ns_;
  std::vector<RowId> last_;
  std::int64_t follow_ups_ = 0, resets_ = 0, alone_ = 0;
};

}  // namespace

TraceRows read_openai_log(TextSource& in, const LoadOptions& options) { return OpenAiLogReader(in, options).read(); }

}  // namespace kvplan
