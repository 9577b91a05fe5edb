#include "validate/benchmark.hpp"

#include "base/error.hpp"
#include "tests/catch.hpp"
#include "validate/benchmark_file.hpp"
#include "validate/server_fit.hpp"

namespace kvplan {
namespace {

ServerRow row_of(std::int32_t isl, std::int32_t osl, std::int32_t clients) {
  ServerRow row;
  row.backend = "vllm";
  row.isl = isl, row.osl = osl, row.concurrency = clients, row.tp = 1;
  return row;
}

// A step of 2 ms, 10 us a token, 1 us a sampled sequence, and 20 ps a token of context.
ServerPoint point_of(const ServerRow& row) {
  ServerPoint p;
  p.row = row;
  StepTime s;
  s.base = PiecewiseLinear({{0, 2 * kPsPerMs, 10 * kPsPerUs}});
  s.head = PiecewiseLinear({{0, 0, kPsPerUs}});
  s.context_ps = 20;
  p.config.step_times.fill(s);
  p.config.engine.g1_pages = Pages(10'000'000);
  p.config.kv_bytes_per_token = p.config.kv_bytes_per_token_per_gpu = Bytes(1);
  p.activation_row_s = 3e-6;
  return p;
}

TEST_CASE("a closed loop sends each client's next request when the one before has ended") {
  const Benchmark b;
  const Workload w = benchmark_load(row_of(1000, 10, 4), b);
  REQUIRE(w.turns.size() == 40);
  for (TurnId t = 0; t < 40; ++t) {
    CHECK(w.turns[t].prompt_tokens == 1000);
    CHECK(w.turns[t].arrival.after == (t < 4 ? kNone : t - 4));
    CHECK(w.turns[t].arrival.time == (t < 4 ? time_from_seconds(0.001 * t) : Time(0)));
    CHECK(w.tokens_of_block[w.prompt_blocks[w.turns[t].first_block]] == 1000);
  }
}

TEST_CASE("lengths vary within their share, around the same mean") {
  Benchmark b;
  b.length_jitter = 0.2;
  b.requests_per_client = 200;
  double sum = 0;
  const Workload w = benchmark_load(row_of(1000, 10, 16), b);
  for (const Turn& t : w.turns) {
    REQUIRE(t.prompt_tokens >= 800);
    REQUIRE(t.prompt_tokens <= 1200);
    sum += t.prompt_tokens;
  }
  CHECK(sum / static_cast<double>(w.turns.size()) == Approx(1000).epsilon(0.01));
}

TEST_CASE("one client: TTFT and TPOT written out") {
  const ServerPoint p = point_of(row_of(500, 101, 1));
  const Overheads o{2, 0.001, 5e-6, 0.004};
  const ServerFigures f = predict({p}, Benchmark{}, o, 1).front();
  // 500 prompt tokens, one sample; activations once more than the kernels have them.
  const double token_s = 10e-6 + 3e-6, sample_s = 1e-6 + 5e-6, step_s = 2e-3 + 1e-3;
  CHECK(f.ttft_s == Approx(0.004 + step_s + 500 * token_s + sample_s).epsilon(1e-9));
  // 100 decode steps; the context grows from 501 to 600.
  CHECK(f.tpot_s == Approx(step_s + token_s + sample_s + 20e-12 * 550.5).epsilon(1e-6));
  CHECK(f.e2e_s == Approx(f.ttft_s + 100 * f.tpot_s).epsilon(1e-9));
  CHECK(f.queue_share == 0);
}

TEST_CASE("a closed loop obeys Little's law") {
  Benchmark b;
  b.requests_per_client = 200;  // ramp and tail vanish
  for (const std::int32_t clients : {4, 32}) {
    const ServerFigures f = predict({point_of(row_of(400, 50, clients))}, b, {1, 0.001, 0, 0.002}, 1).front();
    CHECK(f.requests_per_s * f.e2e_s == Approx(clients).epsilon(0.01));
    CHECK(f.output_tokens_per_s == Approx(50 * f.requests_per_s).epsilon(1e-9));
  }
}

TEST_CASE("one place fewer than clients: one client in all waits") {
  Benchmark b;
  b.sequences_beyond_clients["vllm"] = -1;
  b.requests_per_client = 100;
  const ServerPoint p = point_of(row_of(100, 200, 8));
  const ServerFigures all = predict({p}, Benchmark{}, {}, 1).front(), fewer = predict({p}, b, {}, 1).front();
  // By Little's law, W = requests waiting / throughput.
  CHECK(fewer.ttft_s - all.ttft_s == Approx(1 / fewer.requests_per_s).epsilon(0.15));
}

TEST_CASE("overheads that made the rows are found again, whatever they are") {
  const Benchmark b;
  for (const Overheads& truth : {Overheads{1.5, 0.0008, 15e-6, 0.018}, Overheads{0.6, 0.0030, 60e-6, 0.004, 1}}) {
    std::vector<ServerPoint> points;
    for (const std::int32_t isl : {512, 1024, 3000}) {
      for (const std::int32_t clients : {4, 16, 64}) {
        for (const std::int32_t osl : {64, 256}) points.push_back(point_of(row_of(isl, osl, clients)));
      }
    }
    const auto figures = predict(points, b, truth, 2);
    for (std::size_t i = 0; i < points.size(); ++i) {
      points[i].row.ttft_s = figures[i].ttft_s;
      points[i].row.tpot_s = figures[i].tpot_s;
    }
    const OverheadFit fit = fit_overheads(points, b, 2);
    CAPTURE(fit.value.activations, fit.value.step_s, fit.value.sequence_s, fit.value.request_s);
    CHECK(fit.rows == points.size());
    CHECK(fit.value.kept_free == truth.kept_free);
    CHECK(fit.value.activations == Approx(truth.activations).epsilon(0.05));
    CHECK(fit.value.step_s == Approx(truth.step_s).epsilon(0.05));
    CHECK(fit.value.sequence_s == Approx(truth.sequence_s).epsilon(0.05));
    CHECK(fit.value.request_s == Approx(truth.request_s).epsilon(0.05));
  }
}

TEST_CASE("too few rows to fit are refused") {
  std::vector<ServerPoint> points(7, point_of(row_of(100, 10, 1)));
  for (ServerPoint& p : points) p.row.ttft_s = p.row.tpot_s = 0.01;
  CHECK_THROWS_AS(fit_overheads(points, Benchmark{}, 1), InputError);
}

TEST_CASE("rows beyond the front end's limits are flagged by what is predicted") {
  Benchmark b;
  ServerFigures f;
  f.requests_per_s = 30;
  f.output_tokens_per_s = 4000;
  CHECK_FALSE(frontend_bound(f, b));
  b.frontend_requests_per_s = 22;
  CHECK(frontend_bound(f, b));
  b.frontend_requests_per_s = 40;
  b.frontend_tokens_per_s = 3999;
  CHECK(frontend_bound(f, b));
}

}  // namespace
}  // namespace kvplan
