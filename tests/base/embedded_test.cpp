#include "base/embedded.hpp"

#include <algorithm>

#include "base/file.hpp"
#include "tests/catch.hpp"

namespace kvplan {
namespace {

TEST_CASE("embedded files are the files of the source tree, byte by byte") {
  const std::vector<std::string> names = embedded_files("");
  REQUIRE(!names.empty());
  CHECK(std::is_sorted(names.begin(), names.end()));
  for (const std::string& name : names) {
    CAPTURE(name);
    // Compressed files are embedded as they are, and would be unpacked by read_text_file.
    if (name.size() > 5 && name.substr(name.size() - 5) != ".json") continue;
    CHECK(embedded_file(name) == read_text_file(std::string(KVPLAN_SOURCE_DIR) + "/" + name));
  }
}

TEST_CASE("prefixes select, unknown names give nothing") {
  const std::vector<std::string> devices = embedded_files("hardware/devices/");
  CHECK(std::count(devices.begin(), devices.end(), "hardware/devices/x86-h100-sxm.json") == 1);
  CHECK(embedded_files("hardware/devices/x86-h100-s").size() == 1);
  CHECK(embedded_file("hardware/devices/absent.json").data() == nullptr);
}

}  // namespace
}  // namespace kvplan
