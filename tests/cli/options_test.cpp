// Walks the option table: what holds for one option must hold for all.
#include "cli/options.hpp"

#include <set>

#include "cli/scenario.hpp"
#include "tests/catch.hpp"

using namespace kvplan;
using nlohmann::json;

TEST_CASE("every option has a name, a flag and a meaning of its own") {
  std::set<std::string> paths, flags, helps;
  for (const Option& o : option_table()) {
    CAPTURE(o.path);
    CHECK(paths.insert(o.path).second);
    CHECK(helps.insert(o.help).second);
    CHECK((o.flag.empty() || flags.insert(o.flag).second));
    CHECK(o.help.back() == '.');
    CHECK(find_option(o.path) == &o);
  }
}

TEST_CASE("every built-in value is allowed, and where there is none a text says what decides") {
  for (const Option& o : option_table()) {
    CAPTURE(o.path);
    CHECK(o.fallback.is_null() == !o.fallback_text.empty());
    CHECK(accept(o, o.fallback) == std::optional<json>(o.fallback));
  }
}

TEST_CASE("the ends of every range are allowed, and what lies beyond is refused") {
  for (const Option& o : option_table()) {
    if (o.type != OptionType::integer && o.type != OptionType::number && o.type != OptionType::bytes) continue;
    CAPTURE(o.path);
    CHECK(o.low < o.high);
    CHECK(accept(o, json(o.low)));
    CHECK(accept(o, json(o.high)));
    CHECK_FALSE(accept(o, json(o.low - 1)));
    CHECK_FALSE(accept(o, json(o.high * 1.01 + 1)));
    for (const char* text : {"nan", "inf", "-inf", "1e999", "", "1 2", "0x10", "seven", "[1]", "true"}) {
      CAPTURE(text);
      CHECK_FALSE(accept_text(o, text));
    }
    if (o.type == OptionType::integer) CHECK_FALSE(accept(o, json(o.low + 0.5)));
  }
}

TEST_CASE("choices are taken as they are spelt, everything else is refused") {
  for (const Option& o : option_table()) {
    if (o.type != OptionType::text && o.type != OptionType::texts) continue;
    CAPTURE(o.path);
    for (const std::string& c : o.choices) CHECK(accept_text(o, c));
    CHECK_FALSE(accept_text(o, ""));
    CHECK_FALSE(accept(o, json(1)));
    if (!o.choices.empty()) CHECK_FALSE(accept_text(o, o.choices[0] + "x"));
  }
}

TEST_CASE("bytes take units, and integers a decimal point or exponent") {
  const Option& bytes = *find_option("offload.dram_bytes");
  CHECK(accept_text(bytes, "480 GB") == std::optional<json>(480'000'000'000));
  CHECK(accept_text(bytes, "1.5TiB") == std::optional<json>(1'649'267'441'664));
  CHECK(accept(bytes, json(1e12)) == std::optional<json>(1'000'000'000'000));
  CHECK(accept(bytes, json("64 GiB")) == std::optional<json>(68'719'476'736));
  for (const char* wrong : {"480 XB", "GB", "-1 GB", "1e30 TB", "4 8 GB"}) CHECK_FALSE(accept_text(bytes, wrong));
  CHECK(accept_text(*find_option("engine.max_num_seqs"), "6.4e1") == std::optional<json>(64));
}

TEST_CASE("several values are separated by commas and differ from one another") {
  const Option& mode = *find_option("offload.mode");
  CHECK(accept_text(mode, "none,dram") == std::optional<json>(json::array({"none", "dram"})));
  for (const char* wrong : {"none,none", "none,", ",", "none, dram"}) CHECK_FALSE(accept_text(mode, wrong));
}

TEST_CASE("a misspelt option leads to the one that was meant, in whichever group it is") {
  CHECK(suggest_option("engine.max_num_seq") == "did you mean \"engine.max_num_seqs\"?");
  CHECK(suggest_option("max_num_seqs") == "did you mean \"engine.max_num_seqs\"?");
  CHECK(suggest_option("offload.max_num_batched_token") == "did you mean \"engine.max_num_batched_tokens\"?");
  CHECK(suggest_option("modle") == "did you mean \"model\"?");
}

TEST_CASE("each option can be set from a file, by --set and shown with its origin") {
  for (const Option& o : option_table()) {
    CAPTURE(o.path);
    const json value = o.fallback.is_null() ? (o.type != OptionType::text ? json(o.low) : json(o.choices.empty() ? "x" : o.choices.front())) : o.fallback;
    json nested = value;
    for (std::size_t dot = o.path.size(); dot != std::string::npos;) {
      const std::size_t before = o.path.find_last_of('.', dot - 1);
      nested = json{{o.path.substr(before + 1, dot - before - 1), nested}};
      dot = before;
    }
    Scenario s;
    s.apply(JsonFile::parse(nested.dump(), "s.json"));
    CHECK(s.origin(o.path) == "s.json");
    const std::string text = value.is_string()  ? value.get<std::string>()
                             : value.is_array() ? value[0].get<std::string>()
                                                : value.dump();
    s.assign(o.path + "=" + text, "--set");
    CHECK(s.origin(o.path) == "--set");
  }
}
