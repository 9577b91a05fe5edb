// Azure LLM inference traces, 2023 and 2024: TIMESTAMP,ContextTokens,GeneratedTokens.
// TIMESTAMP is a date and time, with or without a zone. The trace tells nothing of
// prefixes or sessions: every prompt is its own.
// Source: github.com/Azure/AzurePublicDataset.
#pragma once

#include "traces/load_options.hpp"
#include "traces/rows.hpp"
#include "traces/text_source.hpp"

namespace kvplan {

// Throws InputError with every finding.
TraceRows read_azure(TextSource& in, const LoadOptions& options);

}  // namespace kvplan
