// zlib and zstd directly: Boost's filters pass a cut-off zstd stream as complete.
#include "base/decompress.hpp"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstring>
#include <vector>

namespace kvplan {
namespace {

// Looks at the next bytes without consuming them.
class Buffered {
 public:
  explicit Buffered(std::unique_ptr<ByteSource> raw) : raw_(std::move(raw)), bytes_(std::size_t{1} << 16) {}

  bool at_end() { return begin_ == end_ && !refill(); }
  bool starts_with(const char* magic, std::size_t size) {
    while (end_ - begin_ < size) {
      if (!refill()) return false;
    }
    return std::memcmp(data(), magic, size) == 0;
  }
  char* data() { return bytes_.data() + begin_; }
  std::size_t size() const { return end_ - begin_; }
  void consume(std::size_t n) { begin_ += n; }

  // The next bytes, past the buffer once it is empty.
  std::size_t read(char* to, std::size_t size) {
    if (begin_ == end_) return raw_->read(to, size);
    const std::size_t n = std::min(size, end_ - begin_);
    std::memcpy(to, data(), n);
    consume(n);
    return n;
  }

 private:
  bool refill() {
    std::memmove(bytes_.data(), data(), size());
    end_ = size();
    begin_ = 0;
    const std::size_t got = raw_->read(bytes_.data() + end_, bytes_.size() - end_);
    end_ += got;
    return got > 0;
  }

  std::unique_ptr<ByteSource> raw_;
  std::vector<char> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

bool is_gzip(Buffered& in) { return in.starts_with("\x1f\x8b", 2); }
bool is_zstd(Buffered& in) { return in.starts_with("\x28\xb5\x2f\xfd", 4); }

class Plain : public ByteSource {
 public:
  explicit Plain(Buffered in) : in_(std::move(in)) {}
  std::size_t read(char* to, std::size_t size) override { return in_.read(to, size); }

 private:
  Buffered in_;
};

class Gzip : public ByteSource {
 public:
  explicit Gzip(Buffered in) : in_(std::move(in)) {
    constexpr int kGzipHeader = 16;
    if (inflateInit2(&z_, MAX_WBITS + kGzipHeader) != Z_OK) throw std::bad_alloc();
  }
  ~Gzip() override { inflateEnd(&z_); }

  std::size_t read(char* to, std::size_t size) override {
    size = std::min<std::size_t>(size, 1u << 30);
    z_.next_out = reinterpret_cast<Bytef*>(to);
    z_.avail_out = static_cast<uInt>(size);
    while (z_.avail_out == size && begin_member()) step();
    return size - z_.avail_out;
  }

 private:
  bool begin_member() {
    if (inside_) return true;
    if (in_.at_end()) return false;
    if (!is_gzip(in_)) throw DamagedInput("bytes that are not gzip follow the gzip stream");
    inflateReset(&z_);
    return inside_ = true;
  }
  void step() {
    if (in_.at_end()) throw DamagedInput("the gzip stream is cut off");
    z_.next_in = reinterpret_cast<Bytef*>(in_.data());
    z_.avail_in = static_cast<uInt>(in_.size());
    const std::size_t before = z_.avail_in;
    const int status = inflate(&z_, Z_NO_FLUSH);
    in_.consume(before - z_.avail_in);
    if (status == Z_STREAM_END)
      inside_ = false;
    else if (status != Z_OK)
      throw DamagedInput(fmt::format("the gzip stream is damaged ({})", z_.msg ? z_.msg : "zlib"));
  }

  Buffered in_;
  z_stream z_{};
  bool inside_ = false;
};

class Zstd : public ByteSource {
 public:
  explicit Zstd(Buffered in) : in_(std::move(in)), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
  }
  ~Zstd() override { ZSTD_freeDStream(stream_); }

  std::size_t read(char* to, std::size_t size) override {
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos == 0) {
      if (in_.at_end()) {
        if (inside_) throw DamagedInput("the zstd stream is cut off");
        return 0;
      }
      ZSTD_inBuffer input{in_.data(), in_.size(), 0};
      const std::size_t status = ZSTD_decompressStream(stream_, &out, &input);
      in_.consume(input.pos);
      if (ZSTD_isError(status)) {
        throw DamagedInput(fmt::format("the zstd stream is damaged ({})", ZSTD_getErrorName(status)));
      }
      inside_ = status != 0;
    }
    return out.pos;
  }

 private:
  Buffered in_;
  ZSTD_DStream* stream_;
  bool inside_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> decompressed(std::unique_ptr<ByteSource> raw) {
  Buffered in(std::move(raw));
  if (is_gzip(in)) return std::make_unique<Gzip>(std::move(in));
  if (is_zstd(in)) return std::make_unique<Zstd>(std::move(in));
  return std::make_unique<Plain>(std::move(in));
}

}  // namespace kvplan
