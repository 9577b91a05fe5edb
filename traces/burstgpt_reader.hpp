// BurstGPT: Timestamp (s since the start), Model, Request tokens, Response tokens,
// Total tokens, Log Type; later releases add Session ID and Elapsed time. The trace
// tells nothing of prefixes: every prompt is its own. Answers of 0 tokens failed in
// the recording; they stay, and are counted.
// Source: github.com/HPMLL/BurstGPT.
#pragma once

#include "traces/load_options.hpp"
#include "traces/rows.hpp"
#include "traces/text_source.hpp"

namespace kvplan {

// Throws InputError with every finding.
TraceRows read_burstgpt(TextSource& in, const LoadOptions& options);

}  // namespace kvplan
