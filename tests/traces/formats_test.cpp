// Goal: each format is told from its content and read as its publisher describes it.
#include <fmt/format.h>

#include <fstream>

#include "tests/catch.hpp"
#include "tests/plan/folder.hpp"
#include "tests/traces/invariants.hpp"
#include "traces/compile.hpp"
#include "traces/load.hpp"

using namespace kvplan;

namespace {

Workload compiled(const std::string& text, LoadOptions options = {}) {
  options.tick = Time(0);
  Workload w = compile_workload(rows_from_text(text, "t", options), options);
  test::check_invariants(w);
  return w;
}

std::string refusal(const std::string& text, LoadOptions options = {}) {
  std::string all;
  try {
    compiled(text, options);
  } catch (const InputError& e) {
    for (const Diagnostic& d : e.findings()) all += to_string(d) + "\n";
  }
  return all;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

bool noted(const Workload& w, const std::string& part, std::int64_t rows) {
  for (const WorkloadNote& n : w.notes) {
    if (contains(n.what, part)) return n.rows == rows;
  }
  return false;
}

const Time kSecond(kPsPerS);

const std::string kSession = R"({"id": "s", "block_size": 64, "hash_id_scope": "local", "requests": [
  {"t": 0.0, "type": "n", "in": 130, "out": 70, "hash_ids": [1, 2], "api_time": 2.5, "think_time": 0.0},
  {"t": 5.0, "type": "subagent", "requests": [
    {"t": 0.5, "type": "n", "in": 70, "out": 5, "hash_ids": [9], "api_time": 1.0, "think_time": 0.0}]},
  {"t": 9.0, "type": "n", "in": 270, "out": 5, "hash_ids": [1, 2, 3, 4], "think_time": 6.5}]})";

const std::string kHeader =
    "session,req,agent,turn,t_s,in_tokens,out_tokens,api_s,ttft_s,think_s,stop,parent_req,shared_blocks,blocks\n";

}  // namespace

TEST_CASE("a WEKA session: think times, a sub-agent that starts and is awaited, local ids") {
  const Workload w = compiled(kSession);
  CHECK(w.format == "weka");
  CHECK(w.block_tokens == 64);
  REQUIRE(w.turns.size() == 3);
  CHECK(w.session_count == 1);
  CHECK(w.turns[1].arrival.after == 0);  // 5.5 s, 3 s after the main request ended
  CHECK(w.turns[1].arrival.time == 3 * kSecond);
  CHECK(w.turns[2].arrival.after == 0);
  CHECK(w.turns[2].arrival.time == Time(6500 * kPsPerMs));
  CHECK(w.turns[2].arrival.join == 1);
  CHECK(w.turns[2].continues == 0);
  CHECK(w.turns[0].recorded_service == Time(2500 * kPsPerMs));
  CHECK(w.outputs(w.turns[0]).size() == 1);  // 130 + 70 tokens: block 2 ends at 192
}

TEST_CASE("a WEKA folder: subfolders and byte order marks, global ids shared by sessions whose turns stay their own") {
  const auto session = [](const char* id, int t, const char* follow_up) {
    return fmt::format(
        R"({{"id": "{}", "block_size": 64, "hash_id_scope": "global", "requests": [
             {{"t": 0, "in": 128, "out": 9, "hash_ids": [1, 2]}},
             {{"t": {}, "in": 192, "out": 9, "hash_ids": {}}}]}})",
        id, t, follow_up);
  };
  const Folder folder;
  std::filesystem::create_directory(folder.path / "day");
  std::ofstream(folder.path / "a.json") << "\xef\xbb\xbf" << session("a", 100, "[1, 2, 3]");
  std::ofstream(folder.path / "day" / "b.json") << session("b", 50, "[1, 2, 4]");
  LoadOptions options;
  options.tick = Time(0);
  const Workload w = load_workload(folder.path.string(), options);
  test::check_invariants(w);
  REQUIRE(w.turns.size() == 4);
  CHECK(w.session_count == 2);
  CHECK(w.block_count() == 4);
  // Both sessions begin at zero, b's follow-up arrives first.
  CHECK(w.turns[2].continues == 1);
  CHECK(w.turns[3].continues == 0);
  std::ofstream(folder.path / "day" / "c.json") << session("a", 50, "[1, 2, 4]");
  try {
    load_workload(folder.path.string(), options);
    FAIL("a session stands twice");
  } catch (const InputError& e) {
    CHECK(contains(to_string(e.findings().at(0)), "day/c.json: error: the session \"a\" stands in a.json already"));
  }
}

