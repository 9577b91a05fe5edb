// The folder of one run, as the verbs that look into it name it.
#pragma once

#include <string>

namespace kvplan {

// The folder itself, or that of a file in it. InputError when it keeps no run, or those of several combinations.
std::string run_folder(const std::string& path);

}  // namespace kvplan
