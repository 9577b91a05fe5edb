// Qwen-Bailian traces: one JSON object a line,
//
//   {"chat_id": 159, "parent_chat_id": 55, "timestamp": 61.1, "input_length": 521, "output_length": 132,
//    "type": "text", "turn": 2, "hash_ids": [1089, 1090]}
//
// timestamp       s since the start of the trace
// parent_chat_id  the chat that this one continues, -1: none; turn counts from 1
// input_length    tokens of the whole prompt, history included
// hash_ids        prefix hashes of blocks of 16 tokens, the last partial
//
// A parent that is not in the trace is forgotten, and counted.
// Source: github.com/alibaba-edu/qwen-bailian-usagetraces-anon.
#pragma once

#include "traces/load_options.hpp"
#include "traces/rows.hpp"
#include "traces/text_source.hpp"

namespace kvplan {

// Throws InputError with every finding.
TraceRows read_bailian(TextSource& in, const LoadOptions& options);

}  // namespace kvplan
