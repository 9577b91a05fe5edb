#include "cli/fleet_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "sim/layout.hpp"

namespace kvplan {
namespace {

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// NODE@AT or NODE@AT+DOWN, times in seconds.
std::optional<Outage> outage_in(const std::string& text, bool drain) {
  const std::size_t at = text.find('@'), plus = text.find('+', at);
  if (at == std::string::npos) return std::nullopt;
  const auto node = number_in(text.substr(0, at));
  const auto when = number_in(text.substr(at + 1, plus == std::string::npos ? plus : plus - at - 1));
  const auto in_range = [](const std::optional<double>& s) { return s && *s >= 0 && *s <= kMostSeconds; };
  if (!in_range(node) || *node != static_cast<std::uint32_t>(*node) || !in_range(when)) return std::nullopt;
  Outage o{static_cast<std::uint32_t>(*node), time_from_seconds(*when), drain, Time::max()};
  if (plus == std::string::npos) return o;
  const auto down = number_in(text.substr(plus + 1));
  if (!in_range(down)) return std::nullopt;
  o.down = time_from_seconds(*down);
  return o;
}

void add_outages(SimulationConfig& c, const Scenario& s, const char* path, bool drain) {
  if (!s.has(path)) return;
  const std::string text = s.text(path);
  const std::uint32_t nodes = Layout(c).nodes();
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find(',', from), text.size());
    std::string part = text.substr(from, end - from);
    part.erase(std::remove(part.begin(), part.end(), ' '), part.end());
    from = end + 1;
    const std::optional<Outage> o = outage_in(part, drain);
    if (!o) {
      throw InputError(s.finding(path, fmt::format("{}: \"{}\" is not NODE@AT or NODE@AT+DOWN", path, part),
                                 "\"1@600+300\": node 1 goes 600 s after the start and is back 300 s after it went; "
                                 "several stand between commas"));
    }
    if (o->node >= nodes) {
      throw InputError(s.finding(path, fmt::format("{} names node {}, but the fleet has {}", path, o->node, nodes),
                                 fmt::format("nodes are numbered from 0 to {}; replicas_per_node spreads replicas over "
                                             "more of them",
                                             nodes - 1)));
    }
    c.outages.push_back(*o);
  }
}

}  // namespace

void add_fleet_changes(SimulationConfig& c, const Scenario& s) {
  add_outages(c, s, "fleet.failures", false);
  add_outages(c, s, "fleet.drains", true);
  if (!s.has("scaling.min_replicas")) return;
  const std::int64_t least = s.integer("scaling.min_replicas");
  if (least > c.replicas) {
    throw InputError(
        s.finding("scaling.min_replicas",
                  fmt::format("scaling.min_replicas {} exceeds replicas {}, the most that may run", least, c.replicas),
                  "raise replicas"));
  }
  c.scaling.min_replicas = static_cast<std::int32_t>(least);
  c.scaling.target_requests = s.integer("scaling.target_requests");
  c.scaling.interval = time_from_seconds(s.number("scaling.interval_s"));
  c.scaling.delay = time_from_seconds(s.number("scaling.delay_s"));
  c.scaling.cooldown = time_from_seconds(s.number("scaling.cooldown_s"));
}

}  // namespace kvplan
