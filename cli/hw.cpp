// kvplan hw list|show
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/arguments.hpp"
#include "cli/deployment_facts.hpp"
#include "cli/text_grid.hpp"
#include "cli/verb.hpp"
#include "hardware/figures.hpp"
#include "reports/cells.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
using Rows = std::vector<std::vector<std::string>>;

constexpr const char* kHelp =
    "usage: kvplan hw list [--format table|json]\n"
    "       kvplan hw show NAME|FILE.json [options]\n\n"
    "The hardware that kvplan knows: every figure with its source and date, and what follows\n"
    "for a model: memory left for KV, routes and limits of the node, and from which prefix\n"
    "length on loading KV beats computing it again.\n\n";

Json figure_json(const Sourced& s, const std::string& unit) {
  return {{"value", s.value}, {"unit", unit}, {"source", s.source}, {"date", s.date}, {"confidence", s.confidence}};
}

template <class Owner>
Json figures_json(const Owner& owner, const std::vector<Figure<Owner>>& figures) {
  Json table = Json::object();
  for (const auto& f : figures) {
    if (!(owner.*f.member).source.empty()) table[f.key] = figure_json(owner.*f.member, f.range.unit);
  }
  return table;
}

Json hardware_json(const Hardware& h) {
  Json links = Json::array(), vertices = Json::array(), edges = Json::array();
  for (const LinkKind& k : h.link_kinds)
    links.push_back({{"name", k.name}, {"figures", figures_json(k, link_kind_figures())}});
  const char* kinds[] = {"gpu", "memory", "bridge", "ssd", "remote"};
  for (const Vertex& v : h.vertices) {
    vertices.push_back(
        {{"name", v.name},
         {"kind", kinds[static_cast<int>(v.kind)]},
         {"figures", figures_json(v, v.read_bytes_per_s.value > 0 ? storage_figures() : memory_figures())}});
  }
  for (const Link& l : h.links) edges.push_back({{"from", l.from}, {"to", l.to}, {"kind", h.link_kinds[l.kind].name}});
  return {{"name", h.name},
          {"title", h.title},
          {"gpus_per_node", h.gpus_per_node},
          {"gpu", {{"name", h.gpu.name}, {"figures", figures_json(h.gpu, gpu_figures())}}},
          {"link_kinds", links},
          {"vertices", vertices},
          {"links", edges},
          {"node", figures_json(h, node_figures())},
          {"notes", h.notes}};
}

void add_figure_rows(Rows& rows, const Json& figures) {
  for (const auto& [key, f] : figures.items()) {
    rows.push_back(
        {"  " + key, human_value(f["value"].get<double>(), f["unit"]), f["confidence"], f["date"], f["source"]});
  }
}

std::string hardware_text(const Json& h) {
  Rows rows = {{"figure", "value", "confidence", "date", "source"}, {h["gpu"]["name"], "", "", "", ""}};
  add_figure_rows(rows, h["gpu"]["figures"]);
  for (const char* group : {"link_kinds", "vertices"}) {
    for (const Json& member : h[group]) {
      if (member["figures"].empty()) continue;
      rows.push_back({member["name"], "", "", "", ""});
      add_figure_rows(rows, member["figures"]);
    }
  }
  rows.push_back({"node", "", "", "", ""});
  add_figure_rows(rows, h["node"]);
  std::string text =
      fmt::format("{}: {}\n\n{}", h["name"].get<std::string>(), h["title"].get<std::string>(), text_grid(rows));
  for (const Json& note : h["notes"]) text += fmt::format("note: {}\n", note.get<std::string>());
  return text;
}

void list(bool as_json, Streams streams) {
  Json all = Json::array();
  Rows rows = {{"name", "GPUs", "HBM", "HBM rate", "bf16", "host memory", "host link to / from GPU", "USD a GPU-hour",
                "what it is"}};
  for (const std::string& name : hardware_names()) {
    const Hardware h = load_hardware(name);
    all.push_back(hardware_json(h));
    const LinkKind& link = h.link_kinds.front();
    rows.push_back({name, std::to_string(h.gpus_per_node), human_value(h.gpu.hbm_bytes.value, "B"),
                    human_value(h.gpu.hbm_bytes_per_s.value, "B/s"), human_value(h.gpu.bf16_flops.value, "FLOP/s"),
                    human_value(h.host_memory_bytes(), "B"),
                    fmt::format("{} / {}", human_value(link.to_device_bytes_per_s.value, "B/s"),
                                human_value(link.from_device_bytes_per_s.value, "B/s")),
                    fmt::format("{:.2f}", h.usd_per_gpu_hour.value), h.title});
  }
  streams.out << (as_json ? all.dump(2) + "\n" : text_grid(rows));
}

void show(const po::variables_map& values, bool as_json, Streams streams) {
  const Hardware h = load_hardware(values["name"].as<std::string>());
  const Architecture model = load_architecture(values["model"].as<std::string>());
  Json document = hardware_json(h);
  document["derived"] = deployment_facts(h, model, deployment_of(values));
  if (as_json) {
    streams.out << document.dump(2) << "\n";
  } else {
    streams.out << hardware_text(document) << "\n" << deployment_text(document["derived"]);
  }
}

}  // namespace

ExitCode hw_verb(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description shown("Options", 110, 70);
  shown.add_options()("help,h", "print this")(
      "format", po::value<std::string>()->value_name("F")->default_value("table"), "table or json")(
      "model", po::value<std::string>()->value_name("NAME")->default_value("llama-3.1-8b"), "whose facts follow");
  add_deployment_options(shown);
  po::options_description all;
  all.add(shown).add_options()("what", po::value<std::string>(), "")("name", po::value<std::string>(), "");
  const po::variables_map values = parse_arguments(all, {"what", "name"}, arguments);
  if (values.count("help")) {
    streams.out << kHelp << shown;
    return ExitCode::done;
  }
  const std::string what = values.count("what") ? values["what"].as<std::string>() : "";
  const bool as_json = wants_json(values);
  if (what == "list") {
    for (const auto& [option, value] : values) {
      if (option == "what" || option == "name" || option == "format" || value.defaulted()) continue;
      throw UsageError(fmt::format("--{} says nothing of a list", option), "kvplan hw show NAME takes it");
    }
    if (values.count("name"))
      throw UsageError("hw list takes no name", "kvplan hw show " + values["name"].as<std::string>());
    list(as_json, streams);
  } else if (what == "show") {
    if (!values.count("name")) throw UsageError("hw show needs a name", suggestion("", hardware_names()));
    show(values, as_json, streams);
  } else {
    throw UsageError(what.empty() ? "hw needs list or show" : fmt::format("hw has no \"{}\"", what),
                     suggestion(what, {"list", "show"}));
  }
  return ExitCode::done;
}

}  // namespace kvplan
