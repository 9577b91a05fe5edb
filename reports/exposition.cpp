#include "reports/exposition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/error.hpp"

namespace kvplan {

Instants::Instants(std::int64_t start, std::int64_t step, Time end)
    : start_unix_s(start), step_s(step), count(static_cast<std::size_t>(ceil_div(end.count, step * kPsPerS)) + 1) {
  KVPLAN_ASSERT(step > 0);
}

std::size_t Instants::at_or_after(Time t) const {
  return std::min(count, static_cast<std::size_t>(ceil_div(std::max<std::int64_t>(t.count, 0), step_s * kPsPerS)));
}

Time Instants::instant(std::size_t i) const {
  const std::int64_t s = static_cast<std::int64_t>(i) * step_s;
  return s > Time::max().count / kPsPerS ? Time::max() : Time(s * kPsPerS);
}

Labels label(std::string_view name, std::string_view value) {
  Labels text(name);
  text += "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n') {
      text += "\\n";
    } else {
      text += c;
    }
  }
  return text + '"';
}

void Counts::add(Time at, double amount) {
  const std::size_t i = when_->at_or_after(at);
  if (i < values_.size()) values_[i] += amount;
}

void Counts::hold(Time from, Time to, double amount) {
  if (from >= to) return;
  add(from, amount);
  add(to, -amount);
}

std::vector<double> Counts::sums() const {
  std::vector<double> all;
  all.reserve(values_.size());
  double sum = 0;
  for (const double v : values_) all.push_back(sum += v);
  return all;
}

Buckets::Buckets(const Instants& when, std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()), counts_(bounds.size() + 1, Counts(when)), sum_(when) {}

void Buckets::observe(Time at, double value, double times) {
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[static_cast<std::size_t>(bound - bounds_.begin())].add(at, times);
  sum_.add(at, value * times);
}

void Exposition::family(const std::string& name, const char* type, const std::string& help) {
  name_ = name;
  suffix_ = std::string_view(type) == "counter" ? "_total" : "";
  text_ += fmt::format("# TYPE {} {}\n# HELP {} {}\n", name, type, name, help);
}

void Exposition::points(const std::string& name, const Labels& labels, const std::vector<double>& values) {
  KVPLAN_ASSERT(values.size() == when_.count);
  const std::string front = fmt::format("{}{{{}}} ", name, labels);
  for (std::size_t i = 0; i < values.size(); ++i) {
    text_ += front;
    const double v = values[i];
    if (v == std::floor(v) && std::abs(v) < 1e15) {
      fmt::format_to(std::back_inserter(text_), "{}", static_cast<std::int64_t>(v));
    } else {
      fmt::format_to(std::back_inserter(text_), "{}", v);
    }
    const std::int64_t at_s = when_.start_unix_s + static_cast<std::int64_t>(i) * when_.step_s;
    fmt::format_to(std::back_inserter(text_), " {}\n", at_s);
  }
  samples_ += static_cast<std::int64_t>(values.size());
}

void Exposition::series(const Labels& labels, const std::vector<double>& values) {
  points(name_ + suffix_, labels, values);
}

void Exposition::info(const Labels& labels) { points(name_, labels, std::vector<double>(when_.count, 1)); }

void Exposition::histogram(const Labels& labels, const Buckets& buckets) {
  std::vector<double> below(when_.count);
  for (std::size_t b = 0; b <= buckets.bounds().size(); ++b) {
    const std::vector<double> in_it = buckets.bucket(b).sums();
    for (std::size_t i = 0; i < below.size(); ++i) below[i] += in_it[i];
    std::string bound = "+Inf";
    if (b < buckets.bounds().size()) {
      const double x = buckets.bounds()[b];
      bound = x == std::floor(x) ? fmt::format("{:.1f}", x) : fmt::format("{}", x);
    }
    points(name_ + "_bucket", fmt::format("{},le=\"{}\"", labels, bound), below);
  }
  points(name_ + "_sum", labels, buckets.sum().sums());
  points(name_ + "_count", labels, below);
}

}  // namespace kvplan
