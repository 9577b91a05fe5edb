// The formats of traces that can be read, in one table.
#pragma once

#include <span>
#include <string_view>

#include "traces/load_options.hpp"
#include "traces/rows.hpp"
#include "traces/text_source.hpp"

namespace kvplan {

struct TraceFormat {
  const char* name;   // as it stands in Workload::format
  const char* title;  // for people
  TraceRows (*read)(TextSource&, const LoadOptions&);
  bool tried_on_real_files;  // false: only the published description was at hand, and the notes say so
  const char* passed_over;   // what the format holds and a row does not keep; "": nothing that the notes do not count
};

std::span<const TraceFormat> trace_formats();

// Null if there is none of this name.
const TraceFormat* trace_format(std::string_view name);

}  // namespace kvplan
