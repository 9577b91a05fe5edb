#include "traces/recognise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

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
    Signature{257, "ustar", "a tar archive"},
};

// JSON traces that are told apart by the keys they use, the first match counts.
struct JsonFormat {
  std::string_view key;
  const char* format;
  const char* name;
};

constexpr std::array kJson = {
    JsonFormat{"\"chat_id\"", "", "a Qwen-Bailian trace"},
    JsonFormat{"\"hash_id_scope\"", "", "a session of a WEKA (kv-cache-tester) trace"},
    JsonFormat{"\"text_input\"", "", "an aiperf trace of texts"},
    JsonFormat{"\"hash_ids\"", "mooncake", "a Mooncake trace"},
    JsonFormat{"\"input_length\"", "mooncake", "a Mooncake trace"},
    JsonFormat{"\"timestamp\"", "mooncake", "a Mooncake trace"},
};

struct CsvFormat {
  std::string_view header;
  const char* name;
};

constexpr std::array kCsv = {
    CsvFormat{"TIMESTAMP,ContextTokens,GeneratedTokens", "an Azure LLM inference trace"},
    CsvFormat{"session,req,agent,turn", "a table of Claude Code requests"},
    CsvFormat{"Timestamp,Model,Request tokens", "a BurstGPT trace"},
    CsvFormat{"Timestamp,Session ID", "a BurstGPT trace"},
};

const char* const kReadable = "what can be read: Mooncake JSONL, plain or compressed with gzip or zstd";

bool is_binary(std::string_view head) {
  return std::any_of(head.begin(), head.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f';
  });
}

Recognised recognise_json(std::string_view head) {
  for (const JsonFormat& f : kJson) {
    if (head.find(f.key) == std::string_view::npos) continue;
    if (*f.format != '\0') return {f.format, f.name, ""};
    return {"", fmt::format("{}, a format that cannot be read", f.name), kReadable};
  }
  return {"", "JSON, but no trace: no \"timestamp\", \"input_length\" or \"hash_ids\"", kReadable};
}

Recognised recognise_text(std::string_view line) {
  for (const CsvFormat& f : kCsv) {
    if (line.substr(0, f.header.size()) == f.header) {
      return {"", fmt::format("{} (CSV), a format that cannot be read", f.name), kReadable};
    }
  }
  const std::string shown(line.substr(0, 60));
  if (line.find(',') != std::string_view::npos) return {"", fmt::format("CSV, with the columns {}", shown), kReadable};
  return {"", fmt::format("text that begins with \"{}\"", shown), kReadable};
}

}  // namespace

Recognised recognise_trace(std::string_view text) {
  const std::string_view head = text.substr(0, kLooked);
  for (const Signature& s : kBinary) {
    if (head.size() >= s.offset + s.bytes.size() && head.substr(s.offset, s.bytes.size()) == s.bytes) {
      return {"", s.name, kReadable};
    }
  }
  if (is_binary(head)) return {"", "binary data", kReadable};
  const std::size_t begin = head.find_first_not_of(" \t\r\n\f");
  if (begin == std::string_view::npos) return {"", "empty", "a trace needs at least one row"};
  const std::string_view body = head.substr(begin);
  if (body.front() == '[') {
    return {"", "a JSON array", "a trace has one object a line: jq -c '.[]' FILE > trace.jsonl"};
  }
  const std::string_view line = body.substr(0, body.find_first_of("\r\n"));
  if (line == "{") return {"", "one JSON document over several lines", "a trace has one object a line: jq -c . FILE"};
  return body.front() == '{' ? recognise_json(body) : recognise_text(line);
}

}  // namespace kvplan
