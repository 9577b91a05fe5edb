// The files of a tar archive, one after another.
#pragma once

#include <functional>
#include <string>

#include "traces/text_source.hpp"

namespace kvplan {

bool is_tar(std::string_view head);

// Calls take(name, bytes) for each regular file, in the order of the archive.
// Throws InputError if the archive is damaged, or a file larger than 16 GiB.
void for_each_file_of_tar(TextSource& in, const std::function<void(const std::string&, std::string)>& take);

}  // namespace kvplan
