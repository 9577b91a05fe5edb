#include "models/operators/step_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "models/operators/attention_lines.hpp"
#include "models/operators/calibration.hpp"
#include "models/roofline.hpp"

namespace kvplan {
namespace {

constexpr double kActivationBytes = 2;

// One GPU's share of the model.
struct Share {
  double q, kv, ffn, vocab;          // columns
  double heads, kv_heads, head_dim;  // of attention
};

Share share_of(const Architecture& a, std::int32_t tp) {
  const auto split = [&](std::int64_t n) { return static_cast<double>(ceil_div(n, tp)); };
  Share s{};
  s.heads = split(a.heads), s.kv_heads = split(a.kv_heads), s.head_dim = a.head_dim;
  s.q = s.heads * s.head_dim, s.kv = s.kv_heads * s.head_dim;
  s.ffn = split(a.ffn), s.vocab = split(a.vocab);
  return s;
}

// Errors of different operators are independent: their intervals add in quadrature.
struct Sum {
  double ns = 0, below2 = 0, above2 = 0;
  void add(const Estimate& e, double times = 1) {
    ns += times * e.ns;
    below2 += times * times * (e.ns - e.low_ns) * (e.ns - e.low_ns);
    above2 += times * times * (e.high_ns - e.ns) * (e.high_ns - e.ns);
  }
  double at(IntervalEnd end) const {
    if (end == IntervalEnd::low) return std::max(0.0, ns - std::sqrt(below2));
    return end == IntervalEnd::high ? ns + std::sqrt(above2) : ns;
  }
};

double at_end(const Estimate& e, IntervalEnd end) {
  return end == IntervalEnd::low ? e.low_ns : end == IntervalEnd::high ? e.high_ns : e.ns;
}

// Servers pad batches to multiples of 8, and no batch stays at one size: the mean around m, so that no knot stands on
// a lucky one.
Estimate mean_gemm(const OperatorModel& model, double m, double n, double k, Dtype dtype) {
  constexpr std::array<double, 5> kAround = {0.9, 0.95, 1, 1.05, 1.1};
  Estimate mean{0, 0, 0, true};
  for (const double factor : kAround) {
    const double rows = m <= 16 ? m : std::ceil(m * factor / 8) * 8;
    const Estimate e = model.gemm({rows, n, k}, dtype);
    mean.ns += e.ns / kAround.size(), mean.low_ns += e.low_ns / kAround.size(), mean.high_ns += e.high_ns / kAround.size();
    mean.inside = mean.inside && e.inside;
  }
  return mean;
}

// What is priced: the model's share on one GPU, and whose experts are the roofline's.
struct Priced {
  const OperatorModel& model;
  const Architecture& a;
  Share s;
  std::int32_t tp;
  Dtype weights;
  ExpertRoofline experts;
};

void add_elementwise(Sum& sum, const Priced& p, double elements_a_token, double m, double layers) {
  sum.add(p.model.elementwise(kActivationBytes * elements_a_token * m), layers);
}

// Two or three matrices of a feed-forward part with these columns.
void add_ffn(Sum& sum, const Priced& p, double columns, double m, double layers) {
  if (layers == 0 || columns == 0) return;
  const double h = p.a.hidden;
  const Dtype dtype = p.a.dense_dtype(p.weights);
  sum.add(mean_gemm(p.model, m, (p.a.gated_ffn ? 2 : 1) * columns, h, dtype), layers);
  sum.add(mean_gemm(p.model, m, h, columns, dtype), layers);
  add_elementwise(sum, p, (p.a.gated_ffn ? 3 : 2) * columns, m, layers);
}

// No table has experts: their matrices, beside the router's, are the roofline's, and taken to be off by a fifth at best
// and a half at worst.
void add_experts(Sum& sum, const Priced& p, double m) {
  const Experts& e = p.a.moe;
  if (e.layers == 0) return;
  const double ns = 1e9 * expert_gemms_s(p.a, *p.experts.gpu, {p.tp, p.experts.whole}, p.weights, m);
  sum.add({ns, 0.8 * ns, 1.5 * ns, false});
  sum.add(mean_gemm(p.model, m, e.experts, p.a.hidden, unquantised(p.weights)), e.layers);
  const double columns = static_cast<double>(e.experts_per_token) * e.ffn / p.tp;
  add_elementwise(sum, p, (p.a.gated_ffn ? 3 : 2) * columns, m, e.layers);
  add_ffn(sum, p, static_cast<double>(ceil_div(e.shared_ffn, p.tp)), m, e.layers);
}

// All layers, for m new tokens, beside attention's pairs and contexts.
Sum layers_sum(const Priced& p, const AttentionLines& lines, double m) {
  Sum sum;
  const double h = p.a.hidden, layers = p.a.layers;
  const Share& s = p.s;
  const Dtype dtype = p.a.dense_dtype(p.weights);
  sum.add(mean_gemm(p.model, m, s.q + 2 * s.kv, h, dtype), layers);
  sum.add(mean_gemm(p.model, m, h, s.q, dtype), layers);
  add_elementwise(sum, p, 10 * h + (s.q + 2 * s.kv) + 2 * s.q, m, layers);
  if (p.tp > 1) sum.add(p.model.all_reduce({kActivationBytes * h * m, static_cast<double>(p.tp)}), 2 * layers);
  add_ffn(sum, p, s.ffn, m, p.a.dense_layers());
  add_experts(sum, p, m);
  const double attention_ns = layers * (lines.floor_ns + lines.token_ns * m) + window_pairs(p.a.window) * lines.pair_ns * m;
  sum.add({attention_ns, attention_ns * lines.low_factor, attention_ns * lines.high_factor, true});
  return sum;
}

constexpr double kPsPerNsF = static_cast<double>(kPsPerNs);

// Never falls: a batch with more tokens does not end sooner.
PiecewiseLinear rising(const std::vector<std::int64_t>& x, std::vector<double> ps) {
  for (std::size_t i = 1; i < ps.size(); ++i) ps[i] = std::max(ps[i], ps[i - 1]);
  return PiecewiseLinear::through(x, ps);
}

const std::vector<std::int64_t>& token_knots() {
  static const std::vector<std::int64_t> knots = {0,    1,    4,    8,    16,   32,   64,   96,   128,   192,   256,   384,
                                                  512,  768,  1024, 1536, 2048, 3072, 4096, 6144, 8192,  12288, 16384, 32768};
  return knots;
}

PiecewiseLinear base_of(const Priced& p, const AttentionLines& lines, IntervalEnd end) {
  std::vector<double> ps;
  for (const std::int64_t knot : token_knots()) {
    const double m = static_cast<double>(std::max<std::int64_t>(knot, 1));
    ps.push_back((layers_sum(p, lines, m).at(end) + p.model.step_host_ns(end)) * kPsPerNsF);
  }
  return rising(token_knots(), ps);
}

// Of one sequence, whatever its context: its part of each launch, and its windows.
double attention_sequence_ns(const Priced& p, const AttentionLines& lines) {
  return p.a.layers * lines.sequence_ns + window_pairs(p.a.window) * lines.context_ns;
}

PiecewiseLinear head_of(const Priced& p, const AttentionLines& lines, IntervalEnd end) {
  const std::vector<std::int64_t> knots = {0, 1, 16, 64, 128, 256, 512, 1024, 4096};
  const double sequence_ns = attention_sequence_ns(p, lines) + p.model.sequence_host_ns(end);
  std::vector<double> ps = {0};
  for (std::size_t i = 1; i < knots.size(); ++i) {
    const auto samples = static_cast<double>(knots[i]);
    const Estimate lm_head = mean_gemm(p.model, samples, p.s.vocab, p.a.hidden, unquantised(p.weights));
    ps.push_back((at_end(lm_head, end) + sequence_ns * samples) * kPsPerNsF);
  }
  return rising(knots, ps);
}

double factor_at(const AttentionLines& lines, IntervalEnd end) {
  return end == IntervalEnd::low ? lines.low_factor : end == IntervalEnd::high ? lines.high_factor : 1;
}

std::string error_text(const Calibration& c, Operator op, Dtype dtype, const char* title) {
  const OperatorFit* f = c.find(op, dtype == Dtype::fp16 ? Dtype::bf16 : dtype);
  if (f == nullptr) return "";
  return fmt::format("{} {:.1f} % ({:.1f} % at p90)", title, 100 * f->overall.median_error, 100 * f->overall.p90_error);
}

std::string provenance_of(const OperatorModel& model, const Architecture& a, std::int32_t tp, Dtype weights, Dtype kv,
                          IntervalEnd end) {
  const Calibration& c = model.calibration();
  std::string text = fmt::format(
      "calibration {} ({}) for {}, TP{}, {} weights, {} KV: operators measured on {}; median error on held-out shapes: ",
      c.name, c.date, a.name, tp, name_of(weights), name_of(kv), c.gpu);
  text += error_text(c, Operator::gemm, weights, "GEMM");
  text += ", " + error_text(c, Operator::prefill_attention, kv, "prefill attention");
  text += ", " + error_text(c, Operator::decode_attention, kv, "decode attention");
  if (tp > 1) text += ", " + error_text(c, Operator::all_reduce, Dtype::bf16, "all-reduce");
  text += fmt::format(". Not validated: {}; small kernels at {:.2f} of HBM, host work of a step {:.2f} ms and of a "
                      "sequence {:.0f} us ({})", unvalidated_operators(c), c.host.elementwise_efficiency.value,
                      c.host.step_s.value * 1e3, c.host.sequence_s.value * 1e6, c.host.source);
  if (a.moe.layers > 0) text += "; experts are the roofline's, assumed within -20 and +50 %";
  if (end != IntervalEnd::central) text += end == IntervalEnd::low ? "; low end of the interval" : "; high end of the interval";
  return text;
}

}  // namespace

std::string unvalidated_operators(const Calibration& c) {
  const OperatorFit* prefill = c.find(Operator::prefill_attention, Dtype::bf16);
  const auto head = [](const StackCheck& s) { return s.what.find("lm_head") != std::string::npos; };
  std::vector<std::string> what;
  if (prefill == nullptr || prefill->high[5] == 0) what.push_back("prefill attention on a cached prefix");
  if (std::none_of(c.checks.begin(), c.checks.end(), head)) what.push_back("lm_head");
  if (c.host.elementwise_source.empty()) what.push_back("small kernels");
  if (!c.host.fitted) what.push_back("host work");
  return what.empty() ? "nothing" : fmt::format("{}", fmt::join(what, ", "));
}

std::string outside_measured(const OperatorModel& model, const Architecture& a, std::int32_t tp, Dtype weights, Dtype kv) {
  const Share s = share_of(a, tp);
  const double h = a.hidden;
  std::vector<std::string> out;
  const auto check = [&](const Estimate& e, const std::string& what) {
    if (!e.inside) out.push_back(what);
  };
  const auto gemm = [&](const char* name, double n, double k) {
    check(model.gemm({128, n, k}, a.dense_dtype(weights)), fmt::format("{} of {:g} x {:g}", name, n, k));
  };
  gemm("QKV", s.q + 2 * s.kv, h);
  gemm("output projection", h, s.q);
  if (a.dense_layers() > 0) gemm("up-projection", (a.gated_ffn ? 2 : 1) * s.ffn, h), gemm("down-projection", h, s.ffn);
  const std::string heads = fmt::format("{:g} heads on {:g} KV heads of {:g}", s.heads, s.kv_heads, s.head_dim);
  check(model.prefill_attention({1, 2048, s.heads, s.kv_heads, s.head_dim}, kv), "prefill attention of " + heads);
  check(model.decode_attention({8, 2048, s.heads, s.kv_heads, s.head_dim}, kv), "decode attention of " + heads);
  return fmt::format("{}", fmt::join(out, "; "));
}

std::string calibration_gap(const OperatorModel& model, const Architecture& a, std::int32_t tp, Dtype weights, Dtype kv,
                            bool experts_by_roofline) {
  const std::string& name = model.calibration().name;
  const Dtype dense = a.dense_dtype(weights);
  if (!model.has_gemm(dense)) return fmt::format("{} has no GEMM with {} weights", name, name_of(dense));
  if (!model.has_gemm(unquantised(weights))) return fmt::format("{} has no {} GEMM for lm_head", name, name_of(unquantised(weights)));
  if (!model.has_attention(kv)) return fmt::format("{} has no attention on {} KV", name, name_of(kv));
  if (tp > 1 && !model.has_all_reduce(tp)) return fmt::format("{} has no all-reduce of {} GPUs", name, tp);
  if (a.latent()) return fmt::format("{} has latent attention", a.name);
  if (a.moe.layers > 0 && !experts_by_roofline) return fmt::format("{} has experts", a.name);
  return "";
}

StepTime calibrated_step_time(const OperatorModel& model, const Architecture& a, std::int32_t tp, Dtype weights,
                              Dtype kv, IntervalEnd end, const ExpertRoofline& experts) {
  if (tp < 1 || a.heads % tp != 0) {
    throw InfeasibleError(
        fmt::format("error: {} has {} heads, which {} GPUs cannot share evenly\n  help: choose a tp that divides {}",
                    a.name, a.heads, tp, a.heads));
  }
  KVPLAN_ASSERT(calibration_gap(model, a, tp, weights, kv, experts.gpu != nullptr).empty());
  const Priced p{model, a, share_of(a, tp), tp, weights, experts};
  const AttentionLines lines = attention_lines(model, p.s.heads, p.s.kv_heads, p.s.head_dim, kv);
  StepTime t;
  t.base = base_of(p, lines, end);
  t.head = head_of(p, lines, end);
  const double whole = (a.layers - a.window.layers) * factor_at(lines, end) * kPsPerNsF;
  t.context_ps = std::llround(lines.context_ns * whole);
  t.pair_ps = std::llround(lines.pair_ns * whole);
  t.set_key_queries();
  t.host_ps = std::llround(model.step_host_ns(end) * kPsPerNsF);
  t.host_sample_ps = std::llround(model.sequence_host_ns(end) * kPsPerNsF);
  t.sequence_ps = t.host_sample_ps + std::llround(attention_sequence_ns(p, lines) * kPsPerNsF);
  t.layers = a.layers;
  t.provenance = provenance_of(model, a, tp, weights, kv, end);
  return t;
}

}  // namespace kvplan
