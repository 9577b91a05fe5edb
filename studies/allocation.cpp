#include "studies/allocation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <deque>
#include <map>
#include <optional>

#include "base/error.hpp"
#include "base/random.hpp"

namespace kvplan::allocation {
namespace {

// Free stretches of a line of tokens, by their beginning. Neighbours are merged.
class FirstFit {
 public:
  explicit FirstFit(std::int64_t size) { free_[0] = size; }
  std::optional<std::int64_t> take(std::int64_t size) {
    for (auto& [begin, length] : free_) {
      if (length < size) continue;
      const std::int64_t at = begin, rest = length - size;
      free_.erase(at);
      if (rest > 0) free_[at + size] = rest;
      return at;
    }
    return std::nullopt;
  }
  void give_back(std::int64_t at, std::int64_t size) {
    auto next = free_.lower_bound(at);
    if (next != free_.end() && at + size == next->first) {
      size += next->second;
      next = free_.erase(next);
    }
    if (next != free_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == at) {
        before->second += size;
        return;
      }
    }
    free_[at] = size;
  }

 private:
  std::map<std::int64_t, std::int64_t> free_;
};

struct Running {
  std::size_t request;
  std::int64_t tokens;     // that exist, without the shared ones that are held elsewhere
  std::int64_t allocated;  // of its own
  std::int64_t place = 0;  // of a contiguous stretch
  std::int32_t generated = 0;
};

class Engine {
 public:
  Engine(const std::vector<Request>& requests, const Scheme& scheme, const Setting& s, const StepTime& step)
      : requests_(&requests),
        scheme_(scheme),
        s_(s),
        step_(&step),
        contiguous_(s.memory_tokens),
        done_(requests.size(), 0) {
    for (std::size_t i = 0; i < requests.size(); ++i) waiting_.push_back(i);
    if (paged()) {
      pages_ = s.memory_tokens / scheme.page_tokens;
      if (scheme.share_prefix) shared_ = s.shared_prefix / scheme.page_tokens * scheme.page_tokens;
      pages_ -= shared_ / scheme.page_tokens;
    }
  }

  Outcome run() {
    while (!waiting_.empty() || !running_.empty()) one_step();
    const double t = seconds(while_waiting_), memory = static_cast<double>(s_.memory_tokens);
    if (t > 0) {
      out_.held = held_ / t / memory;
      out_.internal = internal_ / t / memory;
      out_.external = 1 - out_.held - out_.internal;
      out_.sequences = sequences_ / t;
    }
    out_.output_tokens_per_s = static_cast<double>(tokens_out_) / seconds(now_);
    return out_;
  }

 private:
  bool paged() const { return scheme_.kind == Scheme::Kind::paged; }
  const Request& of(std::size_t i) const { return (*requests_)[i]; }
  std::int64_t prompt(std::size_t i) const { return s_.shared_prefix + of(i).prompt; }

  std::int64_t reservation(std::size_t i) const {
    if (scheme_.kind == Scheme::Kind::maximum) return s_.longest;
    const auto output = static_cast<std::uint32_t>(of(i).output);
    const std::int64_t room = scheme_.kind == Scheme::Kind::power ? std::bit_ceil(output) : output;
    return std::min<std::int64_t>(s_.longest, prompt(i) + room);
  }

  std::int64_t pages_for(std::int64_t tokens) const { return ceil_div(tokens, scheme_.page_tokens); }

  // What was generated before a preemption is computed again with the prompt.
  bool admit(std::size_t i, BatchFeatures& batch) {
    Running r{i, prompt(i) + done_[i] - shared_, 0, 0, done_[i]};
    if (paged()) {
      const std::int64_t pages = pages_for(r.tokens + 1);
      if (pages > pages_) return false;
      pages_ -= pages;
      r.allocated = pages * scheme_.page_tokens;
    } else {
      r.allocated = reservation(i);
      const auto place = contiguous_.take(r.allocated);
      if (!place) return false;
      r.place = *place;
    }
    // A shared prefix is computed once, and never again.
    const std::int64_t cached = shared_computed_ ? shared_ : 0, computed = r.tokens + shared_ - cached;
    shared_computed_ = true;
    batch.new_tokens += computed;
    batch.samples += 1;
    batch.prefill_pairs += step_->pairs(computed, cached);
    running_.push_back(r);
    return true;
  }

  void give_back(const Running& r) {
    if (paged())
      pages_ += r.allocated / scheme_.page_tokens;
    else
      contiguous_.give_back(r.place, r.allocated);
  }

