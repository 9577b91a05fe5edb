// The samples of a run over time against what the run as a whole says.
#include "sim/series.hpp"

#include "tests/catch.hpp"

using namespace kvplan;

TEST_CASE("a series stays within its bound and loses no amount", "[series]") {
  Series series;
  CHECK(series.next() == Time::max());
  series.begin(Time(0));
  Sample total;
  std::int64_t taken = 0;
  for (; taken < 1'200; ++taken) {
    total.gpu_busy = series.next();
    series.add(total);
  }
  const Time end = series.next();
  total.gpu_busy = end;
  series.finish(total, end);
  const std::vector<Sample>& samples = series.samples();
  CHECK(samples.size() <= Series::kMost);
  CHECK(samples.size() >= Series::kMost / 2);
  const Time width = samples[0].at;
  for (std::size_t i = 0; i + 1 < samples.size(); ++i) {
    CHECK(samples[i].at == width * static_cast<std::int64_t>(i + 1));
    CHECK(samples[i].gpu_busy == samples[i].at);  // each is the sample of its own instant
  }
  CHECK(samples.back().at == end);
}
