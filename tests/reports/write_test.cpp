#include "reports/write.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.hpp"
#include "tests/catch.hpp"

using namespace kvplan;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("kvplan-write-" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
};

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a file is written whole, over what was there, and leaves no temporary") {
  Folder folder;
  const fs::path file = folder.path / "a" / "b" / "result.json";
  write_file(file.string(), "first");
  write_file(file.string(), "second");
  CHECK(text_of(file) == "second");
  CHECK(std::distance(fs::directory_iterator(file.parent_path()), fs::directory_iterator()) == 1);
}

TEST_CASE("where it cannot be written, the error names the file and the old content stays") {
  Folder folder;
  std::ofstream(folder.path / "plain") << "kept";
  const std::string below = (folder.path / "plain" / "result.json").string();
  CHECK_THROWS_AS(write_file(below, "x"), InputError);
  CHECK(text_of(folder.path / "plain") == "kept");
}
