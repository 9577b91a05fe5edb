#include "traces/burstgpt_reader.hpp"

#include "traces/csv_lines.hpp"
#include "traces/values.hpp"

namespace kvplan {

TraceRows read_burstgpt(TextSource& in, const LoadOptions& options) {
  TraceRows rows;
  rows.path = in.name();
  rows.format = "burstgpt";
  rows.block_tokens = options.block_tokens;
  rows.parents_recorded = true;  // there are none
  TraceFindings findings(in.name());
  CsvLines csv(in, findings, {"Timestamp", "Request tokens", "Response tokens"});
  findings.raise();
  const std::size_t at = csv.index("Timestamp"), prompt = csv.index("Request tokens");
  const std::size_t output = csv.index("Response tokens");
  std::int64_t failed = 0;
  while (csv.next()) {
    TraceRow row;
    row.line = csv.line();
    const auto time = parse_time("Timestamp", csv.field(at), kPsPerS);
    const auto prompt_tokens = parse_tokens("Request tokens", csv.field(prompt));
    const auto output_tokens = parse_tokens("Response tokens", csv.field(output));
    if (!time.good()) findings.add(row.line, 0, time.wrong, time.help);
    if (!prompt_tokens.good()) findings.add(row.line, 0, prompt_tokens.wrong);
    if (!output_tokens.good()) findings.add(row.line, 0, output_tokens.wrong);
    if (!findings.empty()) continue;
    row.timestamp = time.value;
    row.prompt_tokens = prompt_tokens.value;
    row.output_tokens = output_tokens.value;
    failed += output_tokens.value == 0;
    const auto blocks = static_cast<std::uint32_t>(ceil_div(row.prompt_tokens, rows.block_tokens));
    if (!rows.give_ids(row, blocks, 0)) findings.add(row.line, 0, "the trace has more than a billion blocks");
    rows.rows.push_back(row);
  }
  if (rows.rows.empty() && findings.empty()) findings.add(0, 0, "the file has no rows");
  findings.raise();
  rows.note("prompts of which the trace tells no prefix: they share nothing",
            static_cast<std::int64_t>(rows.rows.size()));
  rows.note("requests without an answer, which failed in the recording", failed);
  if (csv.has("Session ID")) {
    rows.note("session ids: not used, as nothing is known of what their prompts share",
              static_cast<std::int64_t>(rows.rows.size()));
  }
  return rows;
}

}  // namespace kvplan
