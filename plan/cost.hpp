// What a fleet costs an hour.
//
//   rented  GPUs x price of a GPU-hour. The hardware's DRAM and SSDs are in the price.
//   owned   [nodes x (node + (DRAM - included) x price + SSD x price)] / years, energy of GPUs and host by
//           state at PUE, and colocation for the peak power. Whole nodes are bought.
//
// DRAM bought = KV tier + the host's reserve; less than what is included earns its price back, unless it is soldered.
#pragma once

#include <cstdint>
#include <string>

#include "hardware/hardware.hpp"
#include "plan/prices.hpp"

namespace kvplan {

enum class Tenure { rented, owned };

struct Fleet {
  std::int64_t gpus = 0;
  std::int64_t nodes = 0;
  std::int64_t gpus_of_node = 0;                           // that the fullest node has in use
  double dram_bytes_per_node = 0, ssd_bytes_per_node = 0;  // for KV
};

struct Cost {
  double usd_per_hour = 0;
  // The parts of it.
  double rent = 0, machines = 0, dram = 0, ssd = 0, energy = 0, colocation = 0;
};

// busy: share of the time that GPUs compute. InputError where the prices do not know the hardware.
Cost cost_of(const Fleet&, const Hardware&, const Prices&, Tenure, double busy);

// Why the fleet cannot be had; "" when it can. Whoever rents some GPUs of a node has that share of its DRAM; what
// is soldered is all there is.
std::string cannot_be_had(const Fleet&, const Hardware&, const Prices&, Tenure);

// InputError, naming what is missing, unless the prices know the hardware under this tenure.
void require_price(const std::string& hardware, const Prices&, Tenure);

}  // namespace kvplan
