// The duration of one engine step as a function of the batch's integer features.
//
//   t(batch) = base(new_tokens) + head(samples) + context_ps * decode_context + pair_ps * prefill_pairs
//
// base and head are piecewise linear; all coefficients are integer picoseconds,
// so that a run of steps has an exact closed form. In a run of unchanged steps
// new_tokens and samples stay as they are, while decode_context and
// prefill_pairs grow linearly: duration i is t + i * growth.
//
// Features of a batch
//   new_tokens      tokens computed in this step: one a decode, the chunks of prefills
//   samples         sequences that emit a token at the end of this step
//   decode_context  sum over decoding sequences of the tokens they attend to
//   prefill_pairs   sum over prefill chunks of (query, key) pairs (StepTime::pairs)
//
// Keys are read as well as computed on, and whichever takes longer counts: a key
// that a chunk has few queries for counts as key_queries pairs.
//
// Whatever a model is built from (roofline, table, fit), it ends here, once per
// scenario: stepping and fast-forward evaluate the same integers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/units.hpp"

namespace kvplan {

struct BatchFeatures {
  std::int64_t new_tokens = 0;
  std::int64_t samples = 0;
  std::int64_t decode_context = 0;
  std::int64_t prefill_pairs = 0;
};

// t(x) = start_ps + slope_ps * (x - from) for the last piece whose from <= x.
class PiecewiseLinear {
 public:
  struct Piece {
    std::int64_t from;
    std::int64_t start_ps;
    std::int64_t slope_ps;
  };
  // Pieces ascend by `from`, the first starts at 0.
  explicit PiecewiseLinear(std::vector<Piece> pieces = {{0, 0, 0}});
  // Linear between the points, with the last slope beyond; slopes rounded to integer picoseconds.
  static PiecewiseLinear through(const std::vector<std::int64_t>& x, const std::vector<double>& ps);

  // x >= 0
  std::int64_t operator()(std::int64_t x) const {
    const auto at = static_cast<std::size_t>(x);
    std::size_t i = first_piece_[at < kDirect ? at : std::min((at >> shift_) + beyond_direct_, first_piece_.size() - 1)];
    while (i + 1 < pieces_.size() && pieces_[i + 1].from <= x) ++i;
    const Piece& p = pieces_[i];
    return p.start_ps + p.slope_ps * (x - p.from);
  }
  const std::vector<Piece>& pieces() const { return pieces_; }
  PiecewiseLinear scaled(double factor) const;
  PiecewiseLinear raised(std::int64_t ps) const;
  PiecewiseLinear steeper(std::int64_t ps) const;  // by so much an x

 private:
  std::vector<Piece> pieces_;
  // The piece in which a stretch of x begins: of each x below kDirect, where batches of decodes lie, then of each
  // 2^shift_, up to the last piece.
  static constexpr std::size_t kDirect = 512;
  int shift_ = 0;
  std::size_t beyond_direct_ = 0;
  std::vector<std::uint32_t> first_piece_;
};

struct StepTime {
  PiecewiseLinear base;
  PiecewiseLinear head;
  std::int64_t context_ps = 0;
  std::int64_t pair_ps = 0;
  std::int64_t key_queries = 0;  // that take as long as reading the key and its value
  // How much of it is the host's work: within base, and within head for each sample.
  std::int64_t host_ps = 0;
  std::int64_t host_sample_ps = 0;
  // Within head, for each sample: what a sequence takes however many rows it has in a step. The host's, and windows.
  std::int64_t sequence_ps = 0;
  std::int32_t layers = 1;  // for layer-wise loading: one layer takes 1 / layers of a step
  std::string provenance;

  std::int64_t operator()(const BatchFeatures& b) const {
    return base(b.new_tokens) + head(b.samples) + context_ps * b.decode_context + pair_ps * b.prefill_pairs;
  }
  // Of a chunk of new tokens: each of its queries attends to the cached tokens and to those of the chunk up to its own.
  std::int64_t pairs(std::int64_t chunk, std::int64_t cached) const {
    const std::int64_t read = std::min(chunk, key_queries);  // keys of the chunk itself that reading decides
    return std::max(chunk, key_queries) * cached + key_queries * read + (chunk * (chunk + 1) - read * (read + 1)) / 2;
  }
  // Of each step more than of the one before, in a run of steps with a chunk of this size.
  std::int64_t pairs_growth(std::int64_t chunk) const { return std::max(chunk, key_queries) * chunk; }
  // For a model whose other figures are there.
  void set_key_queries() { key_queries = pair_ps > 0 ? (context_ps + pair_ps / 2) / pair_ps : 0; }
  // The same model with everything slowed by a factor (copies that run beside compute).
  StepTime scaled(double factor) const;
  // The same model with every step longer by a constant that is no host's work.
  StepTime delayed(std::int64_t ps) const;
};

}  // namespace kvplan
