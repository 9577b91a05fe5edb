// Compiled loads on disk: what a trace and its options compile to, kept beside
// the trace in a folder `.kvplan`, so that the next start need not read the
// trace again. Every file may be deleted at any time; the sixteen used last stay.
//
// A file is named by a checksum of all that the load follows from: the contents
// of the trace, the options, and the build of kvplan. It counts only if it is
// whole. KVPLAN_CACHE names another folder, or is "off". Nothing is kept where
// the folder cannot be written, and nothing that compiles in no time anyway.
#pragma once

#include <functional>
#include <ostream>
#include <string>

#include <nlohmann/json.hpp>

#include "traces/workload.hpp"

namespace kvplan {

// The load of that trace under those options: from the disk, or made and kept there. A damaged file is
// told to `err`, and made again.
Workload compiled_load(const std::string& trace, const nlohmann::ordered_json& options,
                       const std::function<Workload()>& make, std::ostream& err);

}  // namespace kvplan
