// kvplan calibrate FROM... --hardware NAME --out FILE.json
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <set>
#include <sstream>
#include <thread>

#include "base/json_file.hpp"
#include "cli/arguments.hpp"
#include "cli/calibrate_inputs.hpp"
#include "cli/calibrate_servers.hpp"
#include "cli/calibrated_hardware.hpp"
#include "cli/text_grid.hpp"
#include "cli/verb.hpp"
#include "cli/version.hpp"
#include "hardware/hardware.hpp"
#include "models/fitting/calibrate.hpp"
#include "models/operators/operator_model.hpp"
#include "reports/write.hpp"
#include "validate/gpu_run/read.hpp"

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
      "date", po::value<std::string>()->value_name("TEXT"),
      "When the operators were measured or published; of a run of kvplan-gpu its own date by default.")(
      "kernel", po::value<std::vector<std::string>>()->composing()->value_name("NAME"),
      "Fit this kernel source where an operator has several; may be repeated. Else the one with most rows.")(
      "only", po::value<std::vector<std::string>>()->composing()->value_name("OPERATOR"),
      "Fit this operator alone; may be repeated: gemm, prefill_attention, decode_attention, all_reduce.")(
      "base", po::value<std::string>()->value_name("CALIBRATION"),
      "Take what FROM does not measure (all-reduce, other dtypes, host work) from this calibration, by name or path.")(
      "hardware-out", po::value<std::string>()->value_name("FILE"),
      "Write the hardware with the links that FROM measured, and with --out as its calibration.")(
      "storage", "Put what a run's file tier read and wrote into the drives of --hardware-out: it is that machine's disk.")(
      "synthetic", "Fit runs that a formula made, too; results that use the calibration say so.")(
      "accept-suspect", "Take points of a run that are suspect (a busy or throttled GPU) as they are, with a warning.")(
      "folds", po::value<std::int32_t>()->default_value(5)->value_name("K"), "Parts that are held out in turn, by whole shapes.")(
      "bootstraps", po::value<std::int32_t>()->default_value(100)->value_name("N"), "Resamplings of whole shapes for the intervals of coefficients.")(
      "seed", po::value<std::uint64_t>()->default_value(1)->value_name("N"), "Seed of folds and resamplings.")(
      "sms", po::value<std::int32_t>()->value_name("N"),
      "Streaming multiprocessors of the GPU; else what a run of kvplan-gpu tells, or 132.")(
      "help,h", "Print this.");
  po::options_description servers("Of measured servers", 110, 70);
  add_server_options(servers);
  return d.add(servers);
}

std::string help() {
  std::ostringstream text;
  text << "usage: kvplan calibrate FROM... --hardware NAME --out FILE.json [options]\n\n"
          "Fits the times of GPU operators and writes a calibration for `kvplan run --calibration`. FROM are tables of\n"
          "measured operators (CSV, plain or compressed; docs/calibration.md has their columns), runs of kvplan-gpu or\n"
          "of nvbandwidth (JSON), and rows (CSV with ttft_ms_mean) or result files (vllm bench serve, aiperf, guidellm) of\n"
          "measured servers, to which host work is fitted. Prints the error that shapes or lengths the fit has not seen\n"
          "have.\n\n"
       << flags()
       << "\nExample:\n  kvplan calibrate h100_sxm_gemm_perf.csv.gz h100_sxm_generation_attention_perf.csv.gz \\\n"
          "    --hardware x86-h100-sxm --out h100-sxm5-80gb.json\n"
          "  kvplan calibrate gpu-run.json.gz --hardware x86-h100-sxm --base h100-sxm5-80gb --out ./mine.json \\\n"
          "    --hardware-out ./my-node.json && kvplan run --hardware ./my-node.json\n"
          "  kvplan calibrate results/*.json --model llama-3.1-8b --tp 1 --hardware x86-h100-sxm --out ./my-server.json\n";
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
  if (values.count("only")) o.only = values["only"].as<std::vector<std::string>>();
  if (values.count("base")) o.base = load_calibration(values["base"].as<std::string>()).calibration();
  o.fit.folds = within<std::int32_t>(values, "folds", 2, 50);
  o.fit.bootstraps = within<std::int32_t>(values, "bootstraps", 20, 10000);
  o.fit.seed = values["seed"].as<std::uint64_t>();
  if (values.count("sms")) o.sms = within<std::int32_t>(values, "sms", 1, 10000);
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
  if (values.count("only")) {
    for (const std::string& op : values["only"].as<std::vector<std::string>>()) text += " --only " + op;
  }
  if (values.count("base")) text += " --base " + values["base"].as<std::string>();
  for (const char* option : {"server", "benchmark", "model"}) {
    if (values.count(option)) text += fmt::format(" --{} '{}'", option, values[option].as<std::string>());
  }
  if (values.count("sms")) text += fmt::format(" --sms {}", values["sms"].as<std::int32_t>());
  for (const char* option : {"synthetic", "accept-suspect"}) {
    if (values.count(option)) text += fmt::format(" --{}", option);
  }
  return fmt::format("{} --folds {} --bootstraps {} --seed {}", text, values["folds"].as<std::int32_t>(),
                     values["bootstraps"].as<std::int32_t>(), values["seed"].as<std::uint64_t>());
}

