#pragma once

#include <string>

#include "traces/rows.hpp"

namespace kvplan {

// The WEKA sessions of a folder: its files NAME.json and those of its subfolders, whose
// names begin with the subfolders' ("DAY/NAME.json"), in order of name. sha256 is that of
// the lines "DIGEST  NAME" of those files, as sha256sum prints them.
TraceRows read_weka_folder(const std::string& folder);

}  // namespace kvplan
