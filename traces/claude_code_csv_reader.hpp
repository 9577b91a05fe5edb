// The table of Claude Code requests that is derived from the kv-cache-tester
// sessions, one request a line in order of start within its session:
//
//   session,req,agent,turn,t_s,in_tokens,out_tokens,api_s,ttft_s,think_s,stop,parent_req,shared_blocks,blocks
//
// t_s          s since the session's start; api_s: recorded service time, think_s: client delay before; may be empty
// parent_req   the session's earlier request with the longest shared prefix, -1: none
// blocks       full blocks of 64 tokens, of which the first shared_blocks are the parent's
#pragma once

#include "traces/load_options.hpp"
#include "traces/rows.hpp"
#include "traces/text_source.hpp"

namespace kvplan {

// Sessions that a table of near-duplicates beside the trace names are left out, and counted.
TraceRows read_claude_code_csv(TextSource& in, const LoadOptions& options);

}  // namespace kvplan
