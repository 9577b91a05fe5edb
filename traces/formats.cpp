#include "traces/formats.hpp"

#include <algorithm>
#include <array>

#include "traces/azure_reader.hpp"
#include "traces/bailian_reader.hpp"
#include "traces/burstgpt_reader.hpp"
#include "traces/agent_table_reader.hpp"
#include "traces/mooncake_reader.hpp"
#include "traces/openai_log_reader.hpp"
#include "traces/sharegpt_reader.hpp"
#include "traces/weka_reader.hpp"

namespace kvplan {
namespace {

constexpr std::array kFormats = {
    TraceFormat{"mooncake", "Mooncake JSONL", read_mooncake, true, ""},
    TraceFormat{"bailian", "Qwen-Bailian JSONL", read_bailian, false, "numbers of turns, types"},
    TraceFormat{"weka", "WEKA (kv-cache-tester) session JSON, a file, folder or tar of them", read_weka, true, "names of models, kinds of input and output, stop reasons, times to the first token, tool and system tokens"},
    TraceFormat{"claude-code-csv", "table of Claude Code requests (CSV)", read_claude_code_csv, true, "stop reasons, times to the first token"},
    TraceFormat{"lmcache-agent-csv", "table of LMCache agent requests (CSV)", read_lmcache_agent_csv, true, "kinds of agent"},
    TraceFormat{"azure", "Azure LLM inference trace (CSV)", read_azure, true, ""},
    TraceFormat{"burstgpt", "BurstGPT (CSV)", read_burstgpt, false, "names of models, log types, elapsed times"},
    TraceFormat{"sharegpt", "ShareGPT conversations (JSON)", read_sharegpt, false, "texts"},
    TraceFormat{"openai-log", "OpenAI-style request log (JSONL)", read_openai_log, false, "names of users beside session keys"},
};

}  // namespace

std::span<const TraceFormat> trace_formats() { return kFormats; }

const TraceFormat* trace_format(std::string_view name) {
  const auto found =
      std::find_if(kFormats.begin(), kFormats.end(), [&](const TraceFormat& f) { return f.name == name; });
  return found == kFormats.end() ? nullptr : &*found;
}

}  // namespace kvplan
