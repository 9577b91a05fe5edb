// X5 copies and kernels slowing each other: each victim alone, then with each
// aggressor running for longer than it does.
#include "validate/cuda/experiments/experiments.hpp"
#include "validate/cuda/experiments/layer_stack.hpp"
#include "validate/cuda/experiments/segment_map.hpp"

namespace kvplan::gpu {
namespace {

constexpr double kFastestLinkBytesPerNs = 450;  // NVLink-C2C; over PCIe the aggressor then merely lasts longer
constexpr double kFastPcieBytesPerNs = 100;     // beyond it lies NVLink-C2C alone
constexpr double kOutlast = 1.3;

struct Aggressor {
  std::string name;
  std::vector<const SegmentMap*> maps;  // copies, each on the stream of its direction
  Method method;
};

int moves(const SegmentMap& map, double victim_ns, double bytes_per_ns) {
  return 1 + static_cast<int>(kOutlast * victim_ns * bytes_per_ns / static_cast<double>(map.bytes()));
}

int operations(const Aggressor& a, double victim_ns, double bytes_per_ns) {
  int count = 0;
  for (const SegmentMap* map : a.maps)
    count += moves(*map, victim_ns, bytes_per_ns) * a.method.operations(map->source.size());
  return count;
}

void start(Bench& bench, const Aggressor& a, double victim_ns, double bytes_per_ns, cudaStream_t main) {
  for (const SegmentMap* map : a.maps) {
    const Stream& stream = map->direction == Direction::h2d ? bench.loads() : bench.stores();
    follow(main, stream);
    for (int i = moves(*map, victim_ns, bytes_per_ns); i > 0; --i) move_segments(*map, a.method, stream);
  }
}

}  // namespace

void interference(Bench& bench) {
  if (!bench.matmul().available()) return bench.waive(bench.point({}), "libcublasLt is missing");
  constexpr int kLayers = 8, kTokens = 2048, kKvTokens = 16 * 4096 + 16 * 16;
  if (LayerStack::bytes_needed(kLlama8B, kLayers, kTokens, kKvTokens) > bench.free_bytes()) {
    return bench.waive(bench.point({}), "too little GPU memory");
  }
  LayerStack stack(bench, kLlama8B, kLayers, kTokens, kKvTokens);
  const AttentionBatch decode = stack.batch(16, 1, 4095), prefill = stack.batch(1, kTokens, 0);
  stack.prepare(decode);
  stack.prepare(prefill);
  // What the link moves at, so that an aggressor outlasts its victim without lasting for ever.
  const double alone_ns = bench.median_ns("anchor", {{"anchor", std::string("h2d")}});
  const double link = alone_ns > 0 ? 1.2 * (64 << 20) / alone_ns : kFastestLinkBytesPerNs;
  // Few copies in flight, so that they and the victim fit behind the latch on any link; kernels spread over many
  // segments.
  const std::size_t piece = std::size_t{link > kFastPcieBytesPerNs ? 64u : 16u} << 20;
  const SegmentMap load(bench, Direction::h2d, piece, 2), store(bench, Direction::d2h, piece, 2);
  const SegmentMap load_pieces(bench, Direction::h2d, 32 << 10, 1024),
      store_pieces(bench, Direction::d2h, 32 << 10, 1024);
  const SegmentMap copy_in(bench, Direction::h2d, std::size_t{2} << 20, 32),
      copy_out(bench, Direction::d2h, std::size_t{2} << 20, 32);
  const Method dma{"dma"};
  std::vector<Aggressor> aggressors{{"none", {}, dma},
                                    {"h2d dma", {&load}, dma},
                                    {"d2h dma", {&store}, dma},
                                    {"h2d + d2h dma", {&load, &store}, dma}};
  for (const int blocks : bench.quick() ? std::vector<int>{12} : std::vector<int>{2, 12, 132}) {
    aggressors.push_back({"h2d kernel_" + std::to_string(blocks), {&load_pieces}, {"kernel", blocks}});
    if (!bench.quick())
      aggressors.push_back({"d2h kernel_" + std::to_string(blocks), {&store_pieces}, {"kernel", blocks}});
  }
  struct Victim {
    const char* name;
    const AttentionBatch* batch;  // or
    const SegmentMap* map;
  };
  const std::vector<Victim> victims{{"decode", &decode, nullptr}, {"prefill", &prefill, nullptr}};
  bench.expect(victims.size() * aggressors.size() + 6);
  for (const Victim& v : victims) {
    double alone = 0;
    for (const Aggressor& a : aggressors) {
      Work work{[&](cudaStream_t main, int) {
        start(bench, a, alone, link, main);
        stack.forward(*v.batch, kLayers, main);
      }};
      work.operations = LayerStack::operations(kLayers) + operations(a, alone, link);
      work.one_round = true;
      const RunValues params{{"victim", std::string(v.name)}, {"aggressor", a.name}, {"layers", std::int64_t{kLayers}}};
      bench.measure(bench.point(params), work);
      if (a.name == "none") alone = bench.median_ns("X5", params);
    }
  }
  for (const Victim& v : {Victim{"h2d dma", nullptr, &copy_in}, Victim{"d2h dma", nullptr, &copy_out}}) {
    for (const AttentionBatch* beside : {static_cast<const AttentionBatch*>(nullptr), &decode, &prefill}) {
      Work work{[&](cudaStream_t main, int) {
        if (beside != nullptr) {
          follow(main, bench.loads());
          for (int i = 0; i < 2; ++i) stack.forward(*beside, kLayers, bench.loads());
        }
        move_segments(*v.map, dma, main);
      }};
      work.operations = 32 + (beside == nullptr ? 0 : 2 * LayerStack::operations(kLayers));
      work.one_round = true;
      const std::string aggressor = beside == nullptr ? "none" : beside == &decode ? "decode" : "prefill";
      bench.measure(bench.point({{"victim", std::string(v.name)}, {"aggressor", aggressor}}, v.map->bytes()), work);
    }
  }
}

}  // namespace kvplan::gpu
