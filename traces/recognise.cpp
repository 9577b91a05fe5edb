#include "traces/recognise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "traces/archive.hpp"
#include "traces/formats.hpp"
#include "traces/values.hpp"

namespace kvplan {
namespace {

constexpr std::size_t kLooked = 65536;

struct Signature {
  std::size_t offset;
  std::string_view bytes;
  const char* name;
};

constexpr std::array kBinary = {
    Signature{0, "PAR1", "a Parquet file"},
    Signature{0, "PK\x03\x04", "a zip archive"},
    Signature{0,
              "\x7f"
              "ELF",
              "a program"},
    Signature{0, "SQLite format 3", "an SQLite database"},
    Signature{0,
              "\xfd"
              "7zXZ",
              "xz-compressed data"},
    Signature{0, "BZh", "bzip2-compressed data"},
    Signature{0, "ARROW1", "an Arrow file"},
};

// Traces that are told apart by the keys they use, the first match counts.
struct JsonFormat {
  std::string_view key;
  const char* format;
  const char* name;
};

constexpr std::array kJson = {
    JsonFormat{"\"chat_id\"", "bailian", "a Qwen-Bailian trace"},
    JsonFormat{"\"hash_id_scope\"", "weka", "a session of a WEKA trace"},
    JsonFormat{"\"block_size\"", "weka", "a session of a WEKA trace"},
    JsonFormat{"\"conversations\"", "sharegpt", "ShareGPT conversations"},
    JsonFormat{"\"prompt_tokens\"", "openai-log", "a request log"},
    JsonFormat{"\"text_input\"", "", "an aiperf trace of texts"},
    JsonFormat{"\"hash_ids\"", "mooncake", "a Mooncake trace"},
    JsonFormat{"\"input_length\"", "mooncake", "a Mooncake trace"},
    JsonFormat{"\"messages\"", "sharegpt", "ShareGPT conversations"},
    JsonFormat{"\"timestamp\"", "mooncake", "a Mooncake trace"},
};

struct CsvFormat {
  std::string_view header;
  const char* format;
};

// Tables that belong to a trace, and are none.
constexpr std::string_view kNearDuplicates = "session,source_file,";

constexpr std::array kCsv = {
    CsvFormat{"TIMESTAMP,ContextTokens,GeneratedTokens", "azure"},
    CsvFormat{"session,req,agent,turn", "claude-code-csv"},
    CsvFormat{"agent,session,req,t_s,in_chars", "lmcache-agent-csv"},
    CsvFormat{"Timestamp,Model,Request tokens", "burstgpt"},
    CsvFormat{"Timestamp,Session ID", "burstgpt"},
};

std::string readable() {
  std::string text = "what can be read, plain or compressed with gzip or zstd:";
  for (const TraceFormat& f : trace_formats())
    text += fmt::format("{} {}", &f == &trace_formats()[0] ? "" : ";", f.title);
  return text;
}

bool is_binary(std::string_view head) {
  return std::any_of(head.begin(), head.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f';
  });
}

Recognised recognise_json(std::string_view body) {
  for (const JsonFormat& f : kJson) {
    if (body.find(f.key) == std::string_view::npos) continue;
    if (*f.format == '\0') return {"", fmt::format("{}, a format that cannot be read", f.name), readable()};
    const std::string_view format = f.format;
    const bool lines = format != "weka" && format != "sharegpt";
    if (lines && body.front() == '[') {
      return {"", fmt::format("{} as a JSON array", f.name),
              "it must have one object a line: jq -c '.[]' FILE > trace.jsonl"};
    }
    if (lines && trimmed(body.substr(0, body.find('\n'))) == "{") {
      return {"", fmt::format("{} as a JSON document over several lines", f.name),
              "it must have one object a line: jq -c . FILE > trace.jsonl"};
    }
    return {f.format, f.name, ""};
  }
  return {"", "JSON, but no trace: no \"timestamp\", \"input_length\" or \"hash_ids\"", readable()};
}

Recognised recognise_text(std::string_view line) {
  for (const CsvFormat& f : kCsv) {
    if (line.substr(0, f.header.size()) == f.header) return {f.format, trace_format(f.format)->title, ""};
  }
  if (line.substr(0, kNearDuplicates.size()) == kNearDuplicates) {
    return {"", "the table of Claude Code sessions, no trace",
            "give the requests or the session files beside it: its near-duplicates are then left out"};
  }
  const std::string shown = shortened(line.substr(0, 60));
  if (line.find(',') != std::string_view::npos) return {"", fmt::format("CSV, with the columns {}", shown), readable()};
  return {"", fmt::format("text that begins with \"{}\"", shown), readable()};
}

}  // namespace

Recognised recognise_trace(std::string_view text) {
  std::string_view head = text.substr(0, kLooked);
  if (is_tar(head)) return {"weka", "a tar archive, which should hold WEKA sessions", ""};
  for (const Signature& s : kBinary) {
    if (head.size() >= s.offset + s.bytes.size() && head.substr(s.offset, s.bytes.size()) == s.bytes) {
      return {"", s.name, readable()};
    }
  }
  if (is_binary(head)) return {"", "binary data", readable()};
  const std::size_t begin = head.find_first_not_of(" \t\r\n\f");
  if (begin == std::string_view::npos) return {"", "empty", "a trace needs at least one row"};
  const std::string_view body = head.substr(begin);
  if (body.front() == '{' || body.front() == '[') return recognise_json(body);
  return recognise_text(body.substr(0, body.find_first_of("\r\n")));
}

}  // namespace kvplan
