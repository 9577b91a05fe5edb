#include "plan/cost.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"

namespace kvplan {
namespace {

constexpr double kHoursPerYear = 8766, kHoursPerMonth = kHoursPerYear / 12, kGb = 1e9;

double bought_dram(const Fleet& fleet, const OwnedNode& node, const Prices& p) {
  if (node.dram_is_fixed) return node.included_dram_bytes.value;
  return fleet.dram_bytes_per_node + p.host_reserve_dram_bytes.value;
}

}  // namespace

void require_price(const std::string& hardware, const Prices& p, Tenure tenure) {
  const bool rented = tenure == Tenure::rented;
  if (rented ? p.usd_per_gpu_hour.count(hardware) > 0 : p.nodes.count(hardware) > 0) return;
  const char* key = rented ? "usd_per_gpu_hour" : "usd_per_node";
  throw InputError(Diagnostic{"", 0, 0, fmt::format("prices {} of {} have no {} of {}", p.name, p.date, key, hardware),
                              fmt::format("add \"prices\": {{\"{}\": {{\"{}\": USD}}}} to \"cost\", or leave the "
                                          "hardware out",
                                          key, hardware)});
}

std::string cannot_be_had(const Fleet& fleet, const Hardware& hardware, const Prices& p, Tenure tenure) {
  const auto node = p.nodes.find(hardware.name);
  double held = hardware.host_memory_bytes();
  if (tenure == Tenure::rented) {
    held *= static_cast<double>(fleet.gpus_of_node) / hardware.gpus_per_node;
  } else if (node != p.nodes.end() && !node->second.dram_is_fixed) {
    return "";
  }
  if (fleet.dram_bytes_per_node <= held * (1 + 1e-9)) return "";
  return fmt::format("{:.0f} GB of DRAM a node, and the GPUs in use of {} have {:.0f} GB",
                     fleet.dram_bytes_per_node / kGb, hardware.name, held / kGb);
}

Cost cost_of(const Fleet& fleet, const Hardware& hardware, const Prices& p, Tenure tenure, double busy) {
  require_price(hardware.name, p, tenure);
  Cost c;
  if (tenure == Tenure::rented) {
    c.rent = static_cast<double>(fleet.gpus) * p.usd_per_gpu_hour.at(hardware.name).value;
    c.usd_per_hour = c.rent;
    return c;
  }
  const OwnedNode& node = p.nodes.at(hardware.name);
  const double nodes = static_cast<double>(fleet.nodes), hours = p.years.value * kHoursPerYear;
  c.machines = nodes * node.usd.value / hours;
  c.dram =
      nodes * (bought_dram(fleet, node, p) - node.included_dram_bytes.value) / kGb * p.dram_usd_per_gb.value / hours;
  c.ssd = nodes * fleet.ssd_bytes_per_node / kGb * p.ssd_usd_per_gb.value / hours;
  const Gpu& gpu = hardware.gpu;
  const double gpus = nodes * hardware.gpus_per_node;  // those that no replica uses idle
  const double busy_gpus = std::min(gpus, static_cast<double>(fleet.gpus) * busy);
  const double watts =
      busy_gpus * gpu.busy_watts.value + (gpus - busy_gpus) * gpu.idle_watts.value + nodes * node.host_watts.value;
  const double peak_watts = gpus * gpu.busy_watts.value + nodes * node.host_watts.value;
  c.energy = watts / 1000 * p.pue.value * p.usd_per_kwh.value;
  c.colocation = peak_watts / 1000 * p.colocation_usd_per_kw_month.value / kHoursPerMonth;
  c.usd_per_hour = c.machines + c.dram + c.ssd + c.energy + c.colocation;
  return c;
}

}  // namespace kvplan
