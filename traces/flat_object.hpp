// A line of JSON as programs write it, without the general parser: one object whose
// values are numbers, strings of plain ASCII without escapes, and at most one
// array of integers, which may be most of the line. Whatever is otherwise,
// valid or not, is left to the general parser, which also finds the words for it.
//
// Invariant: what scan() takes, a JSON parser takes too, and finds the same in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace kvplan {

class FlatObject {
 public:
  struct Member {
    std::string_view key;    // without quotes
    std::string_view token;  // as it stands: a number, a string with its quotes, or the array
  };

  // False for a line that is for the general parser.
  bool scan(std::string_view line);

  // Of the last line scanned; views into it.
  std::span<const Member> members() const { return {members_.data(), count_}; }
  // The array's elements: 0 to 10^19 - 1.
  std::span<const std::uint64_t> integers() const { return integers_; }

 private:
  bool scan_array(const char*& at, const char* end);

  std::array<Member, 24> members_;
  std::size_t count_ = 0;
  std::vector<std::uint64_t> integers_;
};

}  // namespace kvplan
