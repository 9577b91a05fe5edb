#include "hardware/hardware.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>

#include "base/embedded.hpp"
#include "base/json_file.hpp"
#include "hardware/figures.hpp"
#include "hardware/topology.hpp"

namespace kvplan {
namespace {

constexpr std::string_view kFolder = "hardware/devices/";
const std::vector<std::string> kVertexKinds = {"gpu", "memory", "bridge", "ssd", "remote"};  // as VertexKind

// Reads one file; findings are collected, and values are only good when there are none.
class Reader {
 public:
  explicit Reader(const JsonFile& file) : file_(file.name()), root_(file, findings_) {}

  Hardware read() {
    h_.name = root_.string("name");
    h_.title = root_.string("title");
    h_.calibration = root_.string("calibration", "");
    if (is_json_path(h_.calibration)) {
      h_.calibration = (std::filesystem::path(file_).parent_path() / h_.calibration).lexically_normal().string();
    }
    h_.notes = root_.strings("notes");
    read_sources();
    read_gpu();
    for (const auto& f : node_figures()) h_.*f.member = figure(root_, f.key, f.range);
    read_link_kinds();
    read_vertices();
    read_links();
    h_.coherent = root_.boolean("coherent", false);
    read_copy_surfaces();
    if (findings_.empty()) check_routes();
    root_.no_other_keys();
    findings_.raise();
    return std::move(h_);
  }

 private:
  void read_sources();
  void read_gpu();
  void read_link_kinds();
  void read_vertices();
  void read_links();
  void read_copy_surfaces();
  void check_routes();
  Sourced source(JsonReader& owner, const std::string& key);
  // {"value": 51.2e9, "source": "key", "note": "..."}
  Sourced figure(JsonReader& owner, const std::string& key, const FigureRange& range);
  std::size_t index_of(JsonReader& owner, const std::string& key, const std::vector<std::string>& names);
  std::string unique_name(JsonReader& owner, std::vector<std::string>& names);

