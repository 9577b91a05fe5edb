#include "traces/distribution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/special_functions/trigamma.hpp>
#include <charconv>
#include <cmath>
#include <fstream>
#include <numbers>
#include <numeric>
#include <sstream>

#include "base/error.hpp"

namespace kvplan {
namespace {

using Family = Distribution::Family;

constexpr double kLeastSpread = 1e-3;  // values that are all alike would have an endless likelihood
constexpr double kMostValue = 1e12;

double normal_cumulative(double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; }

double mean_of(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

std::vector<double> logarithms(const std::vector<double>& values) {
  std::vector<double> logs(values.size());
  std::transform(values.begin(), values.end(), logs.begin(), [](double x) { return std::log(x); });
  return logs;
}

FittedDistribution judged(Distribution d, const std::vector<double>& ascending) {
  FittedDistribution fit;
  for (const double x : ascending) fit.log_likelihood += d.log_density(x) / static_cast<double>(ascending.size());
  fit.kolmogorov_smirnov = kolmogorov_smirnov(d, ascending);
  fit.distribution = std::move(d);
  return fit;
}

// ln k - digamma(k) = ln(mean) - mean(ln x) =: s, by Newton's rule from Minka's first guess.
double gamma_shape(double s) {
  double k = (3 - s + std::sqrt((s - 3) * (s - 3) + 24 * s)) / (12 * s);
  for (int i = 0; i < 50; ++i) {
    const double step = (std::log(k) - boost::math::digamma(k) - s) / (1 / k - boost::math::trigamma(k));
    k = k - step > 0 ? k - step : k / 2;
    if (std::abs(step) < 1e-10 * k) break;
  }
  return k;
}

std::vector<double> parse_numbers(std::string text, const std::string& whole) {
  for (char& c : text) c = c == ',' ? ' ' : c;
  std::istringstream words(text);
  std::vector<double> numbers;
  for (std::string word; words >> word;) {
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || !(value >= 0 && value <= kMostValue)) {
      throw UsageError(fmt::format("\"{}\" in {} is no number from 0 to 1e12", word, whole));
    }
    numbers.push_back(value);
  }
  return numbers;
}

std::string text_of_file(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) throw Error(ExitCode::bad_input, fmt::format("{}: error: cannot be read", path));
  return text.str();
}

}  // namespace

double gamma_draw(RandomStream& stream, double shape) {
  const double boost = shape < 1 ? std::pow(stream.unit(), 1 / shape) : 1;
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = stream.normal(), root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(stream.unit()) < x * x / 2 + d - d * v + d * std::log(v)) return boost * d * v;
  }
}

double Distribution::draw(RandomStream& stream) const {
  if (family == Family::log_normal) return stream.log_normal(centre, spread);
  if (family == Family::gamma) {
    const double shape = 1 / (spread * spread);
    return centre / shape * gamma_draw(stream, shape);
  }
  const double place = (1 - stream.unit()) * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const double high = values[std::min(low + 1, values.size() - 1)];
  return values[low] + (place - static_cast<double>(low)) * (high - values[low]);
}

double Distribution::cumulative(double x) const {
  if (family == Family::empirical) {
    const auto below = std::upper_bound(values.begin(), values.end(), x) - values.begin();
    return static_cast<double>(below) / static_cast<double>(values.size());
  }
  if (x <= 0) return 0;
  if (family == Family::log_normal) return normal_cumulative(std::log(x / centre) / spread);
  const double shape = 1 / (spread * spread);
  return boost::math::gamma_p(shape, x * shape / centre);
}

double Distribution::log_density(double x) const {
  KVPLAN_ASSERT(family != Family::empirical && x > 0);
  if (family == Family::log_normal) {
    const double z = std::log(x / centre) / spread;
    return -z * z / 2 - std::log(x * spread) - std::log(2 * std::numbers::pi) / 2;
  }
  const double shape = 1 / (spread * spread), scale = centre / shape;
  return (shape - 1) * std::log(x) - x / scale - std::lgamma(shape) - shape * std::log(scale);
}

std::string Distribution::text() const {
  if (family == Family::empirical) return fmt::format("empirical of {} values", values.size());
  return fmt::format("{}:{:.6g},{:.4g}", family == Family::gamma ? "gamma" : "log-normal", centre, spread);
}

