// Goal: what the quick reader takes, the general parser takes too, and finds the same in it.
#include "traces/flat_object.hpp"

#include <fmt/format.h>
#include <rapidcheck.h>

#include <map>
#include <string>

#include "tests/catch.hpp"
#include "traces/block_numbers.hpp"
#include "traces/load.hpp"

using namespace kvplan;

namespace {

// The same line for the general parser alone: an escape in a key, which FlatObject leaves to it.
std::string escaped(std::string line) {
  const auto at = line.find("\"output_length\"");
  return at == std::string::npos ? line : line.replace(at + 1, 1, "\\u006f");
}

struct Outcome {
  bool refused = false;
  std::vector<std::vector<std::int64_t>> rows;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(const std::string& line) {
  Outcome o;
  try {
    const TraceRows rows = rows_in_format(*trace_format("mooncake"), line, "t");
    for (const TraceRow& row : rows.rows) {
      std::vector<std::int64_t> all = {row.timestamp ? row.timestamp->count : -1, row.delay ? row.delay->count : -1,
                                       row.prompt_tokens, row.output_tokens, std::int64_t{row.session}};
      for (const std::uint32_t id : rows.ids_of(row)) all.push_back(id);
      o.rows.push_back(all);
    }
  } catch (const InputError&) {
    o.refused = true;
  }
  return o;
}

std::string random_line() {
  const int blocks = *rc::gen::inRange(0, 9);
  std::string ids;
  for (int i = 0; i < blocks; ++i) {
    const auto id = *rc::gen::arbitrary<std::uint64_t>() >> *rc::gen::inRange(0, 64);
    ids += fmt::format("{}{}", i == 0 ? "" : *rc::gen::element(",", ", ", " ,\t"), id);
  }
  const auto time = *rc::gen::element<std::string>("0", "17", "2.5", "1e3", "-1", "01", "1.", "9223372036", "null");
  const auto session = *rc::gen::element<std::string>("", ", \"session_id\": \"a\"", ", \"session_id\": \"\\u0061\"",
                                                      ", \"other\": \"\"", ", \"other\": {}");
  return fmt::format("{{\"timestamp\": {}, \"input_length\": {}, \"output_length\": 3, \"hash_ids\": [{}]{}}}", time,
                     512 * blocks, ids, session);
}

}  // namespace

TEST_CASE("both ways to read a line find the same, also where it is broken") {
  int quick = 0;
  CHECK(rc::check([&] {
    std::string line = random_line();
    if (*rc::gen::inRange(0, 3) == 0) {  // break it somewhere behind the key that tells the two ways apart
      const auto from = static_cast<int>(line.find("output_length") + 15);
      const auto at = static_cast<std::size_t>(*rc::gen::inRange(from, static_cast<int>(line.size())));
      line[at] = *rc::gen::element('{', '}', '[', ']', '"', ',', ':', '-', '.', '7', ' ', '\\', 'x', '\x01', '\xff');
    }
    FlatObject flat;
    quick += flat.scan(line);
    RC_ASSERT(!flat.scan(escaped(line)));
    RC_ASSERT(outcome_of(line) == outcome_of(escaped(line)));
  }));
  CHECK(quick > 0);  // of 100 lines a quarter, as a rule
}

TEST_CASE("integers of every length up to 19 digits are read exactly, and longer ones left alone") {
  FlatObject flat;
  std::string digits;
  std::uint64_t value = 0;
  for (int length = 1; length <= 20; ++length) {
    digits += static_cast<char>('0' + length % 10);
    value = 10 * value + static_cast<std::uint64_t>(length % 10);
    for (const char* behind : {"", " ", "                  "}) {
      const bool taken = flat.scan(fmt::format("{{\"a\":[{}{},0]}}", digits, behind));
      REQUIRE(taken == (length <= 19));
      if (taken) CHECK(flat.integers()[0] == value);
    }
  }
}

TEST_CASE("numbers of blocks are those of a map, whatever the hashes") {
  CHECK(rc::check([](const std::vector<std::uint8_t>& small, const std::vector<std::uint64_t>& large) {
    BlockNumbers numbers;
    std::map<std::uint64_t, std::uint32_t> known;
    std::uint64_t count = 0;
    const auto meet = [&](std::uint64_t hash) {
      const auto expected = known.emplace(hash, static_cast<std::uint32_t>(known.size())).first->second;
      RC_ASSERT(numbers(hash) == expected);
      RC_ASSERT(numbers.size() == known.size());
    };
    for (const std::uint8_t s : small) meet(s < 200 ? count++ : s % (count + 1));  // counting up, with repeats
    for (const std::uint64_t hash : large) meet(hash), meet(hash << 40), meet(hash % (count + 3));
    for (const std::uint8_t s : small) meet(s);
  }));
}
