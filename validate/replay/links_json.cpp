#include "validate/replay/links_json.hpp"

#include "base/json_integers.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;

// Beyond all links; what a transfer of a log takes is still a Time.
constexpr std::int64_t kMostRate = std::int64_t{1} << 56;          // bytes a second
constexpr std::int64_t kMostSubmissionPs = std::int64_t{1} << 40;  // about a second
constexpr std::int64_t kMostLatencyPs = std::int64_t{1} << 50;     // minutes
constexpr std::int64_t kMostRamp = std::int64_t{1} << 30;          // fs a byte: 1 MB/s

Json route_json(const NodeLinks& links, const Route& r) {
  Json j{{"bytes_per_s", links.limits[r.uses.front().limit].bytes_per_s}, {"segment_ps", r.segment_ps}};
  if (!r.submission_ps.empty()) j["submission_ps"] = r.submission_ps;
  if (r.latency_ps != 0) j["latency_ps"] = r.latency_ps;
  if (!r.ramp_fs_per_byte.empty()) j["ramp_fs_per_byte"] = r.ramp_fs_per_byte;
  return j;
}

Route add_route(NodeLinks& links, const Json& j, const char* limit) {
  links.limits.push_back({limit, integer_within(j.at("bytes_per_s"), 1, kMostRate, "bytes_per_s")});
  const auto numbers = [&](const char* key, std::int64_t most) {
    std::vector<std::int64_t> out;
    for (const Json& v : j.value(key, Json::array())) out.push_back(integer_within(v, 0, most, key));
    return out;
  };
  Route r{{{static_cast<std::uint32_t>(links.limits.size() - 1), 1}},
          integer_within(j.at("segment_ps"), 0, kMostSubmissionPs, "segment_ps")};
  r.submission_ps = numbers("submission_ps", kMostSubmissionPs);
  r.latency_ps = integer_within(j.value("latency_ps", Json(0)), 0, kMostLatencyPs, "latency_ps");
  r.ramp_fs_per_byte = numbers("ramp_fs_per_byte", kMostRamp);
  return r;
}

}  // namespace

Json links_json(const NodeLinks& links) {
  Json j{{"load", route_json(links, links.load.front())},
         {"store", route_json(links, links.store.front())},
         {"beyond", Json::array()}};
  for (const NodeLinks::Beyond& b : links.beyond) {
    j["beyond"].push_back({{"load", route_json(links, b.load.front())}, {"write", route_json(links, b.write)}});
  }
  return j;
}

NodeLinks links_from(const Json& j) {
  NodeLinks links;
  links.load = {add_route(links, j.at("load"), "load")};
  links.store = {add_route(links, j.at("store"), "store")};
  for (const Json& b : j.at("beyond")) {
    const Route load = add_route(links, b.at("load"), "load beyond");
    links.beyond.push_back({{load}, add_route(links, b.at("write"), "write beyond"), 1});
  }
  return links;
}

}  // namespace kvplan
