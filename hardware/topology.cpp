#include "hardware/topology.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/breadth_first_search.hpp>
#include <cmath>
#include <map>
#include <optional>

#include "base/error.hpp"
#include "base/units.hpp"

namespace kvplan {
namespace {

using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property,
                                    boost::property<boost::edge_index_t, std::size_t>>;

// What a copy between a memory and a GPU passes, seen from the memory.
struct Path {
  std::vector<std::size_t> links;     // into Hardware::links
  std::vector<std::size_t> vertices;  // into Hardware::vertices, without the GPU
};

Graph graph_of(const Hardware& h) {
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < h.vertices.size(); ++i) index[h.vertices[i].name] = i;
  Graph g(h.vertices.size());
  for (std::size_t i = 0; i < h.links.size(); ++i) {
    const auto from = index.find(h.links[i].from), to = index.find(h.links[i].to);
    if (from == index.end() || to == index.end()) {
      throw InfeasibleError(
          fmt::format("error: {}: the link {} - {} ends nowhere", h.name, h.links[i].from, h.links[i].to));
    }
    boost::add_edge(from->second, to->second, i, g);
  }
  return g;
}

// From one memory: the link by which each vertex is first reached. Breadth first and in order of the file,
// so that of equally short paths the one that the file names first wins.
struct Reach {
  std::vector<std::optional<Graph::edge_descriptor>> into;
  std::vector<std::size_t> hops;
};

class Recorder : public boost::default_bfs_visitor {
 public:
  explicit Recorder(Reach& reach) : reach_(&reach) {}
  void tree_edge(Graph::edge_descriptor e, const Graph& g) {
    const auto to = boost::target(e, g);
    reach_->into[to] = e;
    reach_->hops[to] = reach_->hops[boost::source(e, g)] + 1;
  }

 private:
  Reach* reach_;
};

Path path_to(std::size_t gpu, const Reach& reach, const Graph& g) {
  Path path;
  for (std::size_t v = gpu; reach.into[v]; v = boost::source(*reach.into[v], g)) {
    path.links.push_back(boost::get(boost::edge_index, g, *reach.into[v]));
    path.vertices.push_back(boost::source(*reach.into[v], g));
  }
  return path;
}

std::vector<Path> paths_to_gpus(const Hardware& h) {
  const Graph g = graph_of(h);
  std::vector<Reach> reaches;
  for (std::size_t v = 0; v < h.vertices.size(); ++v) {
    if (h.vertices[v].kind != VertexKind::memory) continue;
    reaches.push_back({std::vector<std::optional<Graph::edge_descriptor>>(h.vertices.size()),
                       std::vector<std::size_t>(h.vertices.size(), 0)});
    boost::breadth_first_search(g, v, boost::visitor(Recorder(reaches.back())));
  }
  std::vector<Path> paths;
  for (std::size_t v = 0; v < h.vertices.size(); ++v) {
    if (h.vertices[v].kind != VertexKind::gpu) continue;
    const Reach* nearest_memory = nullptr;
    for (const Reach& r : reaches) {
      if (r.into[v] && (nearest_memory == nullptr || r.hops[v] < nearest_memory->hops[v])) nearest_memory = &r;
    }
    if (nearest_memory == nullptr) {
      throw InfeasibleError(fmt::format("error: {}: no memory reaches {}\n  help: add a link towards it to \"links\"",
                                        h.name, h.vertices[v].name));
    }
    paths.push_back(path_to(v, *nearest_memory, g));
  }
  return paths;
}

// Limits by name in order of first use, each with the weight of every flow on it.
class LimitTable {
 public:
  LimitTable(std::string owner, std::size_t flows) : owner_(std::move(owner)), flows_(flows) {}

  void use(const std::string& name, double bytes_per_s, std::size_t flow) {
    const auto [at, is_first] = index_.try_emplace(name, rows_.size());
    if (is_first) {
      const std::int64_t rate = std::isfinite(bytes_per_s) ? std::llround(bytes_per_s) : 0;
      if (rate <= 0) throw InfeasibleError(fmt::format("error: {}: {} carries {} bytes/s", owner_, name, bytes_per_s));
      rows_.push_back({{name, rate}, std::vector<std::int64_t>(flows_, 0)});
    }
    ++rows_[at->second].weights[flow];
  }

