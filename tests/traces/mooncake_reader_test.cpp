// Goal: every broken line is named with its place, and none hides another.
#include <string>

#include "tests/catch.hpp"
#include "traces/load.hpp"

using namespace kvplan;

namespace {

const std::string kGood = R"({"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [1, 2]})"
                          "\n";

std::vector<Diagnostic> findings_of(const std::string& text, const LoadOptions& options = {}) {
  try {
    rows_from_text(text, "t.jsonl", options);
  } catch (const InputError& e) {
    return e.findings();
  }
  return {};
}

// The one finding about a row whose fields are given.
Diagnostic finding_in(const std::string& fields) {
  const auto findings = findings_of(kGood + "{" + fields + "}\n" + kGood);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].file == "t.jsonl");
  CHECK(findings[0].line == 2);
  return findings[0];
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("rows are read as they stand") {
  const TraceRows rows = rows_from_text(
      kGood + "\r\n" +
          R"({"hash_ids": [18446744073709551615], "output_length": 0, "input_length": 512, "timestamp": 1.5})",
      "t.jsonl");
  REQUIRE(rows.rows.size() == 2);
  CHECK(rows.format == "mooncake");
  CHECK(rows.rows[1].line == 3);
  CHECK(rows.rows[1].timestamp == Time(1500 * kPsPerUs));
  CHECK(rows.rows[1].prompt_tokens == 512);
  REQUIRE(rows.ids_of(rows.rows[1]).size() == 1);
  CHECK(rows.ids_of(rows.rows[1])[0] == 2);  // the third hash that appears
  CHECK(rows.block_ids == 3);
  CHECK(rows.sha256.size() == 64);
}

TEST_CASE("the digest is SHA-256 of the text") {
  // echo '{"timestamp":0,"input_length":0,"output_length":1,"hash_ids":[]}' | sha256sum
  CHECK(rows_from_text("{\"timestamp\":0,\"input_length\":0,\"output_length\":1,\"hash_ids\":[]}\n", "t").sha256 ==
        "038032472ae62b496e51d2057435834d61f42b0b2241a9460635dfde81ad9273");
}

TEST_CASE("a value that is wrong is shown with its column and the expected range") {
  const auto d = finding_in(R"("timestamp": 0, "input_length": -7, "output_length": 5, "hash_ids": [])");
  CHECK(d.column == 34);
  CHECK(contains(d.message, "\"input_length\" is -7, expected an integer from 0 to 2147483647"));

  for (const char* value : {"2147483648", "99999999999999999999", "1.5", "1e3", "\"600\"", "null", "true", "[600]"}) {
    INFO(value);
    CHECK(contains(
        finding_in(std::string(R"("timestamp": 0, "output_length": 5, "hash_ids": [], "input_length": )") + value)
            .message,
        std::string("\"input_length\" is ") + value[0]));
  }
  for (const char* value : {"-1", "9223372037", "1e300", "\"0\"", "NaN", "nan", "-0x1"}) {
    INFO(value);
    CHECK(contains(
        finding_in(std::string(R"("input_length": 0, "output_length": 5, "hash_ids": [], "timestamp": )") + value)
            .message,
        std::string("\"timestamp\" is ") + value));
  }
  for (const char* value : {"-1", "1.0", "\"a\"", "18446744073709551616", "[1]", "{}"}) {
    INFO(value);
    CHECK(contains(
        finding_in(std::string(R"("timestamp": 0, "input_length": 5, "output_length": 5, "hash_ids": [)") + value + "]")
            .message,
        "a hash id is "));
  }
}

