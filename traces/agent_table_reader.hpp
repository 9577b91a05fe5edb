// Tables of agents' requests that are derived from recorded sessions, one request a line in order of start within its
// session. The Claude Code one, of kv-cache-tester sessions:
//
//   session,req,agent,turn,t_s,in_tokens,out_tokens,api_s,ttft_s,think_s,stop,parent_req,shared_blocks,blocks
//
// t_s          s since the session's start; api_s: recorded service time, think_s: client delay before; may be empty
// parent_req   the session's earlier request with the longest shared prefix, -1: none
// blocks       full blocks of 64 tokens, of which the first shared_blocks are the parent's
//
// The one of LMCache's agent traces, whose lengths are in characters, four of them counted as a token, in blocks of 16:
//
//   agent,session,req,t_s,in_chars,out_chars,parent_req,shared_prefix_chars
#pragma once

#include "traces/load_options.hpp"
#include "traces/rows.hpp"
#include "traces/text_source.hpp"

namespace kvplan {

// Sessions that a table of near-duplicates beside the trace names are left out, and counted.
TraceRows read_claude_code_csv(TextSource& in, const LoadOptions& options);

TraceRows read_lmcache_agent_csv(TextSource& in, const LoadOptions& options);

}  // namespace kvplan
