// GEMM: m rows times a k x n matrix.
//
// Efficiency is a curve over m whose knots bend with log n and log k (quadratic:
// small matrices do not fill the GPU, large ones stream well). Below some
// hundreds of rows the matrix is streamed; beyond, tiles are computed in whole
// waves over the SMs. Rows that no multiple of 8 covers cost extra (padding, or
// another kernel).
#include "models/operators/forms.hpp"
#include "models/operators/knots.hpp"

namespace kvplan {
namespace {

struct Tile {
  double m, n;
};
constexpr std::array<Tile, 5> kTiles = {{{128, 128}, {128, 256}, {256, 128}, {64, 256}, {64, 128}}};
// Curves that multiply the knots of m: 1, log n, log k, and the squares.
constexpr std::size_t kCurves = 6;

struct Layout {
  // Libraries choose the kernel by m: pairs of knots one row apart are steps.
  Axis m{"m", {1, 16, 17, 64, 65, 128, 129, 256, 257, 512, 1024, 2048, 4096, 16384}};
  Blocks blocks;
  std::array<std::size_t, kCurves> curves;
  std::size_t unaligned, unaligned_n, waves, bound_waves;

  Layout() {
    const std::array<const char*, kCurves> names = {"1", "log n", "log k", "log n log k", "log2 n", "log2 k"};
    for (std::size_t i = 0; i < kCurves; ++i) curves[i] = blocks.along(names[i], m);
    unaligned = blocks.along("unaligned m", m);
    unaligned_n = blocks.along("unaligned m, log n", m);
    waves = blocks.names().size();
    for (const Tile& t : kTiles) blocks.scalar(fmt::format("waves of {:g}x{:g} tiles", t.m, t.n));
    bound_waves = blocks.names().size();
    for (const Tile& t : kTiles) blocks.scalar(fmt::format("compute-bound waves of {:g}x{:g} tiles", t.m, t.n));
  }
};

const Layout& layout() {
  static const Layout l;
  return l;
}

struct Roofs {
  double memory_ns, compute_ns;
};

Roofs roofs(const Shape& s, const Peaks& p) {
  const double m = s[0], n = s[1], k = s[2];
  constexpr double kOutputBytes = 2;
  return {(p.element_bytes * (n * k + m * k) + kOutputBytes * m * n) / p.bytes_per_s * kNsPerS,
          2 * m * n * k / p.flops * kNsPerS};
}

void terms(const Shape& s, const Peaks& p, Terms& t) {
  const Roofs r = roofs(s, p);
  const double a = r.memory_ns * r.memory_ns, b = r.compute_ns * r.compute_ns;
  t[0] = 1000;
  t[1] = std::sqrt(std::sqrt(a * a + b * b));
}

void features(const Shape& s, const Peaks& p, double, double, FeatureRow& row) {
  const Layout& l = layout();
  constexpr double kCentreLog2 = 12;  // 4,096 columns
  const Place m = l.m.place(std::log2(s[0]));
  const double n = std::log2(s[1]) - kCentreLog2, k = std::log2(s[2]) - kCentreLog2;
  const std::array<double, kCurves> curve = {1, n, k, n * k, n * n, k * k};
  for (std::size_t i = 0; i < kCurves; ++i) add_along(row, l.curves[i], m, curve[i]);
  const bool whole = std::fmod(s[0], 8) == 0;
  if (!whole && s[0] > 17) add_along(row, l.unaligned, m), add_along(row, l.unaligned_n, m, n);
  const Roofs r = roofs(s, p);
  const double bound = r.compute_ns / (r.compute_ns + r.memory_ns);
  for (std::size_t i = 0; i < kTiles.size(); ++i) {
    const double rows = std::ceil(s[0] / kTiles[i].m), columns = std::ceil(s[1] / kTiles[i].n);
    const double padded = rows * kTiles[i].m * columns * kTiles[i].n / (s[0] * s[1]);
    const double w = wave_log2(rows * columns, p.sms) + std::log2(padded);
    row.add(l.waves + i, w);
    row.add(l.bound_waves + i, w * bound);
  }
}

}  // namespace

Form gemm_form() {
  return {Operator::gemm, "gemm", 1, {"m", "n", "k"}, {1, 2}, {}, {0, 1}, 0, {1, 18, 130, 514, 2050},
          {1, 1024, 1024}, {16384, 1e9, 1e9},
          {"launch", "roofline"}, layout().blocks.names(), terms, features};
}

}  // namespace kvplan
