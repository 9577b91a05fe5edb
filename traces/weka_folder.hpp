#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "traces/rows.hpp"

namespace kvplan {

// All regular files of a folder and its subfolders, named from the folder, in order of name.
// InputError if one of them cannot be listed.
std::vector<std::string> files_of_weka_folder(const std::string& folder);

// Whether a file of that name is read as a session; all others are passed over.
bool is_weka_session(std::string_view name);

// The WEKA sessions of a folder: its files NAME.json and those of its subfolders, whose
// names begin with the subfolders' ("DAY/NAME.json"), in order of name. sha256 is that of
// the lines "DIGEST  NAME" of those files, as sha256sum prints them.
TraceRows read_weka_folder(const std::string& folder);

}  // namespace kvplan