// Whole layers and lm_head, which no fit has seen.
std::string checks_table(const Calibration& c) {
  if (c.checks.empty()) return "";
  std::vector<std::vector<std::string>> grid = {{"not fitted", "predicted us", "90 % interval", "measured", "error %"}};
  for (const StackCheck& s : c.checks) {
    grid.push_back({s.what, fmt::format("{:.1f}", s.predicted_ns / 1e3),
                    fmt::format("{:.1f} to {:.1f}", s.low_ns / 1e3, s.high_ns / 1e3), fmt::format("{:.1f}", s.measured_ns / 1e3),
                    fmt::format("{:+.1f}", 100 * (s.predicted_ns / s.measured_ns - 1))});
  }
  return "\nSums of operators beside what was measured whole\n\n" + text_grid(grid);
}

RunUse use_of(const po::variables_map& values) {
  return {values.count("synthetic") > 0, values.count("accept-suspect") > 0};
}

// Of the hardware that was measured; `warnings`: what to know of the runs.
std::vector<FigureSource> link_sources(const CalibrateInputs& in, const Hardware& hardware,
                                       const po::variables_map& values, std::vector<std::string>& warnings) {
  std::vector<FigureSource> sources;
  for (const std::string& path : in.gpu_runs) {
    GpuRun run = read_gpu_run(path);
    for (const std::string& w : admit(run, path, use_of(values))) warnings.push_back(w);
    check_gpu(run, path, hardware);
    sources.push_back({path, fmt::format("{}kvplan-gpu {} on {}", run.synthetic ? "SYNTHETIC, made by a formula: " : "", run.id,
                                   text(run.gpu, "name")),
                       run.utc, in_file(path, [&] { return figures_of(run); }), surfaces_of(run)});
    if (!values.count("storage")) continue;
    for (const MeasuredFigure& f : storage_figures_of(run)) sources.back().figures.push_back(f);
  }
  for (const std::string& path : in.nvbandwidth) {
    const NvbandwidthRun run = read_nvbandwidth(path);
    check_gpu(run, path, hardware);
    sources.push_back({path, fmt::format("nvbandwidth {} ({}), driver {}", run.version, std::filesystem::path(path).filename().string(),
                                   run.driver),
                       "not told", figures_of(run), {}});
  }
  return sources;
}

// A path as a file names it that is written to `file`: from that one's folder.
std::string beside(const std::string& file, const std::string& path) {
  namespace fs = std::filesystem;
  return fs::absolute(path).lexically_normal().lexically_relative(
      fs::absolute(file).lexically_normal().parent_path()).string();
}

// Figures that a reader should not rely on, and rates that stay those of the hardware file.
void warn_of_figures(const std::vector<FigureSource>& sources, Streams streams) {
  std::set<std::string> keys;
  for (const FigureSource& s : sources) {
    for (const MeasuredFigure& f : s.figures) {
      keys.insert(f.key);
      if (f.doubtful) streams.err << fmt::format("warning: {} is doubtful: {}\n", f.key, f.note);
    }
  }
  for (const char* key : {"to_device_bytes_per_s", "from_device_bytes_per_s"}) {
    if (!keys.count(key)) streams.err << fmt::format("warning: {} was not measured: it stays as published\n", key);
  }
}

void write_hardware(const CalibrateInputs& in, const po::variables_map& values, Streams streams) {
  std::vector<std::string> warnings;
  const std::vector<FigureSource> sources =
      link_sources(in, load_hardware(values["hardware"].as<std::string>()), values, warnings);
  if (!values.count("out")) {  // else the calibration has told them
    for (const std::string& w : warnings) streams.err << "warning: " << w << "\n";
  }
  std::vector<std::vector<std::string>> grid = {{"figure", "value", "from", "to", ""}};
  for (const FigureSource& s : sources) {
    for (const MeasuredFigure& f : s.figures) {
      grid.push_back({f.key, fmt::format("{:.4g}", f.value), fmt::format("{:.4g}", f.low), fmt::format("{:.4g}", f.high), f.note});
    }
    for (const MeasuredSurface& m : s.surfaces) {
      grid.push_back({fmt::format("copies by {} {} the device", m.method, m.to_device ? "to" : "from"), "", "", "",
                      fmt::format("{} sizes and counts of segments", m.points.size())});
    }
  }
  if (grid.size() == 1) throw UsageError("no link was measured", "give a run of kvplan-gpu, or the JSON of nvbandwidth");
  const std::string out = values["hardware-out"].as<std::string>();
  const std::string hardware = values["hardware"].as<std::string>();
  const std::string calibration = values.count("out") ? values["out"].as<std::string>() : load_hardware(hardware).calibration;
  write_file(out, calibrated_hardware(hardware, is_json_path(calibration) ? beside(out, calibration) : calibration, sources));
  warn_of_figures(sources, streams);
  streams.out << "\nLinks and slowdowns\n\n" << text_grid(grid);
  streams.err << fmt::format("hardware: {}\n", out);
}

