// The text of a trace, read once from front to back in constant memory, with its
// SHA-256. A byte order mark, which nobody sees, is skipped. The digest is computed beside the reading, on a thread of its own.
#pragma once

#include <cstdint>
#include <future>
#include <istream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "traces/load_options.hpp"

namespace kvplan {

// At the head of a text: nobody sees it.
inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

struct TextLine {
  std::string_view text;    // without the line's end
  std::int64_t number = 0;  // from 1
  std::size_t room = 0;     // bytes from text.data() that may be read: at least simdjson's padding more than the line
};

class TextSource {
 public:
  // `name` stands in errors for the path; `folder`: where files that belong to the trace may stand, "": nowhere.
  TextSource(std::unique_ptr<std::istream> in, std::string name, std::string folder = "",
             std::int64_t max_line_bytes = LoadOptions().max_line_bytes);
  ~TextSource();

  const std::string& name() const { return name_; }
  const std::string& folder() const { return folder_; }

  // The first 64 KiB, as far as there are; before anything is read.
  std::string_view head();

  // The next line; false at the end. What it gave before is no longer valid. InputError for a line that is longer
  // than max_line_bytes: memory stays within twice that.
  bool next_line(TextLine& line);

  // The next bytes, however many; empty at the end. Not to be mixed with lines.
  std::string_view next_part();

  // All that is left.
  std::string rest();

  // Of the text so far.
  std::int64_t bytes_read() const { return bytes_read_; }

  // Lower-case hexadecimal, of all that was read; reads what is left.
  std::string sha256();

 private:
  struct Digest;
  bool refill();
  [[noreturn]] void refuse_line() const;

  std::unique_ptr<std::istream> in_;
  std::string name_, folder_;
  std::size_t max_line_bytes_;
  std::string buffer_;  // bytes [begin_, end_) are unread; padding follows
  std::size_t begin_ = 0, end_ = 0;
  std::int64_t lines_ = 0, bytes_read_ = 0;
  std::unique_ptr<Digest> digest_;
};

}  // namespace kvplan
