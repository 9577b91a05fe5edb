#include "reports/write.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
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

TEST_CASE("a symbolic link stays, and what it names is written, whether it is there or not") {
  Folder folder;
  fs::create_directories(folder.path / "real");
  std::ofstream(folder.path / "real" / "result.json") << "old";
  fs::create_symlink("real/result.json", folder.path / "link");
  fs::create_symlink("real/new.json", folder.path / "dangling");
  fs::create_symlink("link", folder.path / "second");
  write_file((folder.path / "second").string(), "text");
  write_file((folder.path / "dangling").string(), "more");
  CHECK(text_of(folder.path / "real" / "result.json") == "text");
  CHECK(text_of(folder.path / "real" / "new.json") == "more");
  for (const char* link : {"link", "dangling", "second"}) CHECK(fs::is_symlink(folder.path / link));
}

TEST_CASE("a pipe and a device are written to, and stay what they are") {
  Folder folder;
  const fs::path pipe = folder.path / "pipe", full = folder.path / "full";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  auto read = std::async(std::launch::async, [&] { return text_of(pipe); });
  write_file(pipe.string(), "text");
  CHECK(read.get() == "text");
  CHECK(fs::is_fifo(pipe));
  fs::create_symlink("/dev/full", full);
  CHECK_THROWS_AS(write_file(full.string(), "text"), InputError);  // it takes nothing, and says so
  CHECK(fs::is_character_file(full));
  CHECK(fs::is_symlink(full));
}
