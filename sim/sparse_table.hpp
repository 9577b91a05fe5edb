// A table of 32-bit numbers by dense index, most of which stay zero: takes
// memory only for the neighbourhoods that were ever written, and none before.
//
// A directory of boxes of pages of numbers. Box 0 and page 0 hold zeros, for all
// that was not written; the directory ends where nothing was written behind.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace kvplan {

class SparseTable {
 public:
  std::uint32_t operator[](std::uint32_t i) const {
    const std::uint32_t box = i / (kBox * kPage);
    if (box >= directory_.size()) return 0;
    return pages_[boxes_[directory_[box]][i / kPage % kBox]][i % kPage];
  }

  void set(std::uint32_t i, std::uint32_t value) {
    const std::uint32_t box = i / (kBox * kPage);
    if (box >= directory_.size()) directory_.resize(box + 1, 0);
    std::uint32_t& page = boxes_[written(directory_[box], boxes_)][i / kPage % kBox];
    pages_[written(page, pages_)][i % kPage] = value;
  }

 private:
  static constexpr std::uint32_t kBox = 64, kPage = 16;

  // The part that `index` names, made where that is 0.
  template <class Parts>
  static std::uint32_t written(std::uint32_t& index, Parts& parts) {
    if (index == 0) {
      if (parts.empty()) parts.emplace_back();
      index = static_cast<std::uint32_t>(parts.size());
      parts.emplace_back();
    }
    return index;
  }

  std::vector<std::uint32_t> directory_;
  std::vector<std::array<std::uint32_t, kBox>> boxes_;
  std::vector<std::array<std::uint32_t, kPage>> pages_;
};

}  // namespace kvplan
