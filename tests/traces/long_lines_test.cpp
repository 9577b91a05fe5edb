// Goal: a line without end is refused in bounded memory, with its place, by every reader that reads lines.
#include "tests/catch.hpp"
#include "traces/load.hpp"

using namespace kvplan;

namespace {

struct Case {
  const char* format;
  const char* head;  // lines before the long one
};

const Case kCases[] = {
    {"mooncake", "{\"timestamp\": 0, \"input_length\": 0, \"output_length\": 1, \"hash_ids\": []}\n"},
    {"bailian", ""},
    {"openai-log", ""},
    {"azure", "TIMESTAMP,ContextTokens,GeneratedTokens\n"},
    {"burstgpt", "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"},
    {"claude-code-csv",
     "session,req,agent,turn,t_s,in_tokens,out_tokens,api_s,ttft_s,think_s,stop,parent_req,shared_blocks,blocks\n"},
};

Diagnostic finding(const Case& c, std::size_t length, const LoadOptions& options) {
  try {
    rows_in_format(*trace_format(c.format), c.head + std::string(length, '1'), "t", options);
  } catch (const InputError& e) {
    REQUIRE(e.findings().size() == 1);
    return e.findings()[0];
  }
  return {};
}

}  // namespace

TEST_CASE("a line beyond the limit is named, and one below it is not") {
  LoadOptions options;
  options.max_line_bytes = 200'000;
  for (const Case& c : kCases) {
    CAPTURE(c.format);
    const Diagnostic d = finding(c, 200'001, options);
    CHECK(d.line == (*c.head == '\0' ? 1 : 2));
    CHECK(d.message == "the line is longer than 200000 bytes");
    CHECK(finding(c, 199'999, options).message.find("longer than") == std::string::npos);
  }
}

TEST_CASE("100 MB without a line's end are refused with the usual limit, in memory for two such lines") {
  const Diagnostic d = finding(kCases[0], 100'000'000, {});
  CHECK(d.message == "the line is longer than 67108864 bytes");
  CHECK(d.line == 2);
}
