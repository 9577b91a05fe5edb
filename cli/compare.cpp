// kvplan compare A B: is the difference between two runs of one load more than chance?
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/file.hpp"
#include "base/json_text.hpp"
#include "cli/arguments.hpp"
#include "cli/built_in_load.hpp"
#include "cli/load_trace.hpp"
#include "cli/paired.hpp"
#include "cli/replay.hpp"
#include "cli/text_grid.hpp"
#include "cli/verb.hpp"
#include "reports/cells.hpp"
#include "reports/kept_result.hpp"
#include "reports/requests_jsonl.hpp"
#include "reports/run_options.hpp"
#include "reports/table.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

constexpr const char* kUsage =
    "usage: kvplan compare A B [--level 0.95] [--format table|json]\n"
    "       kvplan compare A --set PATH=VALUE... [options]\n\n"
    "Compares two runs of one load, request by request: the difference of each latency with its interval, from batches "
    "of\n"
    "consecutive requests, and whether it is more than chance. A and B are folders that `kvplan run --out` wrote, or\n"
    "scenario files, which are run here. With --set, B is A with other settings.\n\n";

struct Side {
  std::string name;
  Json document;
  std::vector<json> requests;  // by turn
};

std::vector<json> requests_of(const std::string& text, const std::string& name) {
  std::vector<json> all;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    json row = json::parse(text.begin() + static_cast<std::ptrdiff_t>(at),
                           text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    if (row.is_discarded() || !row.is_object()) {
      throw InputError(Diagnostic{name, static_cast<std::int64_t>(all.size()) + 1, 1, "not a line of requests.jsonl",
                                  "run it again with --out"});
    }
    all.push_back(std::move(row));
    at = end + 1;
  }
  return all;
}

Side side_of(const std::string& path, const std::vector<std::string>& settings, std::ostream& err) {
  if (std::filesystem::is_directory(path)) {
    if (!settings.empty()) throw UsageError("--set needs a scenario, and " + path + " is a folder of results");
    return {path, with_built_in_load(read_kept_result(path + "/result.json")),
            requests_of(read_text_file(path + "/requests.jsonl"), path + "/requests.jsonl")};
  }
  Scenario s;
  s.apply(JsonFile::load(path));
  for (const std::string& a : settings) s.assign(a, "--set");
  const std::string mode = s.texts("offload.mode").at(0), name = s.texts("hardware").at(0);
  if (s.texts("offload.mode").size() > 1 || s.texts("hardware").size() > 1) {
    throw InputError(Diagnostic{path, 0, 0, "a side of a comparison is one run, and this scenario has several",
                                "choose one hardware and one offload.mode by --set"});
  }
  const Architecture model = load_model(s);
  const Hardware hardware = load_hardware(s, name);
  const Workload load = with_chains(load_trace(s, false, err));
  Replay r = replay(s, hardware, model, build_config(s, mode, hardware, model), load);
  std::string title = path;
  for (const std::string& a : settings) title += " " + a;
  return {title, std::move(r.document), requests_of(requests_jsonl(load, r.result), path)};
}

