// Goal: what is wrong with a trace is told or repaired and counted, alike in every format: nothing is lost in silence.
#include <fmt/format.h>
#include <simdjson.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "tests/catch.hpp"
#include "traces/compile.hpp"
#include "traces/load.hpp"

using namespace kvplan;

namespace {

struct Case {
  const char* fault;
  std::string text;
  const char* said;  // in a finding, or in a note
};

std::string mooncake(const char* t, const char* in, const char* out, const char* ids, const char* more = "") {
  return fmt::format("{{\"timestamp\": {}, \"input_length\": {}, \"output_length\": {}, \"hash_ids\": [{}]{}}}\n", t,
                     in, out, ids, more);
}

std::string bailian(const char* chat, const char* parent, const char* t, const char* in = "20",
                    const char* ids = "1, 2") {
  return fmt::format(
      "{{\"chat_id\": {}, \"parent_chat_id\": {}, \"timestamp\": {}, \"input_length\": {}, "
      "\"output_length\": 9, \"type\": \"text\", \"turn\": 1, \"hash_ids\": [{}]}}\n",
      chat, parent, t, in, ids);
}

std::string weka(const char* request, const char* second = "", const char* id = "s") {
  return fmt::format("{{\"id\": \"{}\", \"block_size\": 64, \"hash_id_scope\": \"local\", \"requests\": [{{{}}}{}]}}",
                     id, request, second);
}

std::string chat(const char* user, const char* answer) {
  return fmt::format("{{\"messages\": [{{\"role\": \"user\", {}}}, {{\"role\": \"assistant\", {}}}]}}\n", user, answer);
}

std::string logged(const char* t, const char* prompt, const char* more = "") {
  return fmt::format("{{\"created\": {}, \"prompt_tokens\": {}, \"completion_tokens\": 5{}}}\n", t, prompt, more);
}

// A row with more text, and behind it the same row again, which refers to the first one.
std::string behind(const std::string& row) { return row.substr(0, row.size() - 1) + " {}\n" + row; }

std::vector<Case> mooncake_cases() {
  const std::string good = mooncake("0", "600", "5", "1, 2"), session = ", \"session_id\": \"a\"";
  return {{"truncated", good + good.substr(0, 40), "the line is cut off after"},
          {"wrong type", mooncake("0", "\"600\"", "5", "1, 2"), "\"input_length\" is \"600\""},
          {"NaN", mooncake("NaN", "600", "5", "1, 2"), "\"timestamp\" is NaN"},
          {"negative", mooncake("0", "600", "-5", "1, 2"), "\"output_length\" is -5"},
          {"2^63", mooncake("9223372036854775808", "600", "5", "1, 2"), "\"timestamp\" is 9223372036854775808"},
          {"2^63", mooncake("0", "9223372036854775808", "5", "1, 2"), "\"input_length\" is 9223372036854775808"},
          {"2^64 hash", mooncake("0", "600", "5", "1, 18446744073709551616"), "a hash id is 18446744073709551616"},
          {"duplicate ids", mooncake("0", "1024", "5", "7, 7"), "a hash id stands twice in this row"},
          {"ids of an earlier row, one of them twice",
           mooncake("0", "1024", "5", "7, 8") + mooncake("1", "1536", "5", "7, 8, 7"), "stands twice in this row"},
          {"another prefix", mooncake("0", "512", "5", "7") + mooncake("1", "1024", "5", "8, 7"),
           "a hash id stands after another prefix here than in line 1"},
          {"text behind the object", behind(mooncake("0", "600", "5", "1, 2", session.c_str())),
           "more text follows the object"},
          {"backwards", mooncake("9", "600", "5", "1, 2") + good, "sorted by time"},
          {"backwards in a session",
           mooncake("9", "600", "5", "1, 2", session.c_str()) + mooncake("3", "600", "5", "1, 2", session.c_str()),
           "arrives before its session's turn before it"},
          {"invalid UTF-8", mooncake("0", "600", "5", "1, 2", ", \"x\xff\": 1"), "not valid UTF-8"},
          {"long line", good + std::string(3000, ' ') + good, "longer than 2000 bytes"}};
}

std::vector<Case> bailian_cases() {
  const std::string good = bailian("7", "-1", "1");
  return {{"truncated", good + good.substr(0, 40), "the line is cut off after"},
          {"wrong type", bailian("\"7\"", "-1", "1"), "\"chat_id\" is \"7\""},
          {"NaN", bailian("7", "-1", "NaN"), "\"timestamp\" is NaN"},
          {"negative", bailian("7", "-1", "1", "-20"), "\"input_length\" is -20"},
          {"2^63", bailian("9223372036854775808", "-1", "1"), "\"chat_id\" is 9223372036854775808"},
          {"duplicate ids", good + good, "\"chat_id\" 7 stood in line 1 already"},
          {"no such parent", bailian("7", "99", "1"), "chats whose parent is not in the trace"},
          {"text behind the object", behind(good), "more text follows the object"},
          {"cycle", bailian("7", "8", "1") + bailian("8", "7", "1"), "stands in line 2, not before this line"},
          {"own parent", bailian("7", "7", "1"), "stands in line 1, not before this line"},
          {"backwards", good + bailian("8", "-1", "0"), "sorted by time"},
          {"backwards in a session", good + bailian("8", "7", "0"), "arrives before its session's turn before it"},
          {"invalid UTF-8", good + "{\"type\": \"\xff\"}\n", "not valid UTF-8"},
          {"long line", good + std::string(3000, ' ') + good, "longer than 2000 bytes"}};
}

std::vector<Case> weka_cases() {
  const char* const good = "\"t\": 9, \"type\": \"n\", \"in\": 130, \"out\": 5, \"hash_ids\": [1, 2]";
  const std::string path = KVPLAN_SOURCE_DIR "/tests/fuzz/corpus/weka/tar-duplicate";
  std::ifstream tar(path, std::ios::binary);
  return {{"truncated", weka(good).substr(0, 90), "not valid JSON"},
          {"wrong type", weka("\"t\": 0, \"in\": \"x\", \"out\": 5, \"hash_ids\": []"), "\"in\" is \"x\""},
          {"NaN", weka("\"t\": NaN, \"in\": 130, \"out\": 5, \"hash_ids\": [1, 2]"), "not valid JSON"},
          {"negative", weka("\"t\": 0, \"in\": 130, \"out\": -5, \"hash_ids\": [1, 2]"), "\"out\" is -5"},
          {"2^63", weka("\"t\": 9223372036854775808, \"in\": 130, \"out\": 5, \"hash_ids\": [1, 2]"),
           "\"t\" is 9223372036854775808"},
          {"2^64 hash", weka("\"t\": 0, \"in\": 130, \"out\": 5, \"hash_ids\": [1, 18446744073709551616]"),
           "parsing a number"},
          {"duplicate ids", weka("\"t\": 0, \"in\": 130, \"out\": 5, \"hash_ids\": [7, 7]"),
           "a hash id stands twice in this row"},
          {"duplicate sessions", {std::istreambuf_iterator<char>(tar), {}}, " already"},
          {"backwards", weka(good, ", {\"t\": 3, \"in\": 130, \"out\": 5, \"hash_ids\": [1, 2]}"),
           "stand behind a later one of their session: sorted by time"},
          {"invalid UTF-8", weka(good, "", "\xff"), "not valid UTF-8"}};
}

std::vector<Case> claude_code_cases() {
  const std::string header =
      "session,req,agent,turn,t_s,in_tokens,out_tokens,api_s,ttft_s,think_s,stop,parent_req,shared_blocks,blocks\n";
  const std::string good = header + "0,0,0,0,9,64,5,,,,x,-1,0,1\n";
  return {
      {"truncated", good + "0,1,0", "3 fields, expected 14"},
      {"wrong type", header + "0,0,0,0,9,x,5,,,,x,-1,0,1\n", "\"in_tokens\" is \"x\""},
      {"NaN", header + "0,0,0,0,nan,64,5,,,,x,-1,0,1\n", "\"t_s\" is nan"},
      {"negative", header + "0,0,0,0,9,64,-5,,,,x,-1,0,1\n", "\"out_tokens\" is \"-5\""},
      {"2^63", header + "0,0,0,0,9,9223372036854775808,5,,,,x,-1,0,1\n", "\"in_tokens\" is \"9223372036854775808\""},
      {"duplicate ids", good + "1,0,0,0,9,64,5,,,,x,-1,0,1\n0,1,0,0,9,64,5,,,,x,-1,0,1\n", "begins a second time"},
      {"no such parent", good + "0,1,0,0,9,64,5,,,,x,7,0,1\n", "\"parent_req\" is 7"},
      {"cycle", header + "0,0,0,0,9,64,5,,,,x,1,0,1\n0,1,0,0,9,64,5,,,,x,0,0,1\n", "\"parent_req\" is 1"},
      {"own parent", header + "0,0,0,0,9,64,5,,,,x,0,0,1\n", "\"parent_req\" is 0"},
      {"backwards", good + "0,1,0,0,3,64,5,,,,x,0,0,1\n", "\"t_s\" lies before"},
      {"invalid UTF-8", header + "0,0,0,0,9,64,\xff,,,,x,-1,0,1\n", "\"out_tokens\" is \"?\""},
      {"long line", good + std::string(3000, ' '), "longer than 2000 bytes"}};
}

std::vector<Case> lmcache_cases() {
  const std::string header = "agent,session,req,t_s,in_chars,out_chars,parent_req,shared_prefix_chars\n";
  const std::string good = header + "m,a,0,9,256,20,-1,0\n";
  return {{"truncated", good + "m,a,1,10", "4 fields, expected 8"},
          {"wrong type", header + "m,a,0,9,x,20,-1,0\n", "\"in_chars\" is \"x\""},
          {"NaN", header + "m,a,0,nan,256,20,-1,0\n", "\"t_s\" is nan"},
          {"negative", header + "m,a,0,9,256,-20,-1,0\n", "\"out_chars\" is \"-20\""},
          {"2^63", header + "m,a,0,9,9223372036854775808,20,-1,0\n", "\"in_chars\" is \"9223372036854775808\""},
          {"duplicate ids", good + "m,b,0,9,256,20,-1,0\nm,a,1,9,256,20,-1,0\n", "begins a second time"},
          {"no such parent", good + "m,a,1,9,256,20,7,0\n", "\"parent_req\" is 7"},
          {"own parent", header + "m,a,0,9,256,20,0,0\n", "\"parent_req\" is 0"},
          {"shares too much", good + "m,a,1,9,900,20,0,512\n", "\"shared_prefix_chars\" is 512, expected 0 to 256"},
          {"backwards", good + "m,a,1,3,256,20,0,0\n", "\"t_s\" lies before"},
          {"invalid UTF-8", header + "m,a,0,9,25\xff,20,-1,0\n", "\"in_chars\" is \"25?\""},
          {"long line", good + std::string(3000, ' '), "longer than 2000 bytes"}};
}

std::vector<Case> azure_cases() {
  const std::string header = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  const std::string good = header + "2023-11-16 18:15:46.6805900,374,44\n";
  return {{"truncated", good + "2023-11-16 18:15:46.68,37", "2 fields, expected 3"},
          {"wrong type", header + "2023-11-16 18:15:46,x,44\n", "\"ContextTokens\" is x"},
          {"NaN", header + "NaN,374,44\n", "\"TIMESTAMP\" is \"NaN\""},
          {"negative", header + "2023-11-16 18:15:46,374,-44\n", "\"GeneratedTokens\" is -44"},
          {"2^63", header + "2023-11-16 18:15:46,9223372036854775808,44\n", "\"ContextTokens\" is 9223372036854775808"},
          {"backwards", good + "2023-11-16 18:15:40,374,44\n", "sorted by time"},
          {"invalid UTF-8", header + "2023-11-16 18:15:46\xff,374,44\n", "\"TIMESTAMP\" is \"2023-11-16 18:15:46?\""},
          {"long line", good + std::string(3000, ' '), "longer than 2000 bytes"}};
}

std::vector<Case> burstgpt_cases() {
  const std::string header = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n";
  const std::string good = header + "5,ChatGPT,472,18,490,Conversation log\n";
  return {{"truncated", good + "45,ChatGPT,4", "3 fields, expected 6"},
          {"wrong type", header + "5,ChatGPT,many,18,490,x\n", "\"Request tokens\" is many"},
          {"NaN", header + "nan,ChatGPT,472,18,490,x\n", "\"Timestamp\" is nan"},
          {"negative", header + "5,ChatGPT,472,-18,490,x\n", "\"Response tokens\" is -18"},
          {"2^63", header + "9223372036854775808,ChatGPT,472,18,490,x\n", "\"Timestamp\" is 9223372036854775808"},
          {"backwards", good + "3,ChatGPT,472,18,490,x\n", "sorted by time"},
          {"invalid UTF-8", header + "5,ChatGPT,47\xff,18,490,x\n", "\"Request tokens\" is 47?"},
          {"long line", good + std::string(3000, ' '), "longer than 2000 bytes"}};
}

std::vector<Case> sharegpt_cases() {
  const std::string good = chat("\"content\": \"hello\"", "\"content\": \"hi\"");
  return {{"truncated", good + good.substr(0, 40), "not valid JSON"},
          {"wrong type", chat("\"tokens\": \"x\"", "\"tokens\": 5"), "\"tokens\" is \"x\""},
          {"NaN", chat("\"tokens\": NaN", "\"tokens\": 5"), "not valid JSON"},
          {"negative", chat("\"tokens\": 5", "\"tokens\": -5"), "\"tokens\" is -5"},
          {"2^63", chat("\"tokens\": 9223372036854775808", "\"tokens\": 5"), "\"tokens\" is 9223372036854775808"},
          {"no answers", good + "{\"messages\": [{\"role\": \"user\", \"content\": \"hello\"}]}\n",
           "conversations without an answer of the model"},
          {"invalid UTF-8", chat("\"content\": \"\xff\"", "\"content\": \"hi\""), "not valid UTF-8"}};
}

std::vector<Case> openai_cases() {
  const std::string good = logged("9", "600");
  return {{"truncated", good + good.substr(0, 30), "the line is cut off after"},
          {"wrong type", logged("9", "\"x\""), "\"prompt_tokens\" is \"x\""},
          {"NaN", logged("NaN", "600"), "\"created\" is NaN"},
          {"negative", logged("9", "-600"), "\"prompt_tokens\" is -600"},
          {"2^63", logged("9223372036854775808", "600"), "\"created\" is 9223372036854775808"},
          {"text behind the object", behind(logged("9", "600", ", \"user\": 1")), "more text follows the object"},
          {"backwards", good + logged("3", "600"), "sorted by time"},
          {"backwards in a session", logged("9", "600", ", \"user\": 1") + logged("3", "600", ", \"user\": 1"),
           "arrives before its session's turn before it"},
          {"invalid UTF-8", logged("9", "600", ", \"user\": \"\xff\""), "not valid UTF-8"},
          {"long line", good + std::string(3000, ' '), "longer than 2000 bytes"}};
}

const std::map<std::string, std::vector<Case> (*)()> kCases = {
    {"mooncake", mooncake_cases},           {"bailian", bailian_cases},           {"weka", weka_cases},
    {"claude-code-csv", claude_code_cases}, {"lmcache-agent-csv", lmcache_cases}, {"azure", azure_cases},
    {"burstgpt", burstgpt_cases},           {"sharegpt", sharegpt_cases},         {"openai-log", openai_cases}};

// Everything that reading says: findings, or the notes of what was repaired.
std::string said_of(const TraceFormat& format, const std::string& text) {
  LoadOptions options;
  options.max_line_bytes = 2000;
  std::string all;
  try {
    for (const WorkloadNote& n : compile_workload(rows_in_format(format, text, "t", options), options).notes) {
      all += n.what + "\n";
    }
  } catch (const InputError& e) {
    for (const Diagnostic& d : e.findings()) all += to_string(d) + "\n";
  }
  return all;
}

}  // namespace

