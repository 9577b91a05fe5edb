// Data files that are compiled into the program, so that one binary finds its
// hardware, models and examples without a path. A name is the file's path in
// the source tree: "hardware/devices/x86-h100-sxm.json".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kvplan {

// The file's bytes; data() is null when there is no such file.
std::string_view embedded_file(std::string_view name);

// The names that begin with `prefix`, in order.
std::vector<std::string> embedded_files(std::string_view prefix);

// The names of the JSON files in a folder, without folder and ".json": what a user calls them.
std::vector<std::string> embedded_json_names(std::string_view folder);

}  // namespace kvplan