// In what the loads differ, as far as their options tell.
std::string difference_of(const Side& a, const Side& b) {
  const RunOptions x = load_of(a.document), y = load_of(b.document);
  const auto value = [](const RunOptions& load, const std::string& name) {
    const auto at = load.find(name);
    return at == load.end() ? std::string("not in use") : at->second;
  };
  std::vector<std::string> words;
  for (const std::string& name : differing({&x, &y})) {
    words.push_back(fmt::format("{} is {} in A and {} in B", name, value(x, name), value(y, name)));
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

// InputError when the loads differ. One load may have other instants of arrival on another fleet, in a closed loop.
void check_pairs(const Side& a, const Side& b) {
  const auto same = [&](const json& x, const json& y) {
    return x.value("session", 0) == y.value("session", 0) &&
           x.value("prompt_tokens", 0) == y.value("prompt_tokens", 0) &&
           x.value("output_tokens", 0) == y.value("output_tokens", 0);
  };
  const std::string difference = difference_of(a, b);
  const bool paired = difference.empty() && a.requests.size() == b.requests.size() &&
                      std::equal(a.requests.begin(), a.requests.end(), b.requests.begin(), same);
  if (paired) return;
  const std::string why = difference.empty() ? fmt::format("requests of {} and {} differ", a.name, b.name)
                                             : fmt::format("options of the load of {} and {} differ", a.name, b.name);
  throw InputError(Diagnostic{
      "", 0, 0, fmt::format("{}: they cannot be paired{}", why, difference.empty() ? "" : ": " + difference),
      "the same trace, trace.* options and seed give the same load"});
}

bool served(const json& request) { return request.value("outcome", "") == "completed"; }

// What the figures leave out: a request that one side refused has no pair.
Json sides_of(const Side& a, const Side& b) {
  std::size_t both = 0;
  for (std::size_t i = 0; i < a.requests.size(); ++i) both += served(a.requests[i]) && served(b.requests[i]);
  const auto told = [](const Side& side) {
    const auto done = std::count_if(side.requests.begin(), side.requests.end(), served);
    return Json{{"name", side.name}, {"state", side.document["verdict"]["state"]}, {"served", done}};
  };
  return {{"served_by_both", both}, {"sides", {{"a", told(a)}, {"b", told(b)}}}};
}

std::vector<double> values_of(const Side& side, const char* key) {
  std::vector<double> all;
  for (const json& r : side.requests)
    all.push_back(r.contains(key) && r[key].is_number() ? r[key].get<double>() : std::nan(""));
  return all;
}

void add_settings(const Json& a, const Json& b, const std::string& prefix, Json& rows) {
  std::vector<std::string> keys;
  for (const Json* side : {&a, &b}) {
    if (!side->is_object()) continue;
    for (const auto& [key, value] : side->items()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    }
  }
  for (const std::string& key : keys) {
    const Json x = a.is_object() && a.contains(key) ? a[key] : Json(nullptr),
               y = b.is_object() && b.contains(key) ? b[key] : Json(nullptr);
    if (x == y) continue;
    if (x.is_object() || y.is_object())
      add_settings(x, y, prefix + key + ".", rows);
    else
      rows.push_back({{"path", prefix + key}, {"a", x}, {"b", y}});
  }
}

std::string text(const Json& d) {
  std::vector<std::vector<std::string>> settings = {{"setting", "A", "B"}},
                                        rows = {{"", "A", "B", "B - A", "interval", ""}};
  for (const Json& s : d["settings"])
    settings.push_back(
        {s["path"], s["a"].is_null() ? "built-in" : json_text(s["a"]), s["b"].is_null() ? "built-in" : json_text(s["b"])});
  const auto signed_seconds = [](double s) { return (s < 0 ? "-" : "+") + human_seconds(std::abs(s)); };
  const Json &a = d["sides"]["a"], &b = d["sides"]["b"];
  const auto mark = [](const Json& side) { return side["state"] == "stable" ? "" : "*"; };
  for (const Json& r : d["figures"]) {
    const bool known = !r["low"].is_null();
    rows.push_back({r["figure"], human_seconds(r["a"].get<double>()) + mark(a),
                    human_seconds(r["b"].get<double>()) + mark(b),
                    signed_seconds(r["difference"].get<double>()),
                    known ? fmt::format("{} to {}", signed_seconds(r["low"].get<double>()),
                                        signed_seconds(r["high"].get<double>()))
                          : "too few requests",
                    !known                         ? ""
                    : r["significant"].get<bool>() ? "significant"
                                                   : "may be chance"});
  }
  const auto all = d["requests"].get<std::size_t>(), both = d["served_by_both"].get<std::size_t>();
  std::string pairs = fmt::format("{} requests, paired", all);
  if (both < all) {
    pairs = fmt::format("{} of {} requests are paired, A served {} and B {}; what one of them refused is left out", both,
                        all, a["served"].get<std::size_t>(), b["served"].get<std::size_t>());
  }
  std::string out = fmt::format(
      "A: {} ({})\nB: {} ({})\n{}; {:g} % intervals from batches of consecutive requests\n\n{}\n{}",
      d["a"].get<std::string>(), a["state"].get<std::string>(), d["b"].get<std::string>(), b["state"].get<std::string>(),
      pairs, 100 * d["level"].get<double>(), settings.size() > 1 ? text_grid(settings) : "The settings are the same.\n",
      both > 0 ? text_grid(rows) : "No request was served by both.\n");
  if (both > 0 && (*mark(a) || *mark(b))) out += fmt::format("{}\n", kNotSteady);
  return out;
}

po::options_description options() {
  po::options_description o("Options", 110, 70);
  o.add_options()("set", po::value<std::vector<std::string>>()->composing()->value_name("PATH=VALUE"),
                  "B is A with this setting; may be repeated.")(
      "level", po::value<std::string>()->value_name("LEVEL")->default_value("0.95"),
      "Confidence of the intervals, 0.5 to 0.999.")(
      "format", po::value<std::string>()->value_name("table|json")->default_value("table"),
      "Form of the result on stdout.")("help,h", "Print this.");
  return o;
}

}  // namespace

ExitCode compare_verb(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description all = options();
  all.add_options()("a", po::value<std::string>())("b", po::value<std::string>());
  const po::variables_map values = parse_arguments(all, {"a", "b"}, arguments);
  if (values.count("help")) {
    streams.out << kUsage << options();
    return ExitCode::done;
  }
  const auto settings = values.count("set") ? values["set"].as<std::vector<std::string>>() : std::vector<std::string>{};
  if (!values.count("a") || (values.count("b") > 0) == !settings.empty())
    throw UsageError("compare what? A and B, or A with --set", "`kvplan compare --help` tells more");
  char* end = nullptr;
  const std::string level_text = values["level"].as<std::string>(), format = values["format"].as<std::string>();
  const double level = std::strtod(level_text.c_str(), &end);
  if (*end != '\0' || !(level >= 0.5 && level <= 0.999))
    throw UsageError(fmt::format("--level is \"{}\", expected a number from 0.5 to 0.999", level_text));
  if (format != "table" && format != "json")
    throw UsageError(fmt::format("no format \"{}\"", format), suggestion(format, {"table", "json"}));
  const Side a = side_of(values["a"].as<std::string>(), {}, streams.err);
  const Side b = side_of(values[values.count("b") ? "b" : "a"].as<std::string>(), settings, streams.err);
  check_pairs(a, b);
  Json d = {{"schema", "kvplan.compare/1"},
            {"a", a.name},
            {"b", b.name},
            {"level", level},
            {"requests", a.requests.size()},
            {"settings", Json::array()},
            {"figures", Json::array()}};
  d.update(sides_of(a, b));
  add_settings(a.document["provenance"]["scenario"], b.document["provenance"]["scenario"], "", d["settings"]);
  for (const char* key : {"ttft_s", "tpot_s", "e2e_s"}) {
    for (const Json& row : paired_figures(key, values_of(a, key), values_of(b, key), level))
      d["figures"].push_back(row);
  }
  streams.out << (format == "json" ? json_text(d, 2) + "\n" : text(d));
  return ExitCode::done;
}

}  // namespace kvplan
