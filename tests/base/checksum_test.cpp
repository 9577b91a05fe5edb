#include "base/checksum.hpp"

#include "base/build_id.hpp"
#include "tests/catch.hpp"

using namespace kvplan;

// The values that xxhsum -H2 prints.
TEST_CASE("checksums are XXH3 of 128 bits") {
  CHECK(checksum_hex("") == "99aa06d3014798d86001c324468d497f");
  CHECK(checksum_hex("abc") == "06b05ab6733a618578af5f94892f3950");
}

TEST_CASE("a build has an identity of its own") {
  const std::string id = build_id();
  CHECK(id.size() >= 16);
  CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
}
