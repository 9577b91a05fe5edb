#include "traces/sharegpt_reader.hpp"

#include <fmt/format.h>

#include "traces/grown_prompts.hpp"
#include "traces/json_documents.hpp"

namespace kvplan {
namespace {

constexpr std::int64_t kCharactersPerToken = 4;

using Element = simdjson::dom::element;

// Code points: bytes that do not continue one.
std::int64_t characters(std::string_view utf8) {
  return std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

class ShareGptReader {
 public:
  ShareGptReader(TextSource& in, const LoadOptions& options) : in_(in), findings_(in.name()) {
    rows_.path = in.name();
    rows_.format = "sharegpt";
    rows_.block_tokens = options.block_tokens;
    rows_.parents_recorded = true;
    rows_.common_clock = false;
  }

  TraceRows read() {
    const std::string text = in_.rest();
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin != std::string::npos && text[begin] == '[') {
      read_array(text);
    } else {
      read_lines(text);
    }
    if (rows_.rows.empty() && findings_.empty()) findings_.add(0, 0, "no conversation has an answer of the model");
    findings_.raise();
    rows_.note(fmt::format("messages counted as a token for every {} characters", kCharactersPerToken), estimated_);
    rows_.note("conversations without an answer of the model: no turns", empty_);
    rows_.note("conversations without times: they all start at zero, without think times, unless arrivals are imposed",
               rows_.session_count);
    return std::move(rows_);
  }

 private:
  void read_array(std::string_view text) {
    JsonDocument document;
    if (const std::string wrong = document.parse(text); !wrong.empty()) {
      findings_.add(0, 0, wrong);
      return;
    }
    for (const Element conversation : simdjson::dom::array(document.root())) {
      ++number_;
      place_ = fmt::format("conversation {}", number_);
      read_conversation(conversation);
    }
  }

  void read_lines(std::string_view text) {
    JsonDocument document;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = trimmed(text.substr(begin, end - begin));
      begin = end + 1;
      ++number_;
      line_ = number_;
      if (line.empty()) continue;
      if (const std::string wrong = document.parse(line); !wrong.empty()) {
        fail(wrong);
      } else {
        read_conversation(document.root());
      }
    }
  }

  void read_conversation(const Element& conversation) {
    simdjson::dom::array messages;
    if (conversation["conversations"].get_array().get(messages) != simdjson::SUCCESS &&
        conversation["messages"].get_array().get(messages) != simdjson::SUCCESS) {
      fail("neither \"conversations\" nor \"messages\" is an array of messages");
      return;
    }
    std::int64_t context = 0;
    RowId before = kNone;
    bool any = false;
    for (const Element message : messages) {
      std::string_view who;
      if (message["from"].get_string().get(who) != simdjson::SUCCESS &&
          message["role"].get_string().get(who) != simdjson::SUCCESS) {
        fail("a message has neither \"from\" nor \"role\"");
        return;
      }
      std::int64_t length = 0;
      if (!count_tokens(message, length)) return;
      const bool answer = who == "gpt" || who == "assistant" || who == "chatgpt" || who == "bard" || who == "model";
      if (answer && context > 0) {
        if (!add_turn(context, length, before)) return;
        any = true;
      }
      context += length;
    }
    empty_ += !any;
    rows_.session_count += any;
  }

  bool add_turn(std::int64_t prompt, std::int64_t output, RowId& before) {
    if (prompt > kMaxTokens || output > kMaxTokens) {
      fail(fmt::format("the conversation has more than {} tokens", kMaxTokens));
      return false;
    }
    TraceRow row;
    row.line = number_;
    row.session = rows_.session_count;
    row.parent = before;
    row.after = before;
    row.timestamp = Time(0);
    if (before != kNone) row.delay = Time(0);
    row.prompt_tokens = static_cast<std::int32_t>(prompt);
    row.output_tokens = static_cast<std::int32_t>(output);
    if (!give_grown_ids(rows_, row)) {
      fail("the trace has more than a billion blocks");
      return false;
    }
    before = static_cast<RowId>(rows_.rows.size());
    rows_.rows.push_back(row);
    return true;
  }

  bool count_tokens(const Element& message, std::int64_t& length) {
    Element given;
    if (message["tokens"].get(given) == simdjson::SUCCESS) {
      const auto parsed = parse_tokens("tokens", number_text(given));
      length = parsed.value;
      if (!parsed.good()) fail(parsed.wrong);
      return parsed.good();
    }
    std::string_view text;
    if (message["value"].get_string().get(text) != simdjson::SUCCESS &&
        message["content"].get_string().get(text) != simdjson::SUCCESS) {
      fail("a message has no text: neither \"value\" nor \"content\" is a string, and there are no \"tokens\"");
      return false;
    }
    ++estimated_;
    length = ceil_div(characters(text), kCharactersPerToken);
    return true;
  }

  void fail(const std::string& what) { findings_.add(line_, 0, place_.empty() ? what : place_ + ": " + what); }

  TextSource& in_;
  TraceFindings findings_;
  TraceRows rows_;
  std::string place_;        // in an array
  std::int64_t number_ = 0;  // of the conversation, or of its line
  std::int64_t line_ = 0;    // 0 in an array
  std::int64_t estimated_ = 0, empty_ = 0;
};

}  // namespace

TraceRows read_sharegpt(TextSource& in, const LoadOptions& options) { return ShareGptReader(in, options).read(); }

}  // namespace kvplan
