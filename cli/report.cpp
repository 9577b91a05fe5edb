#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>

#include "cli/arguments.hpp"
#include "cli/report_inputs.hpp"
#include "cli/verb.hpp"
#include "reports/flat.hpp"
#include "reports/write.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

using Names = std::vector<std::string>;

constexpr std::size_t kMostResults = 4096;  // on one command line

constexpr const char* kUsage =
    "usage: kvplan report RESULT... [--out report.html] [--format html|md|csv]\n\n"
    "Writes what results say as one page: verdict and recommendation, targets, what TTFT is made of, tiers, links and\n"
    "GPUs over time, cost against latency, and where every figure comes from. RESULT is a result.json, "
    "comparison.json\n"
    "or plan.json, what `kvplan sweep merge --format json` wrote, or a folder that `kvplan run --out`, `kvplan plan "
    "--out`\nor `kvplan sweep --out` wrote; several are set side by side.\n"
    "The page is one file that reads nothing from the network; its charts are Vega-Lite specifications that can be\n"
    "copied out.\n\n";

constexpr const char* kExamples =
    "\nExamples:\n"
    "  kvplan run --hardware x86-h100-sxm,gh200-96 --offload none,dram --out hosts\n"
    "  kvplan report hosts --out report.html\n"
    "  kvplan report before/result.json after/result.json --format md\n";

po::options_description options() {
  po::options_description d("Options", 110, 70);
  d.add_options()("out", po::value<std::string>()->value_name("FILE"),
                  "Write there, whole or not at all; without, to stdout.")(
      "format", po::value<std::string>()->value_name("html|md|csv"),
      "Form of the report; without, what the name of --out ends in, or html.")("help,h", "Print this.");
  return d;
}

std::string format_of(const po::variables_map& values, const std::string& out) {
  const std::vector<std::string> formats = {"html", "md", "csv"};
  if (!values.count("format")) {
    for (const std::string& f : formats) {
      if (out.ends_with("." + f)) return f;
    }
    return "html";
  }
  const auto format = values["format"].as<std::string>();
  if (std::find(formats.begin(), formats.end(), format) != formats.end()) return format;
  throw UsageError(fmt::format("--format must be one of {}, not \"{}\"", fmt::join(formats, ", "), format),
                   suggestion(format, formats));
}

std::string rendered(const ReportInputs& inputs, const std::string& format) {
  if (format == "csv") {
    if (!inputs.plans.empty() && !inputs.columns.empty())
      throw UsageError("a table of CSV holds results or plans, not both", "report them one after the other");
    return inputs.plans.empty() ? csv_table(inputs.columns) : csv_of_plans(inputs.plans);
  }
  const Page page = page_of(inputs);
  return format == "md" ? page_markdown(page) : page_html(page);
}

}  // namespace

ExitCode report_verb(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description all = options();
  all.add_options()("result", po::value<std::vector<std::string>>()->composing());
  const po::variables_map values = parse_arguments(all, Names(kMostResults, "result"), arguments);
  if (values.count("help")) {
    streams.out << kUsage << options() << kExamples;
    return ExitCode::done;
  }
  if (!values.count("result"))
    throw UsageError("which result?", "`kvplan run --out DIR` writes one; then: kvplan report DIR");
  const std::string out = values.count("out") ? values["out"].as<std::string>() : "";
  const std::string format = format_of(values, out);
  const std::string text = rendered(read_report_inputs(values["result"].as<std::vector<std::string>>()), format);
  if (out.empty()) {
    streams.out << text;
  } else {
    write_file(out, text);
    streams.err << fmt::format("report: {}\n", out);
  }
  if (format == "html" && !no_charts_reason().empty())
    streams.err << fmt::format("note: the page has no charts: {}\n", no_charts_reason());
  return ExitCode::done;
}

}  // namespace kvplan
