// A doubly linked list over dense ids, without allocation after construction.
// front() was appended longest ago. An id is in the list at most once.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.hpp"
#include "traces/workload.hpp"  // kNone

namespace kvplan {

class LruList {
 public:
  explicit LruList(std::uint32_t ids) : links_(ids + 1, Link{kNone, kNone}), end_(ids) {
    links_[end_] = {end_, end_};
  }

  bool empty() const { return links_[end_].next == end_; }
  std::uint32_t front() const { return links_[end_].next; }
  std::uint32_t next(std::uint32_t id) const { return links_[id].next; }
  std::uint32_t end() const { return end_; }
  bool contains(std::uint32_t id) const { return links_[id].next != kNone; }

  void push_back(std::uint32_t id) {
    const std::uint32_t last = links_[end_].previous;
    links_[id] = {last, end_};
    links_[last].next = id;
    links_[end_].previous = id;
  }

  void remove(std::uint32_t id) {
    const Link link = links_[id];
    links_[link.previous].next = link.next;
    links_[link.next].previous = link.previous;
    links_[id] = {kNone, kNone};
  }

 private:
  struct Link {
    std::uint32_t previous, next;
  };
  std::vector<Link> links_;
  std::uint32_t end_;
};

}  // namespace kvplan
