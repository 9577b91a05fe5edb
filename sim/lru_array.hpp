// One record for each of a dense range of ids, some of them in a doubly linked
// list from least to most recently used. Links stand beside the record, so that
// touching an id costs one cache line; nothing is allocated after construction.
// front() was appended longest ago; an id is in the list at most once.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.hpp"
#include "traces/workload.hpp"  // kNone

namespace kvplan {

template <class Record>
class LruArray {
 public:
  explicit LruArray(std::uint32_t ids) : nodes_(std::size_t{ids} + 1), end_(ids) { nodes_[end_].next = nodes_[end_].previous = end_; }

  std::uint32_t size() const { return end_; }
  Record& operator[](std::uint32_t id) { return nodes_[id].record; }
  const Record& operator[](std::uint32_t id) const { return nodes_[id].record; }

  std::uint32_t front() const { return nodes_[end_].next; }
  std::uint32_t next(std::uint32_t id) const { return nodes_[id].next; }
  std::uint32_t end() const { return end_; }
  bool contains(std::uint32_t id) const { return nodes_[id].next != kNone; }

  void push_back(std::uint32_t id) {
    const std::uint32_t last = nodes_[end_].previous;
    nodes_[id].previous = last;
    nodes_[id].next = end_;
    nodes_[last].next = id;
    nodes_[end_].previous = id;
  }

  void remove(std::uint32_t id) {
    Node& node = nodes_[id];
    nodes_[node.previous].next = node.next;
    nodes_[node.next].previous = node.previous;
    node.previous = node.next = kNone;
  }

 private:
  struct Node {
    std::uint32_t previous = kNone, next = kNone;
    Record record;
  };
  std::vector<Node> nodes_;
  std::uint32_t end_;
};

}  // namespace kvplan
