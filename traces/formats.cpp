#include "traces/formats.hpp"

#include <algorithm>
#include <array>

#include "traces/azure_reader.hpp"
#include "traces/bailian_reader.hpp"
#include "traces/burstgpt_reader.hpp"
#include "traces/claude_code_csv_reader.hpp"
#include "traces/mooncake_reader.hpp"
#include "traces/openai_log_reader.hpp"
#include "traces/sharegpt_reader.hpp"
#include "traces/weka_reader.hpp"

namespace kvplan {
namespace {

constexpr std::array kFormats = {
    TraceFormat{"mooncake", "Mooncake JSONL", read_mooncake, true},
    TraceFormat{"bailian", "Qwen-Bailian JSONL", read_bailian, false},
    TraceFormat{"weka", "WEKA (kv-cache-tester) session JSON, a file, folder or tar of them", read_weka, true},
    TraceFormat{"claude-code-csv", "table of Claude Code requests (CSV)", read_claude_code_csv, true},
    TraceFormat{"azure", "Azure LLM inference trace (CSV)", read_azure, true},
    TraceFormat{"burstgpt", "BurstGPT (CSV)", read_burstgpt, false},
    TraceFormat{"sharegpt", "ShareGPT conversations (JSON)", read_sharegpt, false},
    TraceFormat{"openai-log", "OpenAI-style request log (JSONL)", read_openai_log, false},
};

}  // namespace

std::span<const TraceFormat> trace_formats() { return kFormats; }

const TraceFormat* trace_format(std::string_view name) {
  const auto found =
      std::find_if(kFormats.begin(), kFormats.end(), [&](const TraceFormat& f) { return f.name == name; });
  return found == kFormats.end() ? nullptr : &*found;
}

}  // namespace kvplan
