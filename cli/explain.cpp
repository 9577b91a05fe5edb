// kvplan explain RESULT REQUEST...: the lives of requests in words and times.
#include "reports/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "cli/arguments.hpp"
#include "cli/run_folder.hpp"
#include "cli/verb.hpp"
#include "reports/kept_result.hpp"
#include "reports/pretty.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

constexpr std::size_t kMostNamed = 1000;  // on one command line

constexpr const char* kUsage =
    "usage: kvplan explain RESULT REQUEST... [--format table|json]\n"
    "       kvplan explain RESULT --worst N [--by ttft|tpot|e2e]\n\n"
    "Tells one request's life: where it waited, what it loaded from where and beside whom, what computing that again\n"
    "would have cost. The parts add up to its TTFT, to the nanosecond. RESULT is a folder that `kvplan run --out` "
    "wrote;\n"
    "REQUEST is the number of a turn in its requests.jsonl. With the log of events (run --events) waits stand in "
    "their\n"
    "order and loads have neighbours; without, only the parts are known.\n\n";

constexpr const char* kExamples =
    "\nExamples:\n"
    "  kvplan run --offload dram --events --out result\n"
    "  kvplan explain result 300\n"
    "  kvplan explain result --worst 5\n";

po::options_description options() {
  po::options_description d("Options", 110, 70);
  d.add_options()("worst", po::value<std::string>()->value_name("N"), "The N completed requests that took longest.")(
      "by", po::value<std::string>()->value_name("ttft|tpot|e2e")->default_value("ttft"), "What makes a request bad.")(
      "format", po::value<std::string>()->value_name("table|json")->default_value("table"),
      "Form of the result on stdout.")("help,h", "Print this.");
  return d;
}

std::int64_t whole(const std::string& text, const std::string& what, std::int64_t least, std::int64_t most) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error == std::errc() && end == text.data() + text.size() && n >= least && n <= most) return n;
  throw UsageError(fmt::format("{} is \"{}\", expected a whole number from {} to {}", what, text, least, most));
}

double badness(const KeptRequest& r, const std::string& by) {
  if (by == "e2e") return seconds(r.finish - r.arrival);
  if (by == "ttft") return seconds(r.first_token - r.arrival);
  return r.output_tokens < 2 ? 0 : seconds(r.finish - r.first_token) / (r.output_tokens - 1);
}

std::vector<TurnId> worst_of(const std::vector<KeptRequest>& all, std::int64_t n, const std::string& by) {
  const std::vector<std::string> known = {"ttft", "tpot", "e2e"};
  if (std::find(known.begin(), known.end(), by) == known.end())
    throw UsageError(fmt::format("--by must be one of {}, not \"{}\"", fmt::join(known, ", "), by),
                     suggestion(by, known));
  std::vector<TurnId> turns;
  for (const KeptRequest& r : all) {
    if (r.outcome == Outcome::completed) turns.push_back(r.turn);
  }
  std::stable_sort(turns.begin(), turns.end(),
                   [&](TurnId a, TurnId b) { return badness(all[a], by) > badness(all[b], by); });
  turns.resize(std::min(turns.size(), static_cast<std::size_t>(n)));
  return turns;
}

std::vector<TurnId> turns_of(const po::variables_map& values, const std::vector<KeptRequest>& all) {
  const bool worst = values.count("worst") > 0;
  if (worst == (values.count("request") > 0))
    throw UsageError("which requests? name some, or give --worst N", "`kvplan explain --help` tells more");
  if (worst)
    return worst_of(all, whole(values["worst"].as<std::string>(), "--worst", 1, 1'000'000'000),
                    values["by"].as<std::string>());
  std::vector<TurnId> turns;
  for (const auto& text : values["request"].as<std::vector<std::string>>()) {
    const auto turn = static_cast<TurnId>(whole(text, "REQUEST", 0, static_cast<std::int64_t>(all.size()) - 1));
    if (std::find(turns.begin(), turns.end(), turn) == turns.end()) turns.push_back(turn);
  }
  return turns;
}

// Of the result beside the requests; null where there is none.
Json load_choice_of(const std::string& folder) {
  const std::string path = folder + "/result.json";
  if (!std::filesystem::exists(path)) return nullptr;
  return read_kept_result(path)["kv"]["load_choice"];
}

}  // namespace

ExitCode explain_verb(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description all = options();
  all.add_options()("result", po::value<std::string>())("request", po::value<std::vector<std::string>>()->composing());
  std::vector<std::string> places(kMostNamed, "request");
  places[0] = "result";
  const po::variables_map values = parse_arguments(all, places, arguments);
  if (values.count("help")) {
    streams.out << kUsage << options() << kExamples;
    return ExitCode::done;
  }
  if (!values.count("result")) throw UsageError("which result?", "`kvplan run --events --out DIR` writes one");
  const auto format = values["format"].as<std::string>();
  if (format != "table" && format != "json")
    throw UsageError(fmt::format("no format \"{}\"", format), suggestion(format, {"table", "json"}));
  const std::string folder = run_folder(values["result"].as<std::string>());
  const std::vector<KeptRequest> requests = read_kept_requests(folder);
  const std::vector<TurnId> turns = turns_of(values, requests);
  const bool events = keeps_events(folder);
  if (!events) {
    streams.err << fmt::format(
        "note: {} has no log of events: the order of waits, loads and neighbours are not known\n"
        "  help: run it again with --events\n",
        folder);
  }
  const Json document = explain_document(lives_of(folder, requests, turns), events, load_choice_of(folder));
  streams.out << (format == "json" ? pretty(document) : explain_text(document));
  if (turns.empty()) streams.err << "note: no request completed\n";
  return ExitCode::done;
}

}  // namespace kvplan
