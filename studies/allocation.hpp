// How KV memory is handed out to sequences, and what that wastes: one engine, more requests waiting than fit, decoding
// token by token. Only allocation is simulated; there are no tiers and no cache of finished requests.
//
//   reserved, maximum  a contiguous stretch for the longest sequence the model allows (FasterTransformer, Orca (Max))
//   reserved, power    a contiguous stretch for the prompt and the output rounded up to a power of two (Orca (Pow2))
//   reserved, exact    a contiguous stretch of just the length that will be reached: knows the future (Orca (Oracle))
//   paged, n           pages of n tokens as they fill (vLLM); when none is left, the newest sequence gives its pages
//                      back and is computed again later
//
// Contiguous stretches are placed first fit. Pages of a prefix that all requests share may be held once.
//
// While requests wait, memory divides, on average over time, into
//   held      tokens that exist (a shared one counts once)
//   internal  allocated, without a token (yet)
//   external  free, but of no use to the request that waits
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/units.hpp"
#include "models/step_time.hpp"

namespace kvplan::allocation {

struct Request {
  std::int32_t prompt = 0, output = 0;
};

struct Scheme {
  enum class Kind { maximum, power, exact, paged } kind = Kind::paged;
  std::int32_t page_tokens = 16;  // of paged
  bool share_prefix = false;      // of paged
  std::string name() const;
};

struct Setting {
  std::int64_t memory_tokens = 0;
  std::int32_t longest = 2048;     // prompt and output
  std::int32_t shared_prefix = 0;  // tokens at the start of every prompt, on top of its own
  std::int32_t max_num_seqs = 256;
};

struct Outcome {
  double held = 0, internal = 0, external = 0;  // shares of the memory
  double sequences = 0;                         // that run at once, on average
  double output_tokens_per_s = 0;
  std::int64_t preemptions = 0, refused = 0;  // refused: longer than `longest`, or than the memory
  double waste() const { return internal + external; }
};

// Requests are admitted first come, first served. Each step takes `step` of its tokens.
Outcome run(const std::vector<Request>&, const Scheme&, const Setting&, const StepTime& step);

// Log-normal lengths with these means, cut off at `longest` together; from a named stream.
struct LengthMix {
  double prompt_mean = 0, prompt_sigma = 0, output_mean = 0, output_sigma = 0;
};
std::vector<Request> draw(const LengthMix&, std::int32_t longest, std::size_t count, std::uint64_t seed);

}  // namespace kvplan::allocation
