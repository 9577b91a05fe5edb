// Storage of a DGX-class node straight into HBM, into one GPU and into eight, and a long context from each tier.
#include <fmt/format.h>

#include "studies/storage.hpp"
#include "validate/experiment_head.hpp"

namespace kvplan {

Experiment storage_restore(const JsonFile& file) {
  JsonFindings findings;
  JsonReader in(file, findings);
  auto [e, hardware, model, weights, kv] = read_head(in);
  const std::int64_t object_tokens = in.integer("object_tokens", 1, 1 << 20),
                     read_tokens = in.integer("read_tokens", 1, 1 << 24);
  const double tolerance = in.number("tolerance", 0, 1);
  const std::int64_t context = in.integer("context_tokens", 1, 1 << 24);
  const auto tp = static_cast<std::int32_t>(in.integer("tp", 1, 64));
  const double bounce_published = in.number("eight_gpus_bytes_per_s", 1e6, 1e15);
  const auto offered = [object_tokens, read_tokens,
                        read = model.kv_bytes_per_token(kv) * read_tokens](double bytes_per_s) {
    return storage::Load{bytes_per_s, read, ceil_div(read_tokens, object_tokens)};
  };
  for (JsonReader& point : in.objects("points", true)) {
    const auto gpus = static_cast<std::int32_t>(point.integer("gpus", 1, 64));
    const double published = point.number("bytes_per_s", 1e6, 1e15);
    point.no_other_keys();
    const NodeLinks links = compile_links(hardware, 1, gpus, {VertexKind::remote});
    for (const int percent : {80, 100, 120, 150}) {
      const storage::Load load = offered(published * percent / 100);
      const storage::Delivered d = storage::deliver(links, 0, load, 1);
      const bool ceiling = percent == 150;
      e.comparisons.push_back({fmt::format("into {} GPU{}, {} % of {:.0f} GB/s offered", gpus, gpus > 1 ? "s" : "",
                                           percent, published / 1e9),
                               "GB/s", d.bytes_per_s / 1e9, std::min(published, load.offered_bytes_per_s) / 1e9,
                               ceiling ? tolerance : 0, false,
                               fmt::format("a read takes {:.2f} s, p99 {:.2f}", d.mean_s, d.p99_s)});
    }
  }
  in.no_other_keys();
  findings.raise();
  CopyWay bounce;
  bounce.bounce = true;
  const NodeLinks through = compile_links(hardware, 1, hardware.gpus_per_node, {VertexKind::remote}, bounce);
  e.remarks.push_back(fmt::format("the same into {} GPUs through host memory (no GPUDirect): {:.0f} GB/s",
                                  hardware.gpus_per_node,
                                  storage::deliver(through, 0, offered(1.5 * bounce_published), 1).bytes_per_s / 1e9));
  for (const storage::Restore& r : storage::restores(hardware, model, weights, kv, tp, context, object_tokens)) {
    e.remarks.push_back(
        fmt::format("{} tokens at TP{}: {} {:.2f} s ({:.0f} GB/s)", context, tp, r.from, r.s, r.bytes_per_s / 1e9));
  }
  for (const Vertex& v : hardware.vertices) {
    if (v.kind == VertexKind::remote) e.inputs.emplace_back("store", v.read_bytes_per_s.source);
  }
  for (const LinkKind& k : hardware.link_kinds) {
    if (k.name == "rdma-400g") e.inputs.emplace_back("NIC", k.to_device_bytes_per_s.source);
  }
  return e;
}

}  // namespace kvplan
