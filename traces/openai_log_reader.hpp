// A request log in the terms of the OpenAI API: one JSON object a line with
//
//   usage {prompt_tokens, completion_tokens}, or both at the top level
//   timestamp, created or created_at: s since 1970 or since the start, or an ISO 8601 date and time
//   session_id, conversation_id or user: optional; the first that is there names the session
//   duration_s: optional, arrival to end
//
// The log has no hashes. A prompt at least as long as its session's prompt before and
// its answer is taken to begin with that prompt; a shorter one shares nothing.
#pragma once

#include "traces/load_options.hpp"
#include "traces/rows.hpp"
#include "traces/text_source.hpp"

namespace kvplan {

// Throws InputError with every finding.
TraceRows read_openai_log(TextSource& in, const LoadOptions& options);

}  // namespace kvplan
