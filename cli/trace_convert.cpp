// kvplan trace convert
#include <fmt/format.h>

#include "cli/trace_verbs.hpp"
#include "traces/compile.hpp"
#include "traces/formats.hpp"
#include "traces/load.hpp"
#include "traces/mooncake_writer.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

po::options_description flags() {
  po::options_description d("Options", 110, 70);
  d.add_options()("help,h", "Print this.")(
      "to", po::value<std::string>()->value_name("mooncake")->default_value("mooncake"), "Format to write.")(
      "out", po::value<std::string>()->value_name("FILE")->default_value("-"),
      "Where to write; gzipped if the name ends in .gz; -: stdout.")(
      "block-tokens", po::value<std::string>()->value_name("N")->default_value("512"),
      "Tokens that one hash of the trace covers, where its format does not tell.")(
      "strict", "Refuse a trace that would have to be repaired.");
  return d;
}

LoadOptions load_options(const po::variables_map& values) {
  LoadOptions options;
  options.tick = Time(0);
  options.strict = values.count("strict") > 0;
  const std::string block = values["block-tokens"].as<std::string>();
  if (!parse_whole(block, options.block_tokens) || options.block_tokens < 1 || options.block_tokens > 65536) {
    throw UsageError(fmt::format("--block-tokens is \"{}\", expected an integer from 1 to 65536", block));
  }
  return options;
}

}  // namespace

ExitCode trace_convert(const std::vector<std::string>& arguments, Streams streams) {
  const po::variables_map values = parse_trace_arguments(flags(), "trace", arguments);
  if (values.count("help")) {
    streams.out
        << "usage: kvplan trace convert IN [options]\n\nWrites a trace of any format that can be read as "
           "Mooncake JSONL, with session_id and delay where it has\nsessions; what that cannot hold is named.\n\n"
        << flags() << "\nExample:\n  kvplan trace convert sessions.tar.zst --to mooncake --out sessions.jsonl.gz\n";
    return ExitCode::done;
  }
  if (!values.count("trace")) throw UsageError("which trace?", "give the path of a trace");
  choice(values, "to", {"mooncake"});
  const LoadOptions options = load_options(values);
  const TraceRows rows = load_rows(values["trace"].as<std::string>(), options);
  for (const WorkloadNote& n : compile_workload(rows, options).notes) {
    streams.err << fmt::format("note: {} ({} rows)\n", n.what, n.rows);
  }
  std::vector<WorkloadNote> lost;
  write_trace(values["out"].as<std::string>(), streams, [&](std::ostream& to) { lost = write_mooncake(rows, to); });
  if (const std::string passed_over = trace_format(rows.format)->passed_over; !passed_over.empty()) {
    streams.err << fmt::format("lost: {} ({} rows)\n", passed_over, rows.rows.size());
  }
  for (const WorkloadNote& n : lost) streams.err << fmt::format("lost: {} ({} rows)\n", n.what, n.rows);
  if (rows.block_tokens != LoadOptions().block_tokens) {
    streams.err << fmt::format(
        "lost: the size of a block: read the result with --block-tokens {}, or "
        "trace.block_tokens in a scenario\n",
        rows.block_tokens);
  }
  streams.err << fmt::format("{} rows from {} to mooncake\n", rows.rows.size(), rows.format);
  return ExitCode::done;
}

}  // namespace kvplan
