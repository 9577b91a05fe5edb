// WEKA (kv-cache-tester) sessions: one JSON document a session,
//
//   {"id": "trace_0001", "block_size": 64, "hash_id_scope": "local", "requests": [
//     {"t": 51.0, "type": "n", "in": 84806, "out": 268, "hash_ids": [1, 2], "api_time": 7.98, "think_time": 35.0},
//     {"t": 134.2, "type": "subagent", "requests": [...]}]}
//
// t           s since the session's start; inside a sub-agent, since the sub-agent's
// hash_ids    of the full blocks of the prompt; ids of scope "local" mean nothing outside their session
// api_time    s of recorded service; think_time: s of client delay before the request; both may be missing
//
// A trace is one document, a folder of them, or a tar of them.
// Source: github.com/callanjfox/kv-cache-tester.
#pragma once

#include "traces/load_options.hpp"
#include "traces/rows.hpp"
#include "traces/text_source.hpp"

namespace kvplan {

// Throws InputError with every finding.
TraceRows read_weka(TextSource& in, const LoadOptions& options);

}  // namespace kvplan
