// Mooncake's trace format: one JSON object a line,
//
//   {"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, 2353]}
//
// timestamp      ms since the start of the trace; integer or decimal
// input_length   tokens of the whole prompt, 0 to 2^31 - 1
// output_length  tokens of the answer, 0 to 2^31 - 1
// hash_ids       prefix hashes of the prompt's blocks of 512 tokens, 64-bit unsigned;
//                ceil(input_length / 512) of them, or floor: then the tail is not hashed
// session_id     optional: turns of one session stand in order of time
// delay          optional: ms between the end of the session's turn before and this one,
//                instead of a timestamp (closed loop)
//
// Source: github.com/kvcache-ai/Mooncake, FAST25-release/traces; session_id and
// delay as in NVIDIA's aiperf and Dynamo, here with whole prompts in every row.
#pragma once

#include "traces/load_options.hpp"
#include "traces/rows.hpp"
#include "traces/text_source.hpp"

namespace kvplan {

// Throws InputError with every finding. Other
// fields are counted and noted, or refused if strict.
TraceRows read_mooncake(TextSource& in, const LoadOptions& options);

}  // namespace kvplan
