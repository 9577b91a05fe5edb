#include "studies/kvpr.hpp"

#include <rapidcheck.h>

#include "tests/catch.hpp"

using namespace kvplan;
using namespace kvplan::kvpr;

namespace {

Setting paper(double flops) {
  Setting s;
  s.link_bytes_per_s = 26e9;
  s.recompute_flops = flops;
  return s;
}

double change(const char* model, const Setting& s, std::int64_t context = 1024) {
  const Hardware a100 = load_hardware("x86-a100-pcie");
  const auto all = lines(profile(load_architecture(model), a100.gpu, Dtype::fp16, Dtype::fp16, s, context), s, context);
  return best_split(all, context).layer_s / layer_s(all, 0) - 1;
}

}  // namespace

TEST_CASE("the linear program finds what trying every split finds") {
  CHECK(rc::check("splits agree", [] {
    const auto seconds = [] { return *rc::gen::inRange(0, 1'000'000) * 1e-9; };
    LayerProfile p{seconds(), seconds(), seconds(), 100 * seconds(), 100 * seconds()};
    Setting s;
    s.schedule = *rc::gen::arbitrary<bool>() ? Schedule::row_by_row : Schedule::column_by_column;
    s.link = *rc::gen::arbitrary<bool>() ? LinkModel::shared : LinkModel::parallel;
    s.batches = *rc::gen::inRange(1, 20);
    const std::int64_t context = *rc::gen::inRange(1, 5000);
    const std::vector<Line> all = lines(p, s, context);
    const Split lp = best_split(all, context), tried = best_split_by_trying(all, context);
    RC_ASSERT(lp.layer_s <= tried.layer_s * (1 + 1e-12));
    RC_ASSERT(lp.recomputed_tokens >= 0);
    RC_ASSERT(lp.recomputed_tokens <= context);
    RC_ASSERT(lp.layer_s == layer_s(all, static_cast<double>(lp.recomputed_tokens)));
  }));
}

TEST_CASE("multi-head attention: half the bytes as activations, so at best half the time") {
  // OPT-6.7B, batch 64: 40.33 us of keys and values, 20.16 us of activations and 17.18 us of products a token and
  // layer.
  const LayerProfile p = profile(load_architecture("opt-6.7b"), load_hardware("x86-a100-pcie").gpu, Dtype::fp16,
                                 Dtype::fp16, paper(250e12), 1024);
  CHECK(p.kv_s_per_token == Approx(40.33e-6).epsilon(1e-3));
  CHECK(p.activation_s_per_token == Approx(20.16e-6).epsilon(1e-3));
  CHECK(p.recompute_s_per_token == Approx(17.18e-6).epsilon(1e-3));
  // t_act l + t_rec l = t_act l + t_kv (s - l) gives l / s = 40.33 / (40.33 + 17.18).
  CHECK(change("opt-6.7b", paper(250e12)) == Approx(-0.350).margin(0.002));
  CHECK(change("opt-6.7b", paper(200e12)) == Approx(-0.326).margin(0.002));
  CHECK(change("opt-6.7b", paper(312e12)) == Approx(-0.373).margin(0.002));
  CHECK(change("opt-6.7b", paper(1e18)) == Approx(-0.5).margin(0.005));
  Setting parallel = paper(250e12);
  parallel.link = LinkModel::parallel;
  // (t_act + t_rec) l = t_kv (s - l)
  CHECK(change("opt-6.7b", parallel) == Approx(40.33 / (40.33 + 20.16 + 17.18) * -1).margin(0.002));
}

TEST_CASE("grouped-query attention: activations are larger than keys and values, and nothing is computed again") {
  CHECK(activation_ratio(load_architecture("opt-6.7b"), Dtype::fp16, Dtype::fp16) == 0.5);
  CHECK(activation_ratio(load_architecture("llama-3.1-8b"), Dtype::bf16, Dtype::bf16) == 2);
  CHECK(activation_ratio(load_architecture("llama-3.1-70b"), Dtype::bf16, Dtype::bf16) == 4);
  CHECK(change("llama-3.1-8b", paper(1e18)) == 0);
  CHECK(change("llama-3.1-70b", paper(1e18)) == 0);
}

TEST_CASE("a faster link or a slower GPU never makes the trade better") {
  CHECK(rc::check("monotone", [] {
    const double flops = *rc::gen::inRange(1, 1000) * 1e12, rate = *rc::gen::inRange(1, 400) * 1e9;
    Setting s = paper(flops);
    s.link_bytes_per_s = rate;
    const double here = change("opt-6.7b", s, 512);
    s.link_bytes_per_s = 2 * rate;
    RC_ASSERT(change("opt-6.7b", s, 512) >= here - 1e-12);
    s.link_bytes_per_s = rate, s.recompute_flops = flops / 2;
    RC_ASSERT(change("opt-6.7b", s, 512) >= here - 1e-12);
  }));
}