TEST_CASE("the derived table of Claude Code requests gives what the session gives") {
  const Workload raw = compiled(kSession);
  const Workload table = compiled(kHeader +
                                  "0,0,0,0,0.0,130,70,2.5,,0.0,x,-1,0,2\n"
                                  "0,1,1,0,5.5,70,5,1.0,,0.0,x,-1,0,1\r\n"
                                  "0,2,0,1,9.0,270,5,,,6.5,x,0,2,4\n");
  CHECK(table.format == "claude-code-csv");
  CHECK(table.prompt_blocks == raw.prompt_blocks);
  CHECK(table.output_blocks == raw.output_blocks);
  for (TurnId t = 0; t < 3; ++t) {
    CHECK(table.turns[t].arrival.time == raw.turns[t].arrival.time);
    CHECK(table.turns[t].arrival.after == raw.turns[t].arrival.after);
    CHECK(table.turns[t].arrival.join == raw.turns[t].arrival.join);
    CHECK(table.turns[t].continues == raw.turns[t].continues);
  }
}

TEST_CASE("what is wrong in a session file or its table is told with its place") {
  std::string text = kSession;
  text.replace(text.find("\"in\": 270"), 9, "\"in\": -27");
  CHECK(contains(refusal(text), "requests[2]: \"in\" is -27, expected an integer from 0 to 2147483647"));
  CHECK(contains(refusal(kSession.substr(0, 300)), "not valid JSON"));
  CHECK(contains(refusal(kHeader + "0,0,0,0,0.0,130,70,2.5,,0.0,x,4,1,2\n"), "t:2: error: \"parent_req\" is 4"));
  CHECK(contains(refusal(kHeader + "0,0,0,0,9,64,1,,,,x,-1,0,1\n0,1,0,1,3,64,1,,,,x,-1,0,1\n"), "t_s"));
  CHECK(contains(refusal(kHeader + "0,0,0\n"), "3 fields, expected 14"));
  CHECK(contains(refusal(kHeader), "no rows"));
}

TEST_CASE("Bailian: parents make sessions, in blocks of 16 tokens") {
  const auto row = [](int chat, int parent, double t, int prompt, const char* ids) {
    return fmt::format(
        "{{\"chat_id\": {}, \"parent_chat_id\": {}, \"timestamp\": {}, \"input_length\": {}, "
        "\"output_length\": 9, \"type\": \"text\", \"turn\": 1, \"hash_ids\": {}}}\n",
        chat, parent, t, prompt, ids);
  };
  const Workload w = compiled(row(7, -1, 1, 20, "[1, 2]") + row(8, 7, 2.5, 40, "[1, 3, 4]") +
                              row(9, 7, 3, 40, "[1, 3, 5]") + row(10, 99, 4, 8, "[6]"));
  CHECK(w.format == "bailian");
  CHECK(w.block_tokens == 16);
  CHECK(w.session_count == 2);
  CHECK(w.turns[1].arrival.time == Time(2500 * kPsPerMs));
  CHECK(w.turns[2].continues == 0);
  CHECK(noted(w, "whose parent is not in the trace", 1));
  CHECK(noted(w, "published format only", 4));
  CHECK(contains(refusal(row(7, 8, 1, 20, "[1, 2]") + row(8, 7, 1, 20, "[1, 2]")), "stands in line 2, not before"));
  CHECK(contains(refusal(row(7, 7, 1, 20, "[1, 2]")), "not before this line"));
  CHECK(contains(refusal(row(7, -1, 1, 20, "[1, 2]") + row(7, -1, 1, 20, "[1, 2]")), "stood in line 1 already"));
}

TEST_CASE("Azure: dates of both releases count from the first row, and nothing is shared") {
  const std::string header = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n";
  const Workload w =
      compiled(header + "2023-11-16 18:15:46.6805900,1000,44\r\n2023-11-16 18:16:46.6805901,1000,109\r\n");
  CHECK(w.format == "azure");
  CHECK(w.turns[1].arrival.time == 60 * kSecond + Time(100 * kPsPerNs));
  CHECK(w.block_count() == 4);
  const Workload zoned =
      compiled(header + "2024-05-10 00:00:00.009930+00:00,3,4\n2024-05-10 02:00:00.009930+02:00,3,4\n");
  CHECK(zoned.turns[1].arrival.time == Time(0));
  CHECK(noted(zoned, "as in the release of 2024: tested on the published format only", 2));
  CHECK(contains(refusal(header + "2023-02-30 18:15:46,1,1\n"), "expected a date and time"));
  CHECK(contains(refusal(header + "2023-01-01 00:00:00,1,1\n2024-01-01 00:00:00,1,1\n"), "more than 106 days"));
}

TEST_CASE("BurstGPT: failures stay and are counted") {
  const Workload w = compiled(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,\"Conversation, log\"\n45,GPT-4,1087,0,1087,API log\n");
  CHECK(w.format == "burstgpt");
  CHECK(w.turns[1].arrival.time == 45 * kSecond);
  CHECK(noted(w, "without an answer", 1));
}