TEST_CASE("each fault in each format is told, or repaired and counted") {
  for (const TraceFormat& format : trace_formats()) {
    CAPTURE(format.name);
    REQUIRE(kCases.count(format.name) == 1);
    std::set<std::string> faults;
    for (const Case& c : kCases.at(format.name)()) {
      CAPTURE(c.fault, c.text);
      faults.insert(c.fault);
      const std::string said = said_of(format, c.text);
      CAPTURE(said);
      CHECK(said.find(c.said) != std::string::npos);
      CHECK(simdjson::validate_utf8(said));
    }
    for (const char* always : {"truncated", "wrong type", "NaN", "negative", "2^63", "invalid UTF-8"}) {
      CAPTURE(always);
      CHECK(faults.count(always) == 1);
    }
  }
}

TEST_CASE("what a message quotes of a trace is cut between characters") {
  std::string long_name;
  for (int i = 0; i < 40; ++i) long_name += "ä";
  const std::string more = ", \"" + long_name + "\": 1";
  const std::string said = said_of(*trace_format("mooncake"), mooncake("0", "600", "5", "1, 2", more.c_str()));
  CAPTURE(said);
  CHECK(said.find("unknown field \"ääääääääääääääääää...\": ignored") != std::string::npos);
  CHECK(simdjson::validate_utf8(said));
}
