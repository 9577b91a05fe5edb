#include "base/embedded.hpp"

#include "base/embedded_table.hpp"

namespace kvplan {

std::string_view embedded_file(std::string_view name) {
  for (const EmbeddedFile& f : embedded_table()) {
    if (f.name == name) return {reinterpret_cast<const char*>(f.bytes), f.size};
  }
  return {};
}

std::vector<std::string> embedded_files(std::string_view prefix) {
  std::vector<std::string> names;
  for (const EmbeddedFile& f : embedded_table()) {
    if (f.name.substr(0, prefix.size()) == prefix) names.emplace_back(f.name);
  }
  return names;
}

std::vector<std::string> embedded_json_names(std::string_view folder) {
  constexpr std::string_view kSuffix = ".json";
  std::vector<std::string> names;
  for (const std::string& file : embedded_files(folder)) {
    names.push_back(file.substr(folder.size(), file.size() - folder.size() - kSuffix.size()));
  }
  return names;
}

}  // namespace kvplan
