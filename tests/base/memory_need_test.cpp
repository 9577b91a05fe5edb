#include "base/memory_need.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/error.hpp"
#include "tests/catch.hpp"

using namespace kvplan;

TEST_CASE("what fits passes, and what does not names what it takes and what is left") {
  CHECK(memory_left() > 1e6);
  CHECK_NOTHROW(require_memory(1e3, "a load", "nothing"));
  CHECK_THROWS_WITH(require_memory(1e18, "a load", "take less"),
                    Catch::Contains("a load would take at least 1000000000.0 GB") && Catch::Contains("take less"));
}

TEST_CASE("a limit on the address space counts") {
  constexpr std::size_t kRoom = std::size_t{1} << 30;
  const pid_t child = ::fork();
  if (child == 0) {
    std::size_t pages = 0;  // terabytes under sanitizers
    std::ifstream("/proc/self/statm") >> pages;
    const std::size_t most = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + kRoom;
    const rlimit limit{most, most};
    const bool set = pages > 0 && ::setrlimit(RLIMIT_AS, &limit) == 0;
    const double left = memory_left();
    ::_exit(set && left > 0 && left <= static_cast<double>(kRoom) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}
