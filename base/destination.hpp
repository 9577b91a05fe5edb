// Where a file that is written whole or not at all comes to stand.
#pragma once

#include <string>

namespace kvplan {

struct Destination {
  std::string path;       // what a symbolic link names in place of the link, which stays
  bool in_place = false;  // a device or a pipe: has no content to keep, and to put a file in its place would destroy it
};

Destination destination_of(const std::string& path);

}  // namespace kvplan
