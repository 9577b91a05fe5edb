// A table of 32-bit numbers by dense index, most of which stay zero: takes
// memory only for the neighbourhoods that were ever written.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace kvplan {

class SparseTable {
 public:
  explicit SparseTable(std::uint32_t size) : pages_((size + kPage - 1) / kPage, 0), values_(1) {}

  std::uint32_t operator[](std::uint32_t i) const { return values_[pages_[i / kPage]][i % kPage]; }

  void set(std::uint32_t i, std::uint32_t value) {
    std::uint32_t& page = pages_[i / kPage];
    if (page == 0) {
      page = static_cast<std::uint32_t>(values_.size());
      values_.emplace_back();
    }
    values_[page][i % kPage] = value;
  }

 private:
  static constexpr std::uint32_t kPage = 16;
  std::vector<std::uint32_t> pages_;                     // page 0 holds zeros, for all that was not written
  std::vector<std::array<std::uint32_t, kPage>> values_;
};

}  // namespace kvplan
