// The folder of one run, as the verbs that look into it name it.
#pragma once

#include <string>

namespace kvplan {

// The folder itself, or that of a file in it. InputError when it keeps no run, or those of several combinations.
std::string run_folder(const std::string& path);

// The folder of a combination ("gh200-96 dram"), within that of the run that compares several.
std::string combination_folder(std::string combination);

}  // namespace kvplan
