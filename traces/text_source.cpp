#include "traces/text_source.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <simdjson.h>

#include <array>
#include <cstring>

#include "base/error.hpp"

namespace kvplan {
namespace {
constexpr std::size_t kPart = std::size_t{1} << 20;
constexpr std::size_t kHead = 65536;  // and the first part, so that a short text costs little
}  // namespace

// SHA-256 of parts in order. A part is copied, and digested while the next one is read.
struct TextSource::Digest {
  Digest() : context(EVP_MD_CTX_new()) { KVPLAN_ASSERT(EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1); }
  ~Digest() {
    wait();
    EVP_MD_CTX_free(context);
  }

  void add(const char* bytes, std::size_t size) {
    wait();
    part.assign(bytes, size);
    const auto work = [this] { KVPLAN_ASSERT(EVP_DigestUpdate(context, part.data(), part.size()) == 1); };
    if (size < kPart / 4) {
      work();
    } else {
      running = std::async(std::launch::async, work);
    }
  }

  std::string hex() {
    wait();
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    KVPLAN_ASSERT(EVP_DigestFinal_ex(context, digest.data(), &size) == 1);
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
  }

  void wait() {
    if (running.valid()) running.get();
  }

  EVP_MD_CTX* context;
  std::string part;
  std::future<void> running;
};

TextSource::TextSource(std::unique_ptr<std::istream> in, std::string name, std::string folder,
                       std::int64_t max_line_bytes)
    : in_(std::move(in)),
      name_(std::move(name)),
      folder_(std::move(folder)),
      max_line_bytes_(static_cast<std::size_t>(max_line_bytes)),
      digest_(std::make_unique<Digest>()) {}

TextSource::~TextSource() = default;

// Unread bytes move to the front; a line longer than the buffer doubles it.
bool TextSource::refill() {
  if (!in_->good()) return false;  // the last part came short
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const std::size_t padding = simdjson::SIMDJSON_PADDING, part = bytes_read_ == 0 ? kHead : kPart;
  if (buffer_.size() < end_ + part + padding) buffer_.resize(std::max(2 * end_, end_ + part) + padding);
  in_->read(buffer_.data() + end_, static_cast<std::streamsize>(buffer_.size() - padding - end_));
  const auto got = static_cast<std::size_t>(in_->gcount());
  if (got > 0) digest_->add(buffer_.data() + end_, got);
  end_ += got;
  if (bytes_read_ == 0 && std::string_view(buffer_.data(), end_).starts_with(kByteOrderMark)) begin_ = kByteOrderMark.size();
  bytes_read_ += static_cast<std::int64_t>(got);
  return got > 0;
}

std::string_view TextSource::head() {
  while (end_ - begin_ < kHead && refill()) {
  }
  return std::string_view(buffer_).substr(begin_, std::min(end_ - begin_, kHead));
}

bool TextSource::next_line(TextLine& line) {
  std::size_t searched = 0;  // unread bytes without a line's end
  const char* found = nullptr;
  while (true) {
    const std::size_t unread = end_ - begin_;
    found = unread == searched
                ? nullptr
                : static_cast<const char*>(std::memchr(buffer_.data() + begin_ + searched, '\n', unread - searched));
    if (found != nullptr) break;
    searched = unread;
    if (unread > max_line_bytes_) refuse_line();
    if (!refill()) break;
  }
  if (found == nullptr && begin_ == end_) return false;
  const std::size_t length =
      found != nullptr ? static_cast<std::size_t>(found - buffer_.data()) - begin_ : end_ - begin_;
  if (length > max_line_bytes_) refuse_line();
  line = {std::string_view(buffer_).substr(begin_, length), ++lines_, buffer_.size() - begin_};
  begin_ += found != nullptr ? length + 1 : length;
  return true;
}

void TextSource::refuse_line() const {
  throw InputError({name_, lines_ + 1, 0, fmt::format("the line is longer than {} bytes", max_line_bytes_),
                    "a trace has one request a line; a JSON document in one piece must be cut: jq -c '.[]' FILE"});
}

std::string_view TextSource::next_part() {
  if (begin_ == end_ && !refill()) return {};
  const std::string_view part = std::string_view(buffer_).substr(begin_, end_ - begin_);
  begin_ = end_;
  return part;
}

std::string TextSource::rest() {
  std::string text;
  for (std::string_view part = next_part(); !part.empty(); part = next_part()) text += part;
  return text;
}

std::string TextSource::sha256() {
  while (!next_part().empty()) {
  }
  return digest_->hex();
}

}  // namespace kvplan
