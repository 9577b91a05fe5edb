// What a serving framework adds to the time of its kernels: the constants that
// are fitted to whole servers, four a backend, and whether its batch has a place
// for every client.
//
//   step(batch) = kernels + (activations - 1) x elementwise traffic + step_s + sequence_s x sampled sequences
//   TTFT       += request_s, before the queue
#pragma once

#include "models/step_time.hpp"

namespace kvplan {

struct Overheads {
  double activations = 1;  // factor on the elementwise traffic of the roofline
  double step_s = 0;       // host work of a step
  double sequence_s = 0;   // the same, of each sequence that emits a token
  double request_s = 0;    // front end: tokenising, HTTP, hand-over
  int kept_free = 0;       // places of the batch that the server gives to no client: one waits then, always
};

// `kernels` has no host work yet, and `activation_row_s` of elementwise traffic a token.
StepTime with_overheads(const StepTime& kernels, const Overheads&, double activation_row_s);

}  // namespace kvplan
