// The figures of a hardware file in one table: the reader, `hw show` and the
// list of sources walk it, so that none can forget one.
#pragma once

#include <string>
#include <vector>

#include "hardware/hardware.hpp"

namespace kvplan {

struct FigureRange {
  std::string unit;  // "B", "B/s", "FLOP/s", "s", "W", "USD", "" for a ratio
  double low;
  double high;
  bool zero_allowed = false;  // 0 besides the range: the part has none, or there is no limit
  bool optional = false;      // 0 where the file has none
};

template <class Owner>
struct Figure {
  std::string key;
  Sourced Owner::*member;
  FigureRange range;
};

const std::vector<Figure<Gpu>>& gpu_figures();
const std::vector<Figure<LinkKind>>& link_kind_figures();
const std::vector<Figure<Vertex>>& memory_figures();  // of a bridge: bytes_per_s alone
const std::vector<Figure<Vertex>>& storage_figures();
const std::vector<Figure<Hardware>>& node_figures();

}  // namespace kvplan
