#include "traces/azure_reader.hpp"

#include <fmt/format.h>

#include "traces/csv_lines.hpp"
#include "traces/date_base.hpp"
#include "traces/values.hpp"

namespace kvplan {

TraceRows read_azure(TextSource& in, const LoadOptions& options) {
  TraceRows rows;
  rows.path = in.name();
  rows.format = "azure";
  rows.block_tokens = options.block_tokens;
  rows.parents_recorded = true;  // there are none
  TraceFindings findings(in.name());
  CsvLines csv(in, findings, {"TIMESTAMP", "ContextTokens", "GeneratedTokens"});
  findings.raise();
  const std::size_t at = csv.index("TIMESTAMP"), prompt = csv.index("ContextTokens");
  const std::size_t output = csv.index("GeneratedTokens");
  std::vector<std::int64_t> instants_ns;
  std::int64_t zoned = 0;
  while (csv.next()) {
    TraceRow row;
    row.line = csv.line();
    const auto ns = parse_date_ns(csv.field(at));
    const auto prompt_tokens = parse_tokens("ContextTokens", csv.field(prompt));
    const auto output_tokens = parse_tokens("GeneratedTokens", csv.field(output));
    if (!ns) {
      findings.add(
          row.line, 0,
          fmt::format("\"TIMESTAMP\" is \"{}\", expected a date and time from 1970 on", shortened(csv.field(at))),
          "as in 2023-11-16 18:15:46.6805900");
    }
    if (!prompt_tokens.good()) findings.add(row.line, 0, prompt_tokens.wrong);
    if (!output_tokens.good()) findings.add(row.line, 0, output_tokens.wrong);
    if (!findings.empty()) continue;
    row.prompt_tokens = prompt_tokens.value;
    row.output_tokens = output_tokens.value;
    const auto blocks = static_cast<std::uint32_t>(ceil_div(row.prompt_tokens, rows.block_tokens));
    if (!rows.give_ids(row, blocks, 0)) findings.add(row.line, 0, "the trace has more than a billion blocks");
    rows.rows.push_back(row);
    instants_ns.push_back(*ns);
    zoned += csv.field(at).find('+') != std::string::npos;
  }
  if (findings.empty()) count_from_first(instants_ns, rows, findings);
  if (rows.rows.empty() && findings.empty()) findings.add(0, 0, "the file has no rows");
  findings.raise();
  rows.note("prompts of which the trace tells no prefix: they share nothing",
            static_cast<std::int64_t>(rows.rows.size()));
  rows.note("dates with a time zone, as in the release of 2024: tested on the published format only, not on real files",
            zoned);
  return rows;
}

}  // namespace kvplan
