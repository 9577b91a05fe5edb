// The decoding sequences of a replica, advanced all at once.
//
// Every decode step adds as much to each sequence - a token, or with speculation
// so many parts of tokens - so one counter of steps stands for all of them: a
// sequence keeps `bias` = its context - counter x that growth, and the counter
// at which its last token comes out. Contexts (prompt + tokens emitted so far,
// the last of them being computed) count in parts of a token; whole tokens are
// rounded down. A step needs pages for all that it yields.
// Without speculation, a sequence needs a page of its own in a step if its
// context is 1 modulo the page size; counting the biases by their residue gives
// the pages of any run of steps. With it they are counted by sequence.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <tuple>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "sim/config.hpp"

namespace kvplan {

using SequenceId = std::uint32_t;

class DecodeGroup {
 public:
  // page_tokens is a power of two.
  explicit DecodeGroup(std::int32_t page_tokens, const Speculation& speculation = {})
      : token_parts_(speculation.token_parts),
        step_parts_(speculation.step_parts),
        mask_(page_tokens - 1),
        shift_(std::countr_zero(static_cast<std::uint32_t>(page_tokens))),
        biases_(static_cast<std::size_t>(page_tokens), 0) {}

  std::int64_t size() const { return static_cast<std::int64_t>(heap_.size()); }
  std::int64_t counter() const { return counter_; }
  std::int64_t context() const { return context_; }  // parts of tokens, of the next step, summed
  std::int64_t growth() const { return size() * step_parts_; }  // of context(), by a step
  // Of a member: its context in the next step.
  std::int64_t context_parts(std::int64_t bias) const { return bias + counter_ * step_parts_; }
  std::int64_t context_of(std::int64_t bias) const { return context_parts(bias) / token_parts_; }
  // Its pages once `steps` further steps have begun beyond the next; -1: before the next.
  std::int64_t pages_of(std::int64_t bias, std::int64_t steps) const {
    const std::int64_t tokens = (context_parts(bias) + (steps + 1) * step_parts_) / token_parts_ - 1;
    return (tokens + mask_) >> shift_;
  }

  // The next step attends to `context` tokens; when `remaining` >= 1 more are out the
  // sequence is done. Returns its bias.
  std::int64_t join(SequenceId id, std::uint64_t order, std::int64_t context, std::int64_t remaining) {
    KVPLAN_ASSERT(remaining > 0 && context > 0);
    const std::int64_t bias = context * token_parts_ - counter_ * step_parts_;
    ++biases_[residue(bias)];
    context_ += context * token_parts_;
    heap_.push_back({counter_ + ceil_div(remaining * token_parts_, step_parts_), order, bias, id});
    std::push_heap(heap_.begin(), heap_.end(), later);
    return bias;
  }

  void leave(SequenceId id, std::int64_t bias) {
    remove_counts(bias);
    const auto removed = std::erase_if(heap_, [&](const Member& m) { return m.id == id; });
    KVPLAN_ASSERT(removed == 1);
    std::make_heap(heap_.begin(), heap_.end(), later);
  }

  std::int64_t steps_to_first_finish() const { return heap_.front().finish - counter_; }

  // Pages that steps [from, to) from here on need.
  std::int64_t pages(std::int64_t from, std::int64_t to) const {
    if (token_parts_ == 1) return pages_until(to) - pages_until(from);
    std::int64_t n = 0;
    for (const Member& m : heap_) n += pages_of(m.bias, to - 1) - pages_of(m.bias, from - 1);
    return n;
  }

  // No fewer than steps [from, to) need, and cheap.
  std::int64_t most_pages(std::int64_t from, std::int64_t to) const {
    const std::int64_t tokens = token_parts_ == 1 ? to - from : ceil_div((to - from) * step_parts_, token_parts_);
    return size() * ((tokens >> shift_) + 1);
  }

  void advance(std::int64_t steps) {
    counter_ += steps;
    context_ += steps * growth();
  }

  bool has_finished() const { return !heap_.empty() && heap_.front().finish == counter_; }
  SequenceId first_finished() const { return heap_.front().id; }
  void pop_finished(std::int64_t bias) {
    remove_counts(bias);
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
  }

 private:
  struct Member {
    std::int64_t finish;  // counter when the last token is out
    std::uint64_t order;  // of admission: who finishes together finishes in this order
    std::int64_t bias;
    SequenceId id;
  };
  static bool later(const Member& a, const Member& b) {
    return std::tie(a.finish, a.order) > std::tie(b.finish, b.order);
  }

  std::size_t residue(std::int64_t x) const { return static_cast<std::size_t>(x & mask_); }
  void remove_counts(std::int64_t bias) {
    --biases_[residue(bias)];
    context_ -= context_parts(bias);
  }
  std::int64_t pages_until(std::int64_t steps) const {
    std::int64_t n = (steps >> shift_) * size();
    for (std::int64_t i = 0; i < (steps & mask_); ++i) n += biases_[residue(1 - counter_ - i)];
    return n;
  }

  std::int64_t token_parts_, step_parts_;
  std::int64_t mask_;
  int shift_;
  std::vector<std::int32_t> biases_;  // by residue
  std::vector<Member> heap_;
  std::int64_t counter_ = 0;
  std::int64_t context_ = 0;
};

}  // namespace kvplan
