#include "base/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <streambuf>
#include <vector>

#include "base/decompress.hpp"
#include "base/error.hpp"

namespace kvplan {
namespace {

[[noreturn]] void refuse(const std::string& path, std::string message, std::string help = "") {
  throw InputError(Diagnostic{path == "-" ? "standard input" : path, 0, 0, std::move(message), std::move(help)});
}

class FileSource : public ByteSource {
 public:
  explicit FileSource(const std::string& path) : path_(path) {
    file_ = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
    if (file_ == nullptr) refuse(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
  }
  ~FileSource() override {
    if (file_ != stdin) std::fclose(file_);
  }
  std::size_t read(char* to, std::size_t size) override {
    const std::size_t got = std::fread(to, 1, size, file_);
    if (got == 0 && std::ferror(file_)) refuse(path_, fmt::format("cannot be read: {}", std::strerror(errno)));
    return got;
  }

 private:
  std::string path_;
  std::FILE* file_;
};

class TextBuffer : public std::streambuf {
 public:
  TextBuffer(const std::string& path, std::int64_t max_bytes)
      : path_(path), max_bytes_(max_bytes), bytes_(std::size_t{1} << 18) {
    guarded([&] { source_ = decompressed(std::make_unique<FileSource>(path)); });
    if (sgetc() == traits_type::eof()) refuse(path, "is empty");
  }

  // The next bytes, until an empty view says that the text is at its end.
  std::string_view chunk() {
    if (gptr() == egptr() && underflow() == traits_type::eof()) return {};
    const std::string_view view(gptr(), static_cast<std::size_t>(egptr() - gptr()));
    setg(eback(), egptr(), egptr());
    return view;
  }

 protected:
  int_type underflow() override {
    const std::size_t got = read(bytes_.data(), bytes_.size());
    setg(bytes_.data(), bytes_.data(), bytes_.data() + got);
    return got == 0 ? traits_type::eof() : traits_type::to_int_type(bytes_[0]);
  }

  // What is buffered, then straight from the source.
  std::streamsize xsgetn(char* to, std::streamsize size) override {
    std::streamsize done = std::min<std::streamsize>(size, egptr() - gptr());
    std::copy_n(gptr(), done, to);
    setg(eback(), gptr() + done, egptr());
    while (done < size) {
      const std::size_t got = read(to + done, static_cast<std::size_t>(size - done));
      if (got == 0) break;
      done += static_cast<std::streamsize>(got);
    }
    return done;
  }

 private:
  std::size_t read(char* to, std::size_t size) {
    std::size_t got = 0;
    guarded([&] { got = source_->read(to, size); });
    total_ += static_cast<std::int64_t>(got);
    if (total_ > max_bytes_) {
      refuse(path_, fmt::format("holds more than {} bytes of text, the limit for this input", max_bytes_),
             "split the file, or check what it is: a small compressed file that expands without end is refused");
    }
    return got;
  }

  template <class Action>
  void guarded(Action action) {
    try {
      action();
    } catch (const DamagedInput& e) {
      refuse(path_, fmt::format("{}, after {} bytes of text", e.what(), total_), "fetch or write the file again");
    }
  }

  std::string path_;
  std::int64_t max_bytes_;
  std::int64_t total_ = 0;
  std::vector<char> bytes_;
  std::unique_ptr<ByteSource> source_;
};

class TextStream : public std::istream {
 public:
  TextStream(const std::string& path, std::int64_t max_bytes) : std::istream(nullptr), buffer_(path, max_bytes) {
    rdbuf(&buffer_);
    exceptions(std::ios::badbit);  // lets the buffer's InputError through to the reader
  }

 private:
  TextBuffer buffer_;
};

}  // namespace

std::string read_text_file(const std::string& path, std::int64_t max_bytes) {
  TextBuffer buffer(path, max_bytes);
  std::string text;
  for (std::string_view part = buffer.chunk(); !part.empty(); part = buffer.chunk()) text += part;
  return text;
}

std::unique_ptr<std::istream> open_text_file(const std::string& path, std::int64_t max_bytes) {
  return std::make_unique<TextStream>(path, max_bytes);
}

}  // namespace kvplan
