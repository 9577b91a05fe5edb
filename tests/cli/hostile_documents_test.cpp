// Documents that are almost right: each shipped one with a value, one at a time, replaced by what nobody should
// write, cut off in the middle, and with a key that does not exist; likewise the files of a run's folder. Each is accepted,
// or refused with a finding.
#include <algorithm>

#include "base/embedded.hpp"
#include "tests/catch.hpp"
#include "tests/fuzz/document.hpp"

using namespace kvplan;
using nlohmann::json;

namespace {

const json kHostile[] = {nullptr,
                         true,
                         -1,
                         0,
                         1e308,
                         -1e-308,
                         9223372036854775807,
                         18446744073709551615u,
                         "",
                         "../",
                         "\"<script>",
                         json::array(),
                         json::object(),
                         json::array({1})};

struct Shipped {
  char kind;
  std::string file;
  bool known_keys;  // an unknown key is refused
};

const Shipped kShipped[] = {
    {'s', "examples/hosts.json", true},
    {'s', "examples/fleet.json", true},
    {'h', "hardware/devices/x86-h100-sxm.json", true},
    {'h', "hardware/devices/gh200-96.json", true},
    {'m', "models/zoo/deepseek-v3.json", true},
    {'m', "models/zoo/llama-4-scout.json", true},
    {'c', "hardware/calibrations/h100-sxm5-80gb.json", false},
    {'b', "validate/servers/h100_serving_ttft_tpot.json", true},
};

std::string source_text(const std::string& file) {
  std::ifstream in(std::string(KVPLAN_SOURCE_DIR "/") + file, std::ios::binary);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool accepted(char kind, const std::string& text) { return fuzz::one_document(kind + text); }

// About so many leaves of a document, each replaced by every hostile value in turn: how many of these are refused.
template <class Taken>
int refused_of(const json& good, std::size_t most_leaves, Taken is_taken) {
  std::vector<std::string> leaves;
  const json flat = good.flatten();
  for (const auto& [pointer, value] : flat.items()) leaves.push_back(pointer);
  const std::size_t stride = std::max<std::size_t>(1, leaves.size() / most_leaves);
  int refused = 0;
  for (std::size_t i = 0; i < leaves.size(); i += stride) {
    for (const json& hostile : kHostile) {
      json changed = good;
      changed[json::json_pointer(leaves[i])] = hostile;
      CAPTURE(leaves[i], hostile.dump());
      bool taken = true;
      CHECK_NOTHROW(taken = is_taken(changed));
      refused += !taken;
    }
  }
  return refused;
}

}  // namespace

TEST_CASE("documents with one hostile value are accepted or refused with a finding") {
  for (const Shipped& s : kShipped) {
    CAPTURE(s.file);
    const std::string text = source_text(s.file);
    REQUIRE(accepted(s.kind, text));
    const json good = json::parse(text, nullptr, true, true);
    CHECK(refused_of(good, 30, [&](const json& changed) { return accepted(s.kind, changed.dump()); }) > 0);
    if (s.known_keys) {
      json more = good;
      more["bandwith"] = 1;
      CHECK_FALSE(accepted(s.kind, more.dump()));
    }
    for (std::size_t cut = 0; cut < text.size() - 2; cut += std::max<std::size_t>(1, text.size() / 50)) {
      CAPTURE(cut);
      bool taken = true;
      CHECK_NOTHROW(taken = accepted(s.kind, text.substr(0, cut)));
      CHECK_FALSE(taken);
    }
  }
}

TEST_CASE("a run's folder with one hostile value is read back, or refused with a finding") {
  for (const auto& file : {std::pair{'R', "result.json"}, {'Q', "requests.jsonl"}, {'E', "events.jsonl"}}) {
    const char kind = file.first;
    const std::string name = file.second;
    CAPTURE(name);
    const std::string text = read_text_file(fuzz::kept_run() + "/" + name);
    REQUIRE(accepted(kind, text));
    std::vector<std::string> documents;  // a line each, or the one that there is
    if (kind == 'R') {
      documents = {text};
    } else {
      std::istringstream lines(text);
      for (std::string line; std::getline(lines, line);) documents.push_back(line);
    }
    int refused = 0;
    for (std::size_t i = 0; i < documents.size(); i += std::max<std::size_t>(1, documents.size() / 7)) {
      CAPTURE(i);
      const std::size_t most_leaves = documents.size() == 1 ? 30 : kind == 'E' && i == 0 ? 60 : 5;
      refused += refused_of(json::parse(documents[i]), most_leaves, [&](const json& changed) {
        std::string whole;
        for (std::size_t d = 0; d < documents.size(); ++d) {
          whole += (d == i ? changed.dump() : documents[d]) + (kind == 'R' ? "" : "\n");
        }
        return accepted(kind, whole);
      });
    }
    CHECK(refused > 0);
  }
}

// What no clock of the simulator holds would be undefined as an integer of picoseconds.
TEST_CASE("a result that goes on for longer than time lasts is refused") {
  json result = json::parse(read_text_file(fuzz::kept_run() + "/result.json"));
  REQUIRE(accepted('R', result.dump()));
  result["series"]["at_s"].back() = 1e300;
  CHECK(!accepted('R', result.dump()));
}

// Values with which a reader would end, or never end.
TEST_CASE("the head of a log that no run writes is refused, and told without a fault of kvplan") {
  std::string events = read_text_file(fuzz::kept_run() + "/events.jsonl");
  const std::string rest = events.substr(events.find('\n'));
  const json head = json::parse(events.substr(0, events.find('\n')));
  const std::string folder = std::string(fuzz::kept_run()) + "-head";
  std::filesystem::copy(fuzz::kept_run(), folder);
  for (const auto& [at, value] : {std::pair{"/replicas_per_node", 0}, {"/replicas_per_node", -1}, {"/replicas", 0},
                                  {"/replicas", 2'000'000}, {"/max_num_batched_tokens", 0},
                                  {"/max_num_batched_tokens", -1}, {"/step_times/0/base/0/0", 5},
                                  {"/step_times/0/base/1/0", -1}, {"/step_times/0/key_queries", -1},
                                  {"/step_times/0/pair_ps", -1}}) {
    CAPTURE(at, value);
    json changed = head;
    changed[json::json_pointer(at)] = value;
    std::ofstream(folder + "/events.jsonl") << changed.dump() << rest;
    for (const std::vector<std::string>& verb : {std::vector<std::string>{"explain", folder, "1"}, {"timeline", folder}}) {
      std::ostringstream out, err;
      CHECK(dispatch(verb, {out, err}) == ExitCode::bad_input);
      CHECK(err.str().find("events.jsonl:1: error: ") != std::string::npos);
      CHECK(err.str().find("this is a fault") == std::string::npos);
    }
  }
  std::filesystem::remove_all(folder);
}