  // The newest of the running sequences makes room; false when that was `r` itself.
  bool preempt_for(std::size_t r) {
    ++out_.preemptions;
    const Running& newest = running_.back();
    done_[newest.request] = newest.generated;
    waiting_.push_front(newest.request);
    give_back(newest);
    running_.pop_back();
    return r < running_.size();
  }

  void grow() {
    for (std::size_t i = 0; i < running_.size(); ++i) {
      while (paged() && running_[i].tokens + 1 > running_[i].allocated && pages_ == 0) {
        if (!preempt_for(i)) return;
      }
      if (paged() && running_[i].tokens + 1 > running_[i].allocated) {
        --pages_;
        running_[i].allocated += scheme_.page_tokens;
      }
    }
  }

  bool can_never_run(std::size_t i) const {
    const std::int64_t longest = prompt(i) + of(i).output;
    if (longest > s_.longest || of(i).output < 1) return true;
    if (!paged()) return reservation(i) > s_.memory_tokens;
    return pages_for(longest - shared_) * scheme_.page_tokens > s_.memory_tokens - shared_;
  }

  void one_step() {
    grow();
    BatchFeatures batch;
    for (const Running& r : running_) {
      batch.new_tokens += 1;
      batch.samples += 1;
      batch.decode_context += r.tokens + shared_;
    }
    while (!waiting_.empty() && running_.size() < static_cast<std::size_t>(s_.max_num_seqs)) {
      if (can_never_run(waiting_.front()))
        ++out_.refused;
      else if (!admit(waiting_.front(), batch))
        break;
      waiting_.pop_front();
    }
    if (running_.empty()) return;  // only refused ones were left
    const Time took(step_->operator()(batch));
    now_ += took;
    if (!waiting_.empty()) count(seconds(took));
    if (!waiting_.empty()) while_waiting_ += took;
    for (Running& r : running_) {
      ++r.tokens;
      ++r.generated;
      ++tokens_out_;
    }
    std::erase_if(running_, [&](const Running& r) {
      if (r.generated < of(r.request).output) return false;
      give_back(r);
      return true;
    });
  }

  void count(double s) {
    std::int64_t held = shared_, allocated = shared_;
    for (const Running& r : running_) held += r.tokens, allocated += r.allocated;
    held_ += s * static_cast<double>(held);
    internal_ += s * static_cast<double>(allocated - held);
    sequences_ += s * static_cast<double>(running_.size());
  }

  const std::vector<Request>* requests_;
  Scheme scheme_;
  Setting s_;
  const StepTime* step_;
  FirstFit contiguous_;
  std::vector<std::int32_t> done_;  // generated before a preemption, by request
  std::int64_t pages_ = 0;          // free
  std::int64_t shared_ = 0;         // tokens that are held once for all
  bool shared_computed_ = false;
  std::deque<std::size_t> waiting_;
  std::vector<Running> running_;  // oldest first
  Time now_{0}, while_waiting_{0};
  double held_ = 0, internal_ = 0, sequences_ = 0;  // x seconds
  std::int64_t tokens_out_ = 0;
  Outcome out_;
};

// The median of a log-normal with this mean.
double median(double mean, double sigma) { return mean / std::exp(sigma * sigma / 2); }

}  // namespace

std::string Scheme::name() const {
  switch (kind) {
    case Kind::maximum:
      return "reserved, maximum";
    case Kind::power:
      return "reserved, power of two";
    case Kind::exact:
      return "reserved, exact";
    case Kind::paged:
      break;
  }
  return fmt::format("paged, {}{}", page_tokens, share_prefix ? ", prefix shared" : "");
}

Outcome run(const std::vector<Request>& requests, const Scheme& scheme, const Setting& s, const StepTime& step) {
  KVPLAN_ASSERT(s.memory_tokens > 0 && s.longest > 0 && scheme.page_tokens > 0);
  return Engine(requests, scheme, s, step).run();
}

std::vector<Request> draw(const LengthMix& mix, std::int32_t longest, std::size_t count, std::uint64_t seed) {
  RandomStream prompts(seed, "prompt lengths"), outputs(seed, "output lengths");
  std::vector<Request> requests;
  for (std::size_t i = 0; i < count; ++i) {
    const double p = prompts.log_normal(median(mix.prompt_mean, mix.prompt_sigma), mix.prompt_sigma);
    const double o = outputs.log_normal(median(mix.output_mean, mix.output_sigma), mix.output_sigma);
    Request r;
    r.prompt = static_cast<std::int32_t>(std::clamp(std::round(p), 1.0, longest - 1.0));
    r.output = static_cast<std::int32_t>(std::clamp(std::round(o), 1.0, static_cast<double>(longest - r.prompt)));
    requests.push_back(r);
  }
  return requests;
}

}  // namespace kvplan::allocation
