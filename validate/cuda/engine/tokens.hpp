// What the tokens of a load are. Traces tell which blocks are equal, not what is
// in them: a token is a number drawn from its block and its position, so that
// equal prefixes are equal tokens, and an answer's tokens are those that the next
// turn's prompt shows.
#pragma once

#include <cstdint>
#include <vector>

#include "traces/workload.hpp"

namespace kvplan::gpu {

class Tokens {
 public:
  // Throws std::runtime_error where two turns that share a prompt's partial last block go on
  // differently, since its tokens would then have to be two things.
  Tokens(const Workload& load, std::int32_t vocabulary);

  // The token at a position of the turn's prompt and, behind it, of its forced answer.
  std::int32_t at(TurnId turn, std::int64_t position) const;

 private:
  const Workload& load_;
  std::int32_t vocabulary_;
  std::vector<std::uint32_t> stands_for_;  // by block: itself, or of a partial one the block that it grows into
};

}  // namespace kvplan::gpu
