// ShareGPT conversations, by their lengths: a JSON array, or one object a line, of
//
//   {"id": "x", "conversations": [{"from": "human", "value": "..."}, {"from": "gpt", "value": "..."}]}
//
// or with "messages" of {"role", "content"}. Every answer of the model is a turn
// whose prompt is all that stands before it; a prompt begins with the full blocks
// of the prompt before. A text counts a token for every four characters unless its
// message has "tokens". There are no times: a session turns over without pauses,
// and all start at zero unless arrivals are imposed.
#pragma once

#include "traces/load_options.hpp"
#include "traces/rows.hpp"
#include "traces/text_source.hpp"

namespace kvplan {

// Throws InputError with every finding.
TraceRows read_sharegpt(TextSource& in, const LoadOptions& options);

}  // namespace kvplan