// Operators from FROM, or those of the base; then host work, where servers were measured.
Calibration calibration_of(const std::vector<std::string>& from, const CalibrateInputs& in,
                           const po::variables_map& values, Streams streams) {
  const std::string out = values["out"].as<std::string>();
  const bool quiet = out == "-";
  const Hardware hardware = load_hardware(values["hardware"].as<std::string>());
  CalibrateOptions options = options_of(values, out);
  options.made_by = fmt::format("{} (kvplan {})", command_of(from, values, hardware), version());
  Calibration c;
  if (!in.operators.empty()) {
    const OperatorTables tables = read_operator_tables(in.operators, use_of(values));
    if (!values.count("date") && !tables.gpu_runs.empty()) options.date = tables.gpu_runs.front().utc.substr(0, 10);
    c = calibrate(tables, hardware, options);
    for (const std::string& w : c.warnings) streams.err << "warning: " << w << "\n";
    (quiet ? streams.err : streams.out) << error_table(c) << checks_table(c);
  } else if (options.base || !hardware.calibration.empty()) {
    c = options.base ? *options.base : load_calibration(hardware.calibration).calibration();
    c.title += ", host work of a measured server";
    c.name = options.name, c.made_by = options.made_by, c.hardware = hardware.name;
    if (values.count("date")) c.date = options.date;
  }
  if (c.fits.empty()) throw UsageError("no operators", "give tables of operators, or a calibration that has them with --base");
  if (!in.servers.empty()) c = with_server(c, in.servers, hardware, values, quiet, streams);
  return c;
}

void write_calibration(const std::vector<std::string>& from, const CalibrateInputs& in, const po::variables_map& values,
                       Streams streams) {
  const std::string out = values["out"].as<std::string>();
  if (in.operators.empty() && in.servers.empty()) {
    throw UsageError("nothing of FROM goes into a calibration", "links go into --hardware-out");
  }
  const std::string text = to_json(calibration_of(from, in, values, streams));
  if (out == "-") {
    streams.out << text;
  } else {
    write_file(out, text);
    streams.err << fmt::format("calibration: {}\n", out);
  }
}

// Options that say something of an input which FROM lacks, or of an output that is not asked for.
void refuse_idle(const CalibrateInputs& in, const po::variables_map& values) {
  const auto refuse = [&](const std::string& option, bool idle, const char* about) {
    if (idle && values.count(option) && !values[option].defaulted()) {
      throw UsageError(fmt::format("--{} is about {}", option, about), "leave it out");
    }
  };
  po::options_description of_servers;
  add_server_options(of_servers);
  for (const auto& o : of_servers.options()) {
    refuse(o->long_name(), in.servers.empty(), "measured servers, and FROM has none");
  }
  for (const char* option : {"only", "kernel"}) {
    refuse(option, in.operators.empty(), "tables of operators, and FROM has none");
  }
  for (const char* option : {"synthetic", "accept-suspect"}) {
    refuse(option, in.gpu_runs.empty(), "runs of kvplan-gpu, and FROM has none");
  }
  for (const char* option : {"base", "name", "date", "sms", "kernel", "only", "folds", "bootstraps", "seed"}) {
    refuse(option, values.count("out") == 0, "the calibration that --out writes, which is not given");
  }
  refuse("storage", values.count("hardware-out") == 0, "the drives of --hardware-out, which is not given");
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
  if (!values.count("hardware")) throw UsageError("--hardware is missing", "see kvplan calibrate --help");
  if (!values.count("out") && !values.count("hardware-out")) {
    throw UsageError("neither --out nor --hardware-out: nothing would be written", "see kvplan calibrate --help");
  }
  if (values.count("hardware-out") && values.count("out") && values["out"].as<std::string>() == "-") {
    throw UsageError("--hardware-out names the calibration, which --out - gives no file", "give --out a name");
  }
  const CalibrateInputs in = sort_inputs(from);
  refuse_idle(in, values);
  if (values.count("out")) write_calibration(from, in, values, streams);
  if (values.count("hardware-out")) write_hardware(in, values, streams);
  return ExitCode::done;
}

}  // namespace kvplan
