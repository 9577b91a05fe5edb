#include "base/memory_need.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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
  const pid_t child = ::fork();
  if (child == 0) {
    memory_left();  // takes what it needs while there is some
    const rlimit limit{std::size_t{1} << 40, std::size_t{1} << 40};  // sanitizers map terabytes: then nothing is left
    const bool set = ::setrlimit(RLIMIT_AS, &limit) == 0;
    ::_exit(set && memory_left() <= 1.1e12 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}