TEST_CASE("missing, repeated and misplaced fields are findings") {
  CHECK(contains(finding_in(R"("input_length": 0, "output_length": 5, "hash_ids": [])").message,
                 "\"timestamp\" is missing"));
  CHECK(contains(finding_in(R"("timestamp": 0, "output_length": 5, "hash_ids": [])").message,
                 "\"input_length\" is missing"));
  CHECK(contains(finding_in(R"("timestamp": 0, "input_length": 0, "hash_ids": [])").message,
                 "\"output_length\" is missing"));
  CHECK(contains(finding_in(R"("timestamp": 0, "input_length": 0, "output_length": 5)").message,
                 "\"hash_ids\" is missing"));
  CHECK(contains(finding_in(R"("timestamp": 0, "input_length": 0, "output_length": 5, "hash_ids": 7)").message,
                 "expected an array"));
  CHECK(contains(
      finding_in(R"("timestamp": 0, "timestamp": 0, "input_length": 0, "output_length": 5, "hash_ids": [])").message,
      "twice"));
  CHECK(contains(
      finding_in(R"("timestamp": 0, "delay": 3, "input_length": 0, "output_length": 5, "hash_ids": [])").message,
      "without \"session_id\""));
  CHECK(contains(
      finding_in(R"("timestamp": 0, "delay": 3, "session_id": "", )"
                 R"("input_length": 0, "output_length": 5, "hash_ids": [])")
          .message,
      "without \"session_id\""));
  CHECK(contains(
      finding_in(R"("timestamp": 0, "session_id": 3, "input_length": 0, "output_length": 5, "hash_ids": [])").message,
      "expected a string"));
}

TEST_CASE("the number of hashes must fit the prompt: the help names a block size that would") {
  const auto d =
      finding_in(R"("timestamp": 0, "input_length": 1000, "output_length": 5, "hash_ids": [1, 2, 3, 4, 5, 6, 7, 8])");
  CHECK(contains(d.message, "8 hash_ids for input_length 1000, expected 2"));
  CHECK(contains(d.help, "128 tokens"));
  CHECK(findings_of(kGood + R"({"timestamp": 0, "input_length": 1000, "output_length": 5, "hash_ids": [1]})")
            .empty());  // floor
}

TEST_CASE("a cut, empty or malformed line is named, and so is every line behind it") {
  const auto findings =
      findings_of(kGood + "{\"timestamp\": 0, \"input_length\": 60\n" + kGood + "{\"timestamp\" 0}\n" + "hello\n" +
                  kGood + "{} {}\n" + R"({"timestamp": 0, "input_le)");
  REQUIRE(findings.size() >= 5);
  std::vector<std::int64_t> lines;
  for (const auto& d : findings) {
    if (lines.empty() || lines.back() != d.line) lines.push_back(d.line);
  }
  CHECK(lines == std::vector<std::int64_t>{2, 4, 5, 7, 8});
  CHECK(contains(findings[0].message, "cut off after"));
  CHECK(contains(findings.back().message, "cut off after"));
}

TEST_CASE("twenty findings are shown, the rest is counted") {
  std::string text = kGood;
  for (int i = 0; i < 50; ++i) text += "oops\n";
  const auto findings = findings_of(text);
  REQUIRE(findings.size() == 21);
  CHECK(contains(findings.back().message, "30 more"));
}

TEST_CASE("unknown fields are counted, or refused if strict") {
  const std::string text =
      kGood + R"({"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [1, 2], "user": {"id": [1]}})";
  const TraceRows rows = rows_from_text(text, "t.jsonl");
  REQUIRE(rows.notes.size() == 1);
  CHECK(rows.notes[0].what == "unknown field \"user\": ignored");
  CHECK(rows.notes[0].rows == 1);
  CHECK(rows.rows.size() == 2);
  LoadOptions strict;
  strict.strict = true;
  const auto findings = findings_of(text, strict);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].line == 2);
}

TEST_CASE("what is no trace is told by what it looks like") {
  const auto message = [](const std::string& text) {
    const auto findings = findings_of(text);
    REQUIRE(findings.size() == 1);
    CHECK(!findings[0].help.empty());
    return findings[0].message;
  };
  CHECK(contains(message(""), "empty"));
  CHECK(contains(message(" \n\n"), "empty"));
  CHECK(contains(message("a,b\n1,2\n"), "CSV, with the columns a,b"));
  CHECK(contains(message("[" + kGood + "]"), "as a JSON array"));
  CHECK(contains(message("{\n  \"timestamp\": 0\n}\n"), "over several lines"));
  CHECK(contains(message(R"({"text_input": "hello", "timestamp": 0})"), "an aiperf trace of texts"));
  CHECK(contains(message(R"({"model": "llama-3.1-8b"})"), "JSON, but no trace"));
  CHECK(contains(message(std::string("PAR1\0\0", 6)), "a Parquet file"));
  CHECK(contains(message(std::string("\x7f"
                                     "ELF\2\1",
                                     6)),
                 "a program"));
  CHECK(contains(message(std::string("ab\0cd", 5)), "binary data"));
  CHECK(contains(message("dear diary\n"), "text that begins with \"dear diary\""));
}
