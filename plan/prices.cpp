#include "plan/prices.hpp"

#include <fmt/format.h>

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "base/file.hpp"

namespace kvplan {
namespace {

constexpr const char* kFolder = "plan/prices/";
constexpr double kLeast = 1e-6, kMost = 1e9;  // no price is zero: what is free would win every plan

class Reader {
 public:
  explicit Reader(const JsonFile& file) : root_(file, findings_) {}

  Prices read() {
    root_.one_of("schema", {"kvplan.prices/1"});
    p_.date = root_.string("date");
    read_sources();
    JsonReader rented = root_.object("rented", true);
    for (const std::string& name : rented.keys()) {
      JsonReader r = rented.object(name);
      p_.usd_per_gpu_hour[name] = figure(r, "usd_per_gpu_hour", kLeast, kMost);
      r.no_other_keys();
    }
    JsonReader owned = root_.object("owned", true);
    for (const std::string& name : owned.keys()) read_node(owned.object(name), p_.nodes[name]);
    for (const auto& [key, to] : price_figures(p_)) *to = figure(root_, key, key == "pue" ? 1 : kLeast, 1e15);
    root_.no_other_keys();
    findings_.raise();
    return std::move(p_);
  }

 private:
  void read_node(JsonReader r, OwnedNode& node) {
    node.usd = figure(r, "usd_per_node", kLeast, kMost);
    node.included_dram_bytes = figure(r, "included_dram_bytes", 0, 1e15);
    node.dram_is_fixed = r.boolean("dram_is_fixed", false);
    node.host_watts = figure(r, "host_watts", 0, 1e6);
    r.no_other_keys();
  }

  void read_sources() {
    JsonReader table = root_.object("sources", true);
    for (const std::string& key : table.keys()) {
      JsonReader s = table.object(key);
      sources_[key] = {0, s.string("text"), s.string("date"), s.string("confidence")};
      s.no_other_keys();
    }
  }

  Sourced figure(JsonReader& owner, const std::string& key, double low, double high) {
    JsonReader r = owner.object(key, true);
    Sourced s;
    const double value = r.number("value", low, high);
    const std::string source = r.string("source");
    const auto it = sources_.find(source);
    if (it != sources_.end())
      s = it->second;
    else if (!source.empty())
      r.fail("source", fmt::format("no source \"{}\"", source), "sources stand under \"sources\"");
    s.value = value;
    r.no_other_keys();
    return s;
  }

  JsonFindings findings_;
  JsonReader root_;
  Prices p_;
  std::map<std::string, Sourced> sources_;
};

void override_table(JsonReader& from, const char* key, const std::function<void(const std::string&, double)>& set) {
  if (!from.has(key)) return;
  JsonReader table = from.object(key);
  for (const std::string& name : table.keys()) set(name, table.number(name, kLeast, kMost));
}

Sourced overridden(double value) { return {value, "set in the request", "", "given"}; }

}  // namespace

std::map<std::string, Sourced*> price_figures(Prices& p) {
  return {{"dram_usd_per_gb", &p.dram_usd_per_gb},
          {"ssd_usd_per_gb", &p.ssd_usd_per_gb},
          {"usd_per_kwh", &p.usd_per_kwh},
          {"colocation_usd_per_kw_month", &p.colocation_usd_per_kw_month},
          {"pue", &p.pue},
          {"years", &p.years},
          {"host_reserve_dram_bytes", &p.host_reserve_dram_bytes}};
}

std::string newest_prices() { return embedded_json_names(kFolder).back(); }

Prices load_prices(const std::string& name_or_path) {
  Prices p;
  if (is_json_path(name_or_path)) {
    p = Reader(JsonFile::load(name_or_path)).read();
  } else {
    const std::string path = kFolder + name_or_path + ".json";
    const std::string_view text = embedded_file(path);
    if (text.data() == nullptr) {
      throw InputError(Diagnostic{"", 0, 0, fmt::format("no prices \"{}\"", name_or_path),
                                  suggestion(name_or_path, embedded_json_names(kFolder))});
    }
    p = Reader(JsonFile::parse(std::string(text), path)).read();
  }
  p.name = name_or_path;
  return p;
}

void override_prices(Prices& p, JsonReader from) {
  for (const auto& [key, to] : price_figures(p)) {
    if (from.has(key)) *to = overridden(from.number(key, key == "pue" ? 1 : kLeast, 1e15));
  }
  override_table(from, "usd_per_gpu_hour",
                 [&](const std::string& name, double usd) { p.usd_per_gpu_hour[name] = overridden(usd); });
  override_table(from, "usd_per_node", [&](const std::string& name, double usd) {
    OwnedNode& node = p.nodes[name];
    node.usd = overridden(usd);
  });
  from.no_other_keys();
}

}  // namespace kvplan