  // Limits with the same weights become one: only the tightest can ever bind.
  void merge_into(NodeLinks& links, const std::vector<Route*>& flows) const {
    std::map<std::vector<std::int64_t>, std::size_t> tightest;
    std::vector<const Row*> kept;
    for (const Row& row : rows_) {
      const auto [at, is_first] = tightest.try_emplace(row.weights, kept.size());
      if (is_first)
        kept.push_back(&row);
      else if (row.limit.bytes_per_s < kept[at->second]->limit.bytes_per_s)
        kept[at->second] = &row;
    }
    for (std::size_t i = 0; i < kept.size(); ++i) {
      links.limits.push_back(kept[i]->limit);
      for (std::size_t f = 0; f < flows_; ++f) {
        if (kept[i]->weights[f] > 0) flows[f]->uses.push_back({static_cast<std::uint32_t>(i), kept[i]->weights[f]});
      }
    }
  }

 private:
  struct Row {
    Limit limit;
    std::vector<std::int64_t> weights;  // by flow
  };
  std::string owner_;
  std::size_t flows_;
  std::vector<Row> rows_;
  std::map<std::string, std::size_t> index_;
};

void use_path(const Hardware& h, const Path& path, bool to_device, std::size_t flow, LimitTable& limits, Route& route) {
  for (const std::size_t l : path.links) {
    const Link& link = h.links[l];
    const LinkKind& kind = h.link_kinds[link.kind];
    const std::string name = link.from + "-" + link.to;
    const Sourced& rate = to_device ? kind.to_device_bytes_per_s : kind.from_device_bytes_per_s;
    limits.use(name + (to_device ? " to device" : " from device"), rate.value, flow);
    if (kind.duplex_bytes_per_s.value > 0) limits.use(name + " both ways", kind.duplex_bytes_per_s.value, flow);
    // One DMA crosses all links of its path: it is submitted once, at the cost of the slowest.
    const Sourced& segment = to_device ? kind.to_device_segment_s : kind.from_device_segment_s;
    route.segment_ps = std::max(route.segment_ps, time_from_seconds(segment.value).count);
  }
  for (const std::size_t v : path.vertices) {
    if (h.vertices[v].bytes_per_s.value > 0) limits.use(h.vertices[v].name, h.vertices[v].bytes_per_s.value, flow);
  }
}

}  // namespace

NodeLinks compile_links(const Hardware& h, std::int32_t tp, std::int32_t replicas_on_node) {
  KVPLAN_ASSERT(tp >= 1 && replicas_on_node >= 1);
  if (std::int64_t{tp} * replicas_on_node > h.gpus_per_node) {
    throw InfeasibleError(
        fmt::format("error: {} replicas of {} GPUs need {} GPUs, a node of {} has {}\n  help: lower tp, or put fewer "
                    "replicas on a node",
                    replicas_on_node, tp, std::int64_t{tp} * replicas_on_node, h.name, h.gpus_per_node));
  }
  const std::vector<Path> paths = paths_to_gpus(h);
  const auto replicas = static_cast<std::size_t>(replicas_on_node), width = static_cast<std::size_t>(tp);
  NodeLinks links;
  links.load.resize(replicas);
  links.store.resize(replicas);
  LimitTable limits(h.name, 2 * replicas);
  std::vector<Route*> flows;  // loads, then stores
  for (Route& r : links.load) flows.push_back(&r);
  for (Route& r : links.store) flows.push_back(&r);
  for (std::size_t f = 0; f < flows.size(); ++f) {
    for (std::size_t g = f % replicas * width; g < (f % replicas + 1) * width; ++g) {
      use_path(h, paths[g], f < replicas, f, limits, *flows[f]);
    }
  }
  limits.merge_into(links, flows);
  return links;
}

}  // namespace kvplan