  JsonFindings findings_;
  const std::string& file_;
  JsonReader root_;
  Hardware h_;
  std::map<std::string, Sourced> sources_;
  std::vector<std::string> link_kind_names_, vertex_names_;
  std::vector<JsonReader> vertices_;  // as Hardware::vertices
};

void Reader::read_sources() {
  JsonReader table = root_.object("sources", true);
  for (const std::string& key : table.keys()) {
    JsonReader source = table.object(key);
    Sourced& s = sources_[key];
    s.source = source.string("text");
    s.date = source.string("date");
    s.confidence = source.one_of("confidence", {"read", "digitised", "relayed", "computed", "assumed"});
    source.no_other_keys();
  }
}

Sourced Reader::figure(JsonReader& owner, const std::string& key, const FigureRange& range) {
  if (!owner.has(key)) {
    if (range.optional) return {};
    owner.object(key, true);  // tells that it is missing
    return {};
  }
  JsonReader r = owner.object(key);
  const double x = r.number("value", range.zero_allowed ? 0 : range.low, range.high);
  if (range.zero_allowed && x > 0 && x < range.low) {
    r.fail("value", fmt::format("\"value\" is {}, expected 0 or {} to {} {}", x, range.low, range.high, range.unit));
  }
  Sourced s = source(r, "source");
  const std::string note = r.string("note", "");
  r.no_other_keys();
  s.value = x;
  if (!note.empty() && !s.source.empty()) s.source += "; " + note;
  return s;
}

Sourced Reader::source(JsonReader& r, const std::string& key) {
  const std::string name = r.string(key);
  const auto known = sources_.find(name);
  if (known != sources_.end()) return known->second;
  std::vector<std::string> names;
  for (const auto& s : sources_) names.push_back(s.first);
  if (r.has(key)) r.fail(key, fmt::format("no source \"{}\" in \"sources\"", name), suggestion(name, names));
  return {};
}

void Reader::read_gpu() {
  JsonReader r = root_.object("gpu", true);
  h_.gpu.name = r.string("name");
  for (const auto& f : gpu_figures()) h_.gpu.*f.member = figure(r, f.key, f.range);
  r.no_other_keys();
}

std::string Reader::unique_name(JsonReader& owner, std::vector<std::string>& names) {
  const std::string name = owner.string("name");
  if (std::find(names.begin(), names.end(), name) != names.end()) {
    owner.fail("name", fmt::format("\"{}\" stands here twice", name), "give each a name of its own");
  }
  names.push_back(name);
  return name;
}

void Reader::read_link_kinds() {
  for (JsonReader& r : root_.objects("link_kinds", true)) {
    LinkKind kind;
    kind.name = unique_name(r, link_kind_names_);
    for (const auto& f : link_kind_figures()) kind.*f.member = figure(r, f.key, f.range);
    r.no_other_keys();
    h_.link_kinds.push_back(std::move(kind));
  }
}

void Reader::read_vertices() {
  h_.gpus_per_node = 0;
  for (JsonReader& r : root_.objects("vertices", true)) {
    Vertex v;
    v.name = unique_name(r, vertex_names_);
    const std::string kind = r.one_of("kind", kVertexKinds);
    const auto at = std::find(kVertexKinds.begin(), kVertexKinds.end(), kind);
    v.kind = at == kVertexKinds.end() ? VertexKind::bridge : static_cast<VertexKind>(at - kVertexKinds.begin());
    for (const auto& f : memory_figures()) {
      const bool limited_bridge = v.kind == VertexKind::bridge && f.key == "bytes_per_s" && r.has(f.key);
      if (v.kind == VertexKind::memory || limited_bridge) v.*f.member = figure(r, f.key, f.range);
    }
    if (v.kind == VertexKind::ssd || v.kind == VertexKind::remote) {
      for (const auto& f : storage_figures()) v.*f.member = figure(r, f.key, f.range);
      if (h_.storage(v.kind)) r.fail("kind", fmt::format("a second \"{}\": one vertex stands for all of a node's", kind));
    }
    if (v.kind == VertexKind::gpu) ++h_.gpus_per_node;
    r.no_other_keys();
    h_.vertices.push_back(std::move(v));
    vertices_.push_back(r);
  }
  const bool has_memory =
      std::any_of(h_.vertices.begin(), h_.vertices.end(), [](const Vertex& v) { return v.kind == VertexKind::memory; });
  if (h_.gpus_per_node == 0) root_.fail("vertices", "no vertex is a \"gpu\"");
  if (!has_memory) root_.fail("vertices", "no vertex is a \"memory\": KV has nowhere to go");
}

// names.size() where it is not among them.
std::size_t Reader::index_of(JsonReader& owner, const std::string& key, const std::vector<std::string>& names) {
  const std::string name = owner.string(key);
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) {
    if (owner.has(key))
      owner.fail(key, fmt::format("\"{}\" is \"{}\", which is not defined", key, name), suggestion(name, names));
  }
  return static_cast<std::size_t>(at - names.begin());
}

void Reader::read_links() {
  std::set<std::pair<std::size_t, std::size_t>> seen;
  for (JsonReader& r : root_.objects("links", true)) {
    const std::size_t from = index_of(r, "from", vertex_names_), to = index_of(r, "to", vertex_names_);
    const std::size_t kind = index_of(r, "kind", link_kind_names_);
    r.no_other_keys();
    if (std::max(from, to) >= vertex_names_.size() || kind >= link_kind_names_.size()) continue;
    if (from == to) r.fail("to", "a link needs two different ends");
    if (h_.vertices[from].kind == VertexKind::gpu && h_.vertices[to].kind != VertexKind::gpu) {
      r.fail("from", fmt::format("links lead towards GPUs, and this one leads away from \"{}\"", vertex_names_[from]),
             "swap \"from\" and \"to\": a link is crossed both ways");
    }
    if (!seen.insert({from, to}).second) r.fail("", "this link stands here twice");
    h_.links.push_back({vertex_names_[from], vertex_names_[to], kind});
  }
}

void Reader::read_copy_surfaces() {
  for (JsonReader& r : root_.objects("copy_surfaces")) {
    CopySurface surface;
    surface.method = r.one_of("method", {"batch", "kernel"});
    surface.link_kind = r.string("link_kind");
    index_of(r, "link_kind", link_kind_names_);
    surface.to_device = r.one_of("direction", {"to_device", "from_device"}) == "to_device";
    surface.source = source(r, "source");
    for (JsonReader& p : r.objects("points", true)) {
      surface.points.push_back({p.integer("segment_bytes", 1, std::int64_t{1} << 40), p.integer("count", 1, 1 << 30),
                                p.number("bytes_per_s", 1e3, 1e15)});
      p.no_other_keys();
      if (surface.points.size() < 2) continue;
      const CopySurface::Point &a = surface.points[surface.points.size() - 2], &b = surface.points.back();
      if (std::tie(a.count, a.segment_bytes) >= std::tie(b.count, b.segment_bytes)) {
        p.fail("", "points ascend by \"count\", then by \"segment_bytes\"", "sort them");
      }
    }
    if (surface.points.empty() && r.has("points")) r.fail("points", "a surface needs a point");
    r.no_other_keys();
    h_.copy_surfaces.push_back(std::move(surface));
  }
}

// Every memory must lead to a GPU and every GPU hang on a memory; storage must reach all memories and GPUs.
void Reader::check_routes() {
  for (std::size_t v = 0; v < h_.vertices.size(); ++v) {
    const Vertex& from = h_.vertices[v];
    const bool storage = from.kind == VertexKind::ssd || from.kind == VertexKind::remote;
    if (from.kind == VertexKind::gpu) {
      const auto serves = [&](const Vertex& m) { return m.kind == VertexKind::memory && reaches(h_, m.name, from.name); };
      if (std::none_of(h_.vertices.begin(), h_.vertices.end(), serves)) {
        vertices_[v].fail("", fmt::format("no memory reaches \"{}\"", from.name), "add a link towards it to \"links\"");
      }
      continue;
    }
    bool leads_to_gpu = false;
    for (const Vertex& to : h_.vertices) {
      const bool there = to.name != from.name && reaches(h_, from.name, to.name);
      leads_to_gpu = leads_to_gpu || (there && to.kind == VertexKind::gpu);
      if (there || !storage || (to.kind != VertexKind::gpu && to.kind != VertexKind::memory)) continue;
      vertices_[v].fail("", fmt::format("\"{}\" does not reach \"{}\"", from.name, to.name),
                        "add a link towards it to \"links\"");
    }
    if (!leads_to_gpu) {
      vertices_[v].fail("", fmt::format("\"{}\" leads to no GPU", from.name), "add a link from it to \"links\", or leave it out");
    }
  }
}

}  // namespace

double Hardware::host_memory_bytes() const {
  double bytes = 0;
  for (const Vertex& v : vertices) {
    if (v.kind == VertexKind::memory) bytes += v.bytes.value;
  }
  return bytes;
}

const Vertex* Hardware::storage(VertexKind kind) const {
  for (const Vertex& v : vertices) {
    if (v.kind == kind) return &v;
  }
  return nullptr;
}

std::vector<std::string> hardware_names() { return embedded_json_names(kFolder); }

Hardware load_hardware(const std::string& name_or_path) {
  if (is_json_path(name_or_path)) return Reader(JsonFile::load(name_or_path)).read();
  const std::string file = fmt::format("{}{}.json", kFolder, name_or_path);
  const std::string_view text = embedded_file(file);
  if (text.data() == nullptr) {
    throw InputError(
        Diagnostic{"", 0, 0, fmt::format("unknown hardware \"{}\"", name_or_path),
                   suggestion(name_or_path, hardware_names()) + " (or the path of a hardware file, *.json)"});
  }
  return parse_hardware(std::string(text), file);
}

Hardware parse_hardware(const std::string& text, const std::string& name) {
  const JsonFile file = JsonFile::parse(text, name);
  return Reader(file).read();
}

}  // namespace kvplan
