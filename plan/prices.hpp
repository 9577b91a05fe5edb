// What machines cost, from a dated JSON file whose figures carry their sources
// (plan/prices/*.json ship with kvplan; docs/planning.md has the format).
#pragma once

#include <map>
#include <string>

#include "base/json_file.hpp"
#include "base/sourced.hpp"

namespace kvplan {

struct OwnedNode {
  Sourced usd;                  // of a node as it is sold, with its GPUs
  Sourced included_dram_bytes;  // in that price
  bool dram_is_fixed = false;   // soldered: neither more nor less can be bought
  Sourced host_watts;           // of a node beside its GPUs
};

struct Prices {
  std::string name, date;
  std::map<std::string, Sourced> usd_per_gpu_hour;  // by hardware
  std::map<std::string, OwnedNode> nodes;           // by hardware
  Sourced dram_usd_per_gb, ssd_usd_per_gb;          // 1 GB = 1e9 bytes
  Sourced usd_per_kwh, colocation_usd_per_kw_month, pue, years;
  Sourced host_reserve_dram_bytes;  // of a node's DRAM, not for KV
};

// By name from those that ship, or by path. InputError with all findings; a price of zero is one.
Prices load_prices(const std::string& name_or_path);
std::string newest_prices();  // the name of those that ship

// Lays an object with some of the scalar figures and of the tables "usd_per_gpu_hour" and "usd_per_node", by
// hardware, over them: {"dram_usd_per_gb": 30, "usd_per_gpu_hour": {"gh200-96": 2.5}}.
void override_prices(Prices&, JsonReader overrides);

// The scalar figures by name, for overrides, sensitivities and documents.
std::map<std::string, Sourced*> price_figures(Prices&);

}  // namespace kvplan
