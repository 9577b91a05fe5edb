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

// From the memory that serves each GPU.
std::vector<Path> paths_to_gpus(const Hardware& h, const Graph& g, bool far_memory) {
  std::vector<Reach> reaches;
  for (std::size_t v = 0; v < h.vertices.size(); ++v) {
    if (h.vertices[v].kind == VertexKind::memory) reaches.push_back(reach_from(v, g));
  }
  std::vector<Path> paths;
  for (std::size_t v = 0; v < h.vertices.size(); ++v) {
    if (h.vertices[v].kind != VertexKind::gpu) continue;
    const Reach* memory = nullptr;
    for (const Reach& r : reaches) {
      if (!r.into[v]) continue;
      if (memory == nullptr || (far_memory ? r.hops[v] > memory->hops[v] : r.hops[v] < memory->hops[v])) memory = &r;
    }
    if (memory == nullptr) {
      throw InfeasibleError(fmt::format("error: {}: no memory reaches {}\n  help: add a link towards it to \"links\"",
                                        h.name, h.vertices[v].name));
    }
    paths.push_back(path_to(v, *memory, g));
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

// To the drives of other nodes, by way of the network that leads to the remote store.
std::vector<Path> paths_from_pool(const Hardware& h, const Graph& g, VertexKind to) {
  std::vector<Path> paths = paths_from_storage(h, g, VertexKind::remote, to);
  const Vertex* drives = h.storage(VertexKind::ssd);
  if (drives == nullptr) {
    throw InfeasibleError(fmt::format("error: {} has no \"ssd\" among its vertices\n  help: add one", h.name));
  }
  for (Path& p : paths) p.vertices.back() = static_cast<std::size_t>(drives - h.vertices.data());
  return paths;
}

// To the host memories of other nodes, by way of the network that leads to the remote store. Each GPU's own memory
// stands for the one that has the block: all nodes are alike, and it serves the others as much as they serve it.
std::vector<Path> paths_from_all_memories(const Hardware& h, const Graph& g, const std::vector<Path>& own) {
  std::vector<Path> paths = paths_from_storage(h, g, VertexKind::remote, VertexKind::gpu);
  for (std::size_t i = 0; i < paths.size(); ++i) paths[i].vertices.back() = own[i].vertices.back();
  return paths;
}

// From storage into the memory that serves a GPU, and on from there: through the first stop of the direct path (the GPU's own
// NIC), unless storage is nearer to the memory by another way.
Path bounced(const Path& direct, const Path& from_memory, const Path& to_memory, const Graph& g) {
  const std::size_t memory = from_memory.vertices.back(), storage = direct.vertices.back();
  const std::size_t stop = direct.vertices.size() > 1 ? direct.vertices[direct.vertices.size() - 2] : direct.end;
  if (stop == memory) return direct;
  Path path = from_memory;
  const auto append = [&](const Path& more) {
    path.links.insert(path.links.end(), more.links.begin(), more.links.end());
    path.vertices.insert(path.vertices.end(), more.vertices.begin(), more.vertices.end());
  };
  const Reach reach = reach_from(stop, g);
  if (!reach.into[memory] || to_memory.links.size() < reach.hops[memory] + 1) {
    append(to_memory);
    return path;
  }
  append(path_to(memory, reach, g));
  path.links.push_back(direct.links.back());
  path.vertices.push_back(storage);
  return path;
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

// A storage device: latency, and a rate that grows with the blocks in flight, from `single_share` of the full rate to all
// of it at `queue_depth`.
void use_device(const Vertex& device, double full_rate, Route& route) {
  route.latency_ps = time_from_seconds(device.latency_s.value).count;
  const double depth = device.queue_depth.value, single = device.single_share.value;
  if (single <= 0) return;
  route.ramp_fs_per_byte.resize(static_cast<std::size_t>(depth) - 1, 0);
  for (std::size_t q = 1; q < static_cast<std::size_t>(depth); ++q) {
    const double share = single + (1 - single) * static_cast<double>(q - 1) / (depth - 1);
    // Each of a replica's streams brings its bytes to the one device.
    route.ramp_fs_per_byte[q - 1] += std::llround((1 / share - 1) / full_rate * 1e15);
  }
}

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
  for (std::size_t i = 0; i < path.vertices.size(); ++i) {
    const Vertex& vertex = h.vertices[path.vertices[i]];
    if (vertex.kind == VertexKind::ssd || vertex.kind == VertexKind::remote) {
      const double share = vertex.filesystem_efficiency.value > 0 ? vertex.filesystem_efficiency.value : 1;
      const double rate = share * (to_device ? vertex.read_bytes_per_s : vertex.write_bytes_per_s).value;
      limits.use(vertex.name + (to_device ? " read" : " write"), rate, flow);
      if (vertex.mixed_bytes_per_s.value > 0) limits.use(vertex.name + " both ways", share * vertex.mixed_bytes_per_s.value, flow);
      use_device(vertex, rate, route);
      continue;
    }
    if (vertex.bytes_per_s.value <= 0) continue;
    const bool passes_through = vertex.kind == VertexKind::memory && i + 1 < path.vertices.size();
    for (int n = passes_through ? 2 : 1; n > 0; --n) limits.use(vertex.name, vertex.bytes_per_s.value, flow);
  }
}

// What 1, 2, 4, ... segments cost beside bytes / rate. The last knots lie beyond any measured count, where the cost of a
// segment is constant.
std::vector<std::int64_t> submissions(const Hardware& h, const CopyWay& way, const std::string& link_kind, bool to_device,
                                      Bytes segment, double rate) {
  constexpr int kKnots = 22;
  KVPLAN_ASSERT(segment.count > 0);
  const auto bytes = static_cast<double>(segment.count);
  const CopySurface* surface = nullptr;
  bool other_way = false;
  std::vector<std::string> known = {"dma", "staged"};
  for (const CopySurface& s : h.copy_surfaces) {
    if (s.link_kind != link_kind) continue;
    known.push_back(s.method);
    if (s.method != way.method) continue;
    if (s.to_device == to_device) {
      surface = &s;
    } else {
      other_way = true;
    }
  }
  if (surface == nullptr && other_way) return {};  // a DMA copy each
  if (surface == nullptr && way.method != "staged") {
    throw InfeasibleError(fmt::format("error: {} has no measured copies by \"{}\" over {}\n  help: it has {}", h.name,
                                      way.method, link_kind, fmt::join(known, ", ")));
  }
  std::vector<std::int64_t> knots;
  for (int k = 0; k < kKnots; ++k) {
    const std::int64_t n = std::int64_t{1} << k;
    const double total = static_cast<double>(n) * bytes, gather = 2 * total / h.gpu.hbm_bytes_per_s.value;
    const LinkKind& kind = *std::find_if(h.link_kinds.begin(), h.link_kinds.end(), [&](auto& x) { return x.name == link_kind; });
    const double one_copy = (to_device ? kind.to_device_segment_s : kind.from_device_segment_s).value;
    const double s = surface != nullptr ? surface->copy_s(segment.count, n) - total / rate
                                        : one_copy + h.gpu.kernel_launch_s.value + gather;
    knots.push_back(std::max<std::int64_t>(0, time_from_seconds(s).count));
  }
  return knots;
}

// A block in another node's memory is no object to open: its segments are submitted as those of a local copy.
void cost_as_copies(const Hardware& h, const Path& local, NodeLinks& links) {
  LimitTable limits(h.name, 2);
  Route load, store;
  use_path(h, local, true, 0, limits, load);
  use_path(h, local, false, 1, limits, store);
  for (Route& r : links.load) r.segment_ps = load.segment_ps;
  for (Route& r : links.store) r.segment_ps = store.segment_ps;
}

// What all copies of a replica in one direction share while its steps run.
void add_busy_limits(const Hardware& h, NodeLinks& links) {
  const auto limit = [&](const Sourced& slowdown, std::size_t replica, Route& g2, const char* name) {
    const std::int64_t alone = rate_alone(links, g2);
    const auto at = static_cast<std::uint32_t>(links.limits.size());
    links.busy.push_back(
        {at, static_cast<std::uint32_t>(replica), std::llround(static_cast<double>(alone) / slowdown.value)});
    links.limits.push_back({fmt::format("replica{} copies {}", replica, name), alone});
    g2.uses.push_back({at, 1});
    return at;
  };
  for (std::size_t r = 0; r < links.load.size(); ++r) {
    if (h.compute_slowdown_to_device.value > 1) {
      const std::uint32_t at = limit(h.compute_slowdown_to_device, r, links.load[r], "to device");
      for (NodeLinks::Beyond& tier : links.beyond) tier.load[r].uses.push_back({at, 1});
    }
    if (h.compute_slowdown_from_device.value > 1) {
      limit(h.compute_slowdown_from_device, r, links.store[r], "from device");
    }
  }
}

}  // namespace

bool reaches(const Hardware& h, const std::string& from, const std::string& to) {
  const Graph g = graph_of(h);
  const auto at = [&](const std::string& name) {
    const auto v = std::find_if(h.vertices.begin(), h.vertices.end(), [&](const Vertex& x) { return x.name == name; });
    return static_cast<std::size_t>(v - h.vertices.begin());
  };
  return reach_from(at(from), g).into[at(to)].has_value();
}

double rate_alone(const Hardware& h, const std::string& from, const std::string& gpu) {
  const Graph g = graph_of(h);
  std::size_t source = 0, end = 0;
  for (std::size_t v = 0; v < h.vertices.size(); ++v) {
    if (h.vertices[v].name == from) source = v;
    if (h.vertices[v].name == gpu) end = v;
  }
  const Reach reach = reach_from(source, g);
  if (!reach.into[end]) return 0;
  LimitTable limits(h.name, 1);
  NodeLinks links;
  Route route;
  use_path(h, path_to(end, reach, g), true, 0, limits, route);
  limits.merge_into(links, {&route});
  return static_cast<double>(rate_alone(links, route));
}

NodeLinks compile_links(const Hardware& h, std::int32_t tp, std::int32_t replicas_on_node,
                        const std::vector<VertexKind>& beyond, const CopyWay& way) {
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
  LimitTable limits(h.name, 2 * replicas + beyond.size() * (replicas + 1 + (way.prefetch ? replicas : 0)));
  std::vector<Route*> flows;
  const auto add_flow = [&](Route& route, bool to_device, const std::vector<Path>& paths, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) use_path(h, paths[i], to_device, flows.size(), limits, route);
    flows.push_back(&route);
  };
  const std::vector<Path> from_memory = paths_to_gpus(h, graph, way.far_memory);
  const std::vector<Path> g2 = way.pooled_memory ? paths_from_all_memories(h, graph, from_memory) : from_memory;
  for (std::size_t r = 0; r < replicas; ++r) add_flow(links.load[r], true, g2, r * width, (r + 1) * width);
  for (std::size_t r = 0; r < replicas; ++r) add_flow(links.store[r], false, g2, r * width, (r + 1) * width);
  if (way.pooled_memory) cost_as_copies(h, from_memory.front(), links);
  for (std::size_t t = 0; t < beyond.size(); ++t) {
    NodeLinks::Beyond& tier = links.beyond[t];
    tier.load.resize(replicas);
    const auto paths = [&](VertexKind to) {
      return beyond[t] == VertexKind::ssd && way.pooled_ssd ? paths_from_pool(h, graph, to)
                                                            : paths_from_storage(h, graph, beyond[t], to);
    };
    const std::vector<Path> to_memories = paths(VertexKind::memory);
    const auto into_memory_of = [&](std::size_t gpu) {
      return *std::find_if(to_memories.begin(), to_memories.end(),
                           [&](const Path& p) { return p.end == from_memory[gpu].vertices.back(); });
    };
    std::vector<Path> to_gpus = paths(VertexKind::gpu);
    for (std::size_t i = 0; way.bounce && i < to_gpus.size(); ++i) {
      to_gpus[i] = bounced(to_gpus[i], from_memory[i], into_memory_of(i), graph);
    }
    for (std::size_t r = 0; r < replicas; ++r) add_flow(tier.load[r], true, to_gpus, r * width, (r + 1) * width);
    tier.write_streams = static_cast<std::int64_t>(to_memories.size());
    add_flow(tier.write, false, to_memories, 0, to_memories.size());
    if (!way.prefetch) continue;
    std::vector<Path> into;
    for (std::size_t gpu = 0; gpu < replicas * width; ++gpu) into.push_back(into_memory_of(gpu));
    tier.prefetch.resize(replicas);
    for (std::size_t r = 0; r < replicas; ++r) add_flow(tier.prefetch[r], true, into, r * width, (r + 1) * width);
  }
  limits.merge_into(links, flows);
  if (way.method != "dma") {
    const std::string& first = h.link_kinds[h.links[from_memory[0].links.front()].kind].name;
    for (Route& r : links.load)
      r.submission_ps = submissions(h, way, first, true, way.load_segment, rate_alone(links, r));
    for (Route& r : links.store)
      r.submission_ps = submissions(h, way, first, false, way.store_segment, rate_alone(links, r));
  }
  add_busy_limits(h, links);
  return links;
}

}  // namespace kvplan
