#include "traces/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <memory>

#include "base/error.hpp"

namespace kvplan {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{16} << 30;

using Archive = std::unique_ptr<archive, int (*)(archive*)>;

// What the source throws must not pass through the library's C frames.
struct Reading {
  TextSource& in;
  std::exception_ptr error;
};

la_ssize_t read_part(archive*, void* client, const void** bytes) {
  auto& reading = *static_cast<Reading*>(client);
  try {
    const std::string_view part = reading.in.next_part();
    *bytes = part.data();
    return static_cast<la_ssize_t>(part.size());
  } catch (...) {
    reading.error = std::current_exception();
    return -1;
  }
}

std::string read_file(archive* a, std::int64_t& status) {
  std::string bytes;
  const void* part = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  while ((status = archive_read_data_block(a, &part, &size, &offset)) == ARCHIVE_OK) {
    if (offset < 0 || offset > kMostBytes || offset + static_cast<std::int64_t>(size) > kMostBytes) {
      status = ARCHIVE_FATAL;
      break;
    }
    // A hole in a sparse file would be zeros, which no text has.
    if (static_cast<std::size_t>(offset) != bytes.size()) {
      status = ARCHIVE_FATAL;
      break;
    }
    bytes.append(static_cast<const char*>(part), size);
  }
  return bytes;
}

}  // namespace

bool is_tar(std::string_view head) { return head.size() >= 262 && head.substr(257, 5) == "ustar"; }

void for_each_file_of_tar(TextSource& in, const std::function<void(const std::string&, std::string)>& take) {
  const Archive a(archive_read_new(), archive_read_free);
  if (a == nullptr) throw std::bad_alloc();
  Reading reading{in, nullptr};
  const auto refuse = [&](const std::string& file) {
    if (reading.error) std::rethrow_exception(reading.error);
    const char* why = archive_error_string(a.get());
    throw InputError({in.name(), 0, 0,
                      fmt::format("the tar archive is damaged{}: {}", file.empty() ? "" : " in " + file,
                                  why != nullptr ? why : "a file of it is too large, or has holes"),
                      "fetch or write the file again"});
  };
  archive_read_support_format_tar(a.get());
  if (archive_read_open(a.get(), &reading, nullptr, read_part, nullptr) != ARCHIVE_OK) refuse("");
  while (true) {
    archive_entry* entry = nullptr;
    const int got = archive_read_next_header(a.get(), &entry);
    if (got == ARCHIVE_EOF) return;
    if (got != ARCHIVE_OK) refuse("");
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    const char* path = archive_entry_pathname(entry);
    const std::string name = path != nullptr ? path : "";
    std::int64_t status = ARCHIVE_OK;
    std::string bytes = read_file(a.get(), status);
    if (status != ARCHIVE_EOF) refuse(name);
    take(name, std::move(bytes));
  }
}

}  // namespace kvplan