TEST_CASE("ShareGPT: answers are turns, texts count four characters a token") {
  const std::string chat =
      R"({"conversations": [{"from": "human", "value": "12345678"}, {"from": "gpt", "value": "äöüß"},
          {"from": "human", "tokens": 1000}, {"from": "gpt", "value": "x"}]})";
  const Workload w = compiled("[" + chat + "]");
  CHECK(w.format == "sharegpt");
  REQUIRE(w.turns.size() == 2);
  CHECK(w.turns[0].prompt_tokens == 2);
  CHECK(w.turns[0].output_tokens == 1);
  CHECK(w.turns[1].prompt_tokens == 1003);
  CHECK(w.turns[1].arrival.after == 0);
  CHECK(noted(w, "a token for every 4 characters", 3));
}

TEST_CASE("a request log: the session key makes turns that grow") {
  const auto row = [](double t, const char* session, int prompt) {
    return fmt::format(
        "{{\"created\": {}, \"session_id\": {}, \"usage\": {{\"prompt_tokens\": {}, "
        "\"completion_tokens\": 50}}}}\n",
        t, session, prompt);
  };
  const Workload w = compiled(row(1700000000.25, "\"a\"", 600) + row(1700000001, "\"b\"", 600) +
                              row(1700000002.25, "\"a\"", 1300) + row(1700000003, "\"a\"", 100));
  CHECK(w.format == "openai-log");
  CHECK(w.turns[2].arrival.time == 2 * kSecond);
  CHECK(w.turns[2].continues == 0);
  CHECK(w.blocks(w.turns[2])[0] == w.blocks(w.turns[0])[0]);
  CHECK(noted(w, "shorter than their session's prompt", 1));
  CHECK(contains(refusal("{\"prompt_tokens\": 5, \"created\": 1}\n"), "\"completion_tokens\" is missing"));
}

TEST_CASE("an empty session key names no session") {
  const auto logged = [](double t, const char* keys) {
    return fmt::format("{{\"created\": {}, \"prompt_tokens\": 600, \"completion_tokens\": 50, {}}}\n", t, keys);
  };
  const Workload log = compiled(logged(1, R"("session_id": "")") + logged(2, R"("session_id": "")") +
                                logged(3, R"("session_id": "", "user": "u")") +
                                logged(4, R"("session_id": null, "conversation_id": "", "user": "u")"));
  CHECK(log.session_count == 3);
  CHECK(log.turns[1].continues == kNone);
  CHECK(log.turns[3].continues == 2);
  CHECK(noted(log, "without a session key", 2));
  const std::string row =
      R"({"timestamp": 1, "input_length": 9, "output_length": 2, "hash_ids": [], "session_id": ""})"
      "\n";
  CHECK(compiled(row + row).session_count == 2);
}

TEST_CASE("closed loop: open ignores think times, inferred lets follow-ups await late parents") {
  LoadOptions options;
  options.closed_loop = ClosedLoop::open;
  const Workload open = compiled(kSession, options);
  CHECK(open.turns[2].arrival.after == kNone);
  CHECK(open.turns[2].arrival.time == 9 * kSecond);
  CHECK(noted(open, "think times are not used", 2));
  options.closed_loop = ClosedLoop::inferred;
  const auto row = [](int ms, int prompt, const char* ids) {
    return fmt::format("{{\"timestamp\": {}, \"input_length\": {}, \"output_length\": 9, \"hash_ids\": {}}}\n", ms,
                       prompt, ids);
  };
  const Workload inferred = compiled(row(0, 1024, "[1, 2]") + row(7, 1500, "[1, 2, 3]"), options);
  CHECK(inferred.turns[1].arrival.after == 0);
  CHECK(inferred.turns[1].arrival.time == Time(0));
  CHECK(inferred.turns[1].arrival.not_before == Time(7 * kPsPerMs));
}

TEST_CASE("a context cap ends a session before the turn that would exceed it") {
  LoadOptions options;
  options.context_cap_tokens = 250;
  const Workload w = compiled(kSession, options);
  CHECK(w.turns.size() == 2);
  CHECK(noted(w, "exceed 250 tokens (33.3 % of all)", 1));
  options.context_cap_tokens = 72;  // the first turn already exceeds it: the session ends before it begins
  CHECK(contains(refusal(kSession, options), "raise trace.context_cap_tokens"));
}

TEST_CASE("a byte order mark is skipped in every format") {
  const std::string row = R"({"timestamp": 0, "input_length": 9, "output_length": 2, "hash_ids": [1]})";
  const std::string azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.68,374,44\n";
  for (const std::string& text : {row + "\n" + row + "\n", azure, kSession}) {
    const Workload plain = compiled(text), marked = compiled("\xef\xbb\xbf" + text);
    CHECK(marked.format == plain.format);
    CHECK(marked.turns.size() == plain.turns.size());
    CHECK(marked.sha256 != plain.sha256);  // of the file as it is
  }
}

TEST_CASE("an empty field is told as such") {
  const std::string told =
      refusal("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.68,,44\n");
  CAPTURE(told);
  CHECK(contains(told, "\"ContextTokens\" is empty, expected an integer from 0 to"));
}
