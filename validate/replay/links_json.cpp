#include "validate/replay/links_json.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;
using Numbers = std::vector<std::int64_t>;

Json route_json(const NodeLinks& links, const Route& r) {
  Json j{{"bytes_per_s", links.limits[r.uses.front().limit].bytes_per_s}, {"segment_ps", r.segment_ps}};
  if (!r.submission_ps.empty()) j["submission_ps"] = r.submission_ps;
  if (r.latency_ps != 0) j["latency_ps"] = r.latency_ps;
  if (!r.ramp_fs_per_byte.empty()) j["ramp_fs_per_byte"] = r.ramp_fs_per_byte;
  return j;
}

Route add_route(NodeLinks& links, const Json& j, const char* limit) {
  links.limits.push_back({limit, j.at("bytes_per_s")});
  Route r{{{static_cast<std::uint32_t>(links.limits.size() - 1), 1}}, j.at("segment_ps")};
  r.submission_ps = j.value("submission_ps", Numbers());
  r.latency_ps = j.value("latency_ps", std::int64_t{0});
  r.ramp_fs_per_byte = j.value("ramp_fs_per_byte", Numbers());
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
