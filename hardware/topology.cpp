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

// What a copy passes: between a memory or a storage and a GPU, or a storage and a memory; seen from the former.
struct Path {
  std::vector<std::size_t> links;     // into Hardware::links
  std::vector<std::size_t> vertices;  // into Hardware::vertices, without the end
  std::size_t end = 0;                // a GPU, or a memory that is written from
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

Path path_to(std::size_t end, const Reach& reach, const Graph& g) {
  Path path;
  path.end = end;
  for (std::size_t v = end; reach.into[v]; v = boost::source(*reach.into[v], g)) {
    path.links.push_back(boost::get(boost::edge_index, g, *reach.into[v]));
    path.vertices.push_back(boost::source(*reach.into[v], g));
  }
  return path;
}

Reach reach_from(std::size_t vertex, const Graph& g) {
  const std::size_t all = boost::num_vertices(g);
  Reach reach{std::vector<std::optional<Graph::edge_descriptor>>(all), std::vector<std::size_t>(all, 0)};
  boost::breadth_first_search(g, vertex, boost::visitor(Recorder(reach)));
  return reach;
}

std::vector<Path> paths_to_gpus(const Hardware& h, const Graph& g) {
  std::vector<Reach> reaches;
  for (std::size_t v = 0; v < h.vertices.size(); ++v) {
    if (h.vertices[v].kind == VertexKind::memory) reaches.push_back(reach_from(v, g));
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

// From the one vertex of a kind to all vertices of another.
std::vector<Path> paths_from_storage(const Hardware& h, const Graph& g, VertexKind from, VertexKind to) {
  const char* name = from == VertexKind::ssd ? "ssd" : "remote";
  const Vertex* storage = h.storage(from);
  if (storage == nullptr) {
    throw InfeasibleError(
        fmt::format("error: {} has no \"{}\" among its vertices\n  help: add one, with a link towards the memory", h.name, name));
  }
  const Reach reach = reach_from(static_cast<std::size_t>(storage - h.vertices.data()), g);
  std::vector<Path> paths;
  for (std::size_t v = 0; v < h.vertices.size(); ++v) {
    if (h.vertices[v].kind != to) continue;
    if (!reach.into[v]) {
      throw InfeasibleError(fmt::format("error: {}: {} does not reach {}\n  help: add a link towards it to \"links\"",
                                        h.name, storage->name, h.vertices[v].name));
    }
    paths.push_back(path_to(v, reach, g));
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
  if (const Vertex& end = h.vertices[path.end]; end.kind == VertexKind::memory && end.bytes_per_s.value > 0) {
    limits.use(end.name, end.bytes_per_s.value, flow);
  }
  for (const std::size_t v : path.vertices) {
    const Vertex& vertex = h.vertices[v];
    if (vertex.kind == VertexKind::ssd || vertex.kind == VertexKind::remote) {
      const Sourced& rate = to_device ? vertex.read_bytes_per_s : vertex.write_bytes_per_s;
      limits.use(vertex.name + (to_device ? " read" : " write"), rate.value, flow);
      continue;
    }
    if (vertex.bytes_per_s.value <= 0) continue;
    const bool passes_through = vertex.kind == VertexKind::memory && v != path.vertices.back();
    for (int i = passes_through ? 2 : 1; i > 0; --i) limits.use(vertex.name, vertex.bytes_per_s.value, flow);
  }
}

}  // namespace

NodeLinks compile_links(const Hardware& h, std::int32_t tp, std::int32_t replicas_on_node,
                        const std::vector<VertexKind>& beyond) {
  KVPLAN_ASSERT(tp >= 1 && replicas_on_node >= 1);
  if (std::int64_t{tp} * replicas_on_node > h.gpus_per_node) {
    throw InfeasibleError(
        fmt::format("error: {} replicas of {} GPUs need {} GPUs, a node of {} has {}\n  help: lower tp, or put fewer "
                    "replicas on a node",
                    replicas_on_node, tp, std::int64_t{tp} * replicas_on_node, h.name, h.gpus_per_node));
  }
  const auto replicas = static_cast<std::size_t>(replicas_on_node), width = static_cast<std::size_t>(tp);
  const Graph graph = graph_of(h);
  NodeLinks links;
  links.load.resize(replicas);
  links.store.resize(replicas);
  links.beyond.resize(beyond.size());
  LimitTable limits(h.name, 2 * replicas + beyond.size() * (replicas + 1));
  std::vector<Route*> flows;
  const auto add_flow = [&](Route& route, bool to_device, const std::vector<Path>& paths, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) use_path(h, paths[i], to_device, flows.size(), limits, route);
    flows.push_back(&route);
  };
  const std::vector<Path> from_memory = paths_to_gpus(h, graph);
  for (std::size_t r = 0; r < replicas; ++r) add_flow(links.load[r], true, from_memory, r * width, (r + 1) * width);
  for (std::size_t r = 0; r < replicas; ++r) add_flow(links.store[r], false, from_memory, r * width, (r + 1) * width);
  for (std::size_t t = 0; t < beyond.size(); ++t) {
    NodeLinks::Beyond& tier = links.beyond[t];
    tier.load.resize(replicas);
    const std::vector<Path> to_gpus = paths_from_storage(h, graph, beyond[t], VertexKind::gpu);
    const std::vector<Path> to_memories = paths_from_storage(h, graph, beyond[t], VertexKind::memory);
    for (std::size_t r = 0; r < replicas; ++r) add_flow(tier.load[r], true, to_gpus, r * width, (r + 1) * width);
    tier.write_streams = static_cast<std::int64_t>(to_memories.size());
    add_flow(tier.write, false, to_memories, 0, to_memories.size());
  }
  limits.merge_into(links, flows);
  return links;
}

}  // namespace kvplan
