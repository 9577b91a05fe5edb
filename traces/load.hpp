// The one entry from a file to a Workload.
#pragma once

#include <string>
#include <vector>

#include "traces/formats.hpp"
#include "traces/load_options.hpp"
#include "traces/rows.hpp"
#include "traces/workload.hpp"

namespace kvplan {

// Reads a trace, plain or compressed (.gz, .zst), or a folder of WEKA sessions;
// the format is told from the content, not from the name. Throws InputError with every finding, also for a
// file that is no trace, or whose format cannot be read: the error then names
// what the file looks like.
Workload load_workload(const std::string& path, const LoadOptions& options = {});

// The files whose contents load_workload(path) depends on, the trace itself first; empty for a folder and for
// standard input.
std::vector<std::string> files_of_trace(const std::string& path);

// The rows before compilation.
TraceRows load_rows(const std::string& path, const LoadOptions& options = {});

// The same from text in memory; `name` stands in errors for the path.
TraceRows rows_from_text(std::string text, const std::string& name, const LoadOptions& options = {});

// The same, with the format given.
TraceRows rows_in_format(const TraceFormat& format, std::string text, const std::string& name,
                         const LoadOptions& options = {});

}  // namespace kvplan
