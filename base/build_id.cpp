#include "base/build_id.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <cstring>

namespace kvplan {
namespace {

// The note of that type among those that lie in [at, end), each {sizes, type, owner, content}, padded to words.
std::string id_among(const char* at, const char* end) {
  const auto padded = [](ElfW(Word) size) { return (std::size_t{size} + 3) / 4 * 4; };
  while (at + sizeof(ElfW(Nhdr)) <= end) {
    ElfW(Nhdr) note;
    std::memcpy(&note, at, sizeof note);
    const char* owner = at + sizeof note;
    const char* content = owner + padded(note.n_namesz);
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(owner, "GNU", 4) == 0) {
      std::string id;
      for (ElfW(Word) i = 0; i < note.n_descsz; ++i) id += fmt::format("{:02x}", static_cast<unsigned char>(content[i]));
      return id;
    }
    at = content + padded(note.n_descsz);
  }
  return "";
}

// Called for the program first, then for its libraries; anything but 0 ends the walk.
int find(dl_phdr_info* info, std::size_t, void* found) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const auto* begin = reinterpret_cast<const char*>(info->dlpi_addr + header.p_vaddr);
    const std::string id = id_among(begin, begin + header.p_memsz);
    if (!id.empty()) *static_cast<std::string*>(found) = id;
  }
  return 1;
}

}  // namespace

std::string build_id() {
  std::string found;
  ::dl_iterate_phdr(find, &found);
  return found;
}

}  // namespace kvplan