Distribution parse_distribution(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string family = text.substr(0, colon), rest = colon == std::string::npos ? "" : text.substr(colon + 1);
  Distribution d;
  if (family == "empirical") {
    d.family = Family::empirical;
    d.values = parse_numbers(rest.starts_with('@') ? text_of_file(rest.substr(1)) : rest, text);
    std::sort(d.values.begin(), d.values.end());
    if (d.values.empty()) throw UsageError(fmt::format("{} holds no value", text));
    return d;
  }
  const std::vector<double> numbers = parse_numbers(rest, text);
  if ((family != "log-normal" && family != "gamma") || numbers.size() != 2) {
    throw UsageError(fmt::format("\"{}\" is no distribution", text),
                     "log-normal:MEDIAN,SIGMA, gamma:MEAN,CV, empirical:V1,V2,... or empirical:@FILE");
  }
  d.family = family == "gamma" ? Family::gamma : Family::log_normal;
  d.centre = numbers[0];
  d.spread = numbers[1];
  if (!(d.centre > 0 && d.spread >= kLeastSpread && d.spread <= 20)) {
    throw UsageError(fmt::format("{}: expected a centre above 0 and a spread from 0.001 to 20", text));
  }
  return d;
}

double kolmogorov_smirnov(const Distribution& d, const std::vector<double>& ascending) {
  const auto n = static_cast<double>(ascending.size());
  double largest = 0;
  for (std::size_t i = 0; i < ascending.size();) {
    std::size_t same = i;
    while (same < ascending.size() && ascending[same] == ascending[i]) ++same;
    // Against both ends of the step: values are whole tokens or seconds, so a smooth curve passes through the step.
    const double below = static_cast<double>(i) / n, upto = static_cast<double>(same) / n;
    const double p = d.cumulative(ascending[i]);
    largest = std::max({largest, below - p, p - upto});
    i = same;
  }
  return largest;
}

FittedDistribution fit_log_normal(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::vector<double> logs = logarithms(values);
  const double mean = mean_of(logs);
  double squares = 0;
  for (const double x : logs) squares += (x - mean) * (x - mean);
  const double sigma = std::sqrt(squares / static_cast<double>(logs.size()));
  return judged({Family::log_normal, std::exp(mean), std::max(sigma, kLeastSpread), {}}, values);
}

FittedDistribution fit_gamma(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const double mean = mean_of(values), s = std::log(mean) - mean_of(logarithms(values));
  const double cv = s > kLeastSpread * kLeastSpread / 2 ? 1 / std::sqrt(gamma_shape(s)) : kLeastSpread;
  return judged({Family::gamma, mean, cv, {}}, values);
}

FittedMixture fit_mixture(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::vector<double> logs = logarithms(values);
  const std::size_t n = logs.size();
  double mean[2] = {logs[n / 4], logs[n - 1 - n / 10]}, sigma[2] = {1, 1}, share[2] = {0.75, 0.25}, likelihood = 0;
  const auto density = [&](int k, double x) {
    const double z = (x - mean[k]) / sigma[k];
    return share[k] / sigma[k] * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
  };
  for (int iteration = 0; iteration < 200; ++iteration) {
    double weight[2] = {0, 0}, sum[2] = {0, 0}, squares[2] = {0, 0};
    likelihood = 0;
    for (const double x : logs) {
      const double d[2] = {density(0, x), density(1, x)}, all = std::max(d[0] + d[1], 1e-300);
      likelihood += (std::log(all) - x) / static_cast<double>(n);
      for (const int k : {0, 1}) weight[k] += d[k] / all, sum[k] += d[k] / all * x, squares[k] += d[k] / all * x * x;
    }
    for (const int k : {0, 1}) {
      share[k] = weight[k] / static_cast<double>(n);
      if (weight[k] < 1e-9) continue;
      mean[k] = sum[k] / weight[k];
      sigma[k] = std::sqrt(std::max(squares[k] / weight[k] - mean[k] * mean[k], 1e-4));
    }
  }
  const int low = mean[0] <= mean[1] ? 0 : 1, high = 1 - low;
  return {{Family::log_normal, std::exp(mean[low]), sigma[low], {}},
          {Family::log_normal, std::exp(mean[high]), sigma[high], {}},
          share[high],
          likelihood};
}

}  // namespace kvplan
