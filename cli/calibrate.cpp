// kvplan calibrate FROM... --hardware NAME --out FILE.json
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <sstream>
#include <thread>

#include "cli/arguments.hpp"
#include "cli/text_grid.hpp"
#include "cli/verb.hpp"
#include "cli/version.hpp"
#include "hardware/hardware.hpp"
#include "models/fitting/calibrate.hpp"
#include "reports/write.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

constexpr std::size_t kMostInputs = 64;

po::options_description flags() {
  po::options_description d("Options", 110, 70);
  d.add_options()("hardware", po::value<std::string>()->value_name("NAME"),
                  "The hardware that was measured: its data sheet gives the peaks.")(
      "out", po::value<std::string>()->value_name("FILE"), "Where to write the calibration; -: stdout.")(
      "name", po::value<std::string>()->value_name("NAME"), "Its name; else the file's, without .json.")(
      "date", po::value<std::string>()->value_name("TEXT"), "When the operators were measured or published.")(
      "kernel", po::value<std::vector<std::string>>()->composing()->value_name("NAME"),
      "Fit this kernel source where an operator has several; may be repeated. Else the one with most rows.")(
      "folds", po::value<std::int32_t>()->default_value(5)->value_name("K"), "Parts that are held out in turn, by whole shapes.")(
      "bootstraps", po::value<std::int32_t>()->default_value(100)->value_name("N"), "Resamplings of whole shapes for the intervals of coefficients.")(
      "seed", po::value<std::uint64_t>()->default_value(1)->value_name("N"), "Seed of folds and resamplings.")(
      "sms", po::value<std::int32_t>()->default_value(132)->value_name("N"), "Streaming multiprocessors of the GPU.")(
      "help,h", "Print this.");
  return d;
}

std::string help() {
  std::ostringstream text;
  text << "usage: kvplan calibrate FROM... --hardware NAME --out FILE.json [options]\n\n"
          "Fits the times of GPU operators and writes a calibration for `kvplan run --calibration`. FROM are tables of\n"
          "measured operators (CSV, plain or compressed; docs/calibration.md has their columns) or runs of kvplan-gpu\n"
          "(JSON). Prints the error that shapes the fit has not seen have, by operator and regime.\n\n"
       << flags()
       << "\nExample:\n  kvplan calibrate h100_sxm_gemm_perf.csv.gz h100_sxm_generation_attention_perf.csv.gz \\\n"
          "    --hardware x86-h100-sxm --out h100-sxm5-80gb.json\n";
  return text.str();
}

template <class T>
T within(const po::variables_map& values, const char* name, T low, T high) {
  const T x = values[name].as<T>();
  if (x < low || x > high) throw UsageError(fmt::format("--{} is {}, expected {} to {}", name, x, low, high));
  return x;
}

CalibrateOptions options_of(const po::variables_map& values, const std::string& out) {
  CalibrateOptions o;
  o.name = values.count("name") ? values["name"].as<std::string>() : std::filesystem::path(out).stem().string();
  o.date = values.count("date") ? values["date"].as<std::string>() : "not told";
  if (values.count("kernel")) o.kernels = values["kernel"].as<std::vector<std::string>>();
  o.fit.folds = within<std::int32_t>(values, "folds", 2, 50);
  o.fit.bootstraps = within<std::int32_t>(values, "bootstraps", 20, 10000);
  o.fit.seed = values["seed"].as<std::uint64_t>();
  o.sms = within<std::int32_t>(values, "sms", 1, 10000);
  o.threads = std::max(1u, std::thread::hardware_concurrency());
  return o;
}

std::string per_cent(double x) { return fmt::format("{:.1f}", 100 * x); }

void add_row(std::vector<std::vector<std::string>>& grid, const std::string& first, const std::string& second,
             const Regime& g) {
  if (g.rows == 0) return;
  grid.push_back({first, second, std::to_string(g.rows), std::to_string(g.shapes), per_cent(g.median_error),
                  per_cent(g.p90_error), per_cent(g.bias),
                  fmt::format("{:+.1f} to {:+.1f}", 100 * (g.low_factor - 1), 100 * (g.high_factor - 1)),
                  per_cent(g.coverage)});
}

std::string error_table(const Calibration& c) {
  std::vector<std::vector<std::string>> grid = {
      {"operator", "regime", "rows", "shapes", "median %", "p90 %", "bias %", "90 % interval, %", "covers %"}};
  for (const OperatorFit& f : c.fits) {
    const Form& form = form_of(f.op);
    const std::string name = fmt::format("{} {}", form.name, name_of(f.dtype));
    add_row(grid, name, "all", f.overall);
    for (std::size_t r = 0; r < f.regimes.size(); ++r) {
      const std::string from = fmt::format("{} from {:g}", form.axes[form.regime_axis], f.regimes[r].from);
      add_row(grid, "", from, f.regimes[r]);
    }
  }
  return "Errors of shapes that the fit has not seen (" + std::to_string(c.fits.empty() ? 0 : c.fits[0].folds) +
         " folds over whole shapes); covers: share of held-out rows inside an interval made without them\n\n" +
         text_grid(grid);
}

std::string command_of(const std::vector<std::string>& from, const po::variables_map& values, const Hardware& h) {
  std::string text = "kvplan calibrate";
  for (const std::string& path : from) text += " " + std::filesystem::path(path).filename().string();
  text += " --hardware " + h.name;
  if (values.count("kernel")) {
    for (const std::string& k : values["kernel"].as<std::vector<std::string>>()) text += " --kernel " + k;
  }
  return fmt::format("{} --folds {} --bootstraps {} --seed {}", text, values["folds"].as<std::int32_t>(),
                     values["bootstraps"].as<std::int32_t>(), values["seed"].as<std::uint64_t>());
}

}  // namespace

ExitCode calibrate_verb(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description all = flags();
  std::vector<std::string> slots;
  for (std::size_t i = 0; i < kMostInputs; ++i) {
    slots.push_back(fmt::format("from{}", i));
    all.add_options()(slots.back().c_str(), po::value<std::string>());
  }
  const po::variables_map values = parse_arguments(all, slots, arguments);
  if (values.count("help")) {
    streams.out << help();
    return ExitCode::done;
  }
  std::vector<std::string> from;
  for (const std::string& slot : slots) {
    if (values.count(slot)) from.push_back(values[slot].as<std::string>());
  }
  if (from.empty()) throw UsageError("calibrate from what?", "give tables of measured operators, or a run of kvplan-gpu");
  for (const char* needed : {"hardware", "out"}) {
    if (!values.count(needed)) throw UsageError(fmt::format("--{} is missing", needed), "see kvplan calibrate --help");
  }
  const std::string out = values["out"].as<std::string>();
  const Hardware hardware = load_hardware(values["hardware"].as<std::string>());
  CalibrateOptions options = options_of(values, out);
  options.made_by = fmt::format("{} (kvplan {})", command_of(from, values, hardware), version());
  const Calibration c = calibrate(read_operator_tables(from), hardware, options);
  for (const std::string& w : c.warnings) streams.err << "warning: " << w << "\n";
  if (out == "-") {
    streams.out << to_json(c);
    streams.err << error_table(c);
  } else {
    write_file(out, to_json(c));
    streams.out << error_table(c);
    streams.err << fmt::format("calibration: {}\n", out);
  }
  return ExitCode::done;
}

}  // namespace kvplan
