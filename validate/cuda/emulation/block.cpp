#define KVPLAN_EMULATE_LANES
#include "validate/cuda/emulation/block.hpp"

#include <array>
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <deque>
#include <stdexcept>
#include <string>

#include "validate/cuda/kernels/lanes.cuh"

namespace kvplan::gpu {
namespace {

constexpr int kWarp = 32;
constexpr std::size_t kStackBytes = 128 << 10;

enum class Meeting { none, block, matrices, matrices_transposed, multiply, exchange };

struct Copy {
  std::uint32_t to;
  const void* from;
  bool live;
};

// Stacks are kept for the blocks to come: there are thousands of blocks, of up to a thousand lanes.
class KeptStacks {
 public:
  boost::context::stack_context allocate() {
    if (spare().stacks.empty()) return source().allocate();
    const boost::context::stack_context stack = spare().stacks.back();
    spare().stacks.pop_back();
    return stack;
  }
  void deallocate(boost::context::stack_context& stack) { spare().stacks.push_back(stack); }

 private:
  struct Spare {
    std::vector<boost::context::stack_context> stacks;
    ~Spare() {
      for (boost::context::stack_context& s : stacks) source().deallocate(s);
    }
  };
  static boost::context::fixedsize_stack source() { return boost::context::fixedsize_stack(kStackBytes); }
  static Spare& spare() {
    static Spare spare;
    return spare;
  }
};

struct Lane {
  boost::context::fiber self;       // while it waits
  boost::context::fiber scheduler;  // while it runs
  bool finished = false;
  Meeting at = Meeting::none;
  std::array<std::uint32_t, 6> given{};  // address; or a[4], b0, b1; or value and mask
  std::array<float, 4> sum{};
  std::array<std::uint32_t, 4> got{};
  std::deque<std::vector<Copy>> groups;  // committed copies that have not landed, oldest first
  std::vector<Copy> open;
};

float half_of(std::uint32_t packed, int which) { return which ? high_float(packed) : low_float(packed); }

}  // namespace

struct Block::Lanes {
  std::vector<Lane> lane;
  std::vector<unsigned char> memory;
  Schedule schedule;
  int running = 0;
  const std::function<void()>* body = nullptr;
  std::string fault;

  void land(const Copy& c) {
    if (c.to + 16u > memory.size()) {
      fault = "an asynchronous copy leaves shared memory";
    } else if (c.live) {
      std::memcpy(memory.data() + c.to, c.from, 16);
    } else {
      std::memset(memory.data() + c.to, 0, 16);
    }
  }

  void meet(Meeting where) {
    Lane& me = lane[static_cast<std::size_t>(running)];
    me.at = where;
    me.scheduler = std::move(me.scheduler).resume();
  }

  void gather_matrices(Lane* warp, bool transposed) {
    for (int l = 0; l < kWarp; ++l) {
      for (int m = 0; m < 4; ++m) {
        std::uint32_t packed = 0;
        for (int k = 0; k < 2; ++k) {
          const int row = transposed ? 2 * (l & 3) + k : l >> 2;
          const int column = transposed ? l >> 2 : 2 * (l & 3) + k;
          const std::size_t at = warp[m * 8 + row].given[0] + static_cast<std::size_t>(column) * 2;
          std::uint16_t element = 0;
          if (at + 2 > memory.size()) {
            fault = "a matrix row leaves shared memory";
          } else {
            std::memcpy(&element, memory.data() + at, 2);
          }
          packed |= static_cast<std::uint32_t>(element) << (16 * k);
        }
        warp[l].got[static_cast<std::size_t>(m)] = packed;
      }
    }
  }

  // A (16 x 16) is spread as a0 (g, 2q), a1 (g+8, 2q), a2 (g, 2q+8), a3 (g+8, 2q+8); B (16 x 8) as b0 (2q, g),
  // b1 (2q+8, g); C (16 x 8) as c0, c1 (g, 2q), c2, c3 (g+8, 2q), for lane = 4 g + q.
  static void multiply(Lane* warp) {
    float a[16][16], b[16][8];
    for (int l = 0; l < kWarp; ++l) {
      const int g = l >> 2, q = l & 3;
      for (int k = 0; k < 2; ++k) {
        for (int r = 0; r < 4; ++r) {
          a[g + 8 * (r & 1)][2 * q + k + 8 * (r >> 1)] = half_of(warp[l].given[static_cast<std::size_t>(r)], k);
        }
        b[2 * q + k][g] = half_of(warp[l].given[4], k);
        b[2 * q + k + 8][g] = half_of(warp[l].given[5], k);
      }
    }
    for (int l = 0; l < kWarp; ++l) {
      for (int e = 0; e < 4; ++e) {
        const int row = (l >> 2) + 8 * (e >> 1), column = 2 * (l & 3) + (e & 1);
        float sum = warp[l].sum[static_cast<std::size_t>(e)];
        for (int k = 0; k < 16; ++k) sum += a[row][k] * b[k][column];
        warp[l].sum[static_cast<std::size_t>(e)] = sum;
      }
    }
  }

  void complete(Lane* warp) {
    switch (warp->at) {
      case Meeting::matrices:
      case Meeting::matrices_transposed:
        gather_matrices(warp, warp->at == Meeting::matrices_transposed);
        break;
      case Meeting::multiply:
        multiply(warp);
        break;
      case Meeting::exchange:
        for (int l = 0; l < kWarp; ++l) warp[l].got[0] = warp[l ^ static_cast<int>(warp[l].given[1])].given[0];
        break;
      case Meeting::none:
      case Meeting::block:
        return;
    }
    for (int l = 0; l < kWarp; ++l) warp[l].at = Meeting::none;
  }

  // Runs one warp until all its lanes are at the block's barrier or done.
  void advance(int warp_index) {
    Lane* warp = lane.data() + warp_index * kWarp;
    for (;;) {
      for (int l = 0; l < kWarp; ++l) {
        if (warp[l].finished || warp[l].at != Meeting::none) continue;
        running = warp_index * kWarp + l;
        threadIdx = {static_cast<unsigned>(running), 0, 0};
        warp[l].self = std::move(warp[l].self).resume();
        if (!fault.empty()) throw std::logic_error(fault);
      }
      const bool all_done = std::all_of(warp, warp + kWarp, [](const Lane& x) { return x.finished; });
      const bool together = std::all_of(warp, warp + kWarp, [&](const Lane& x) { return x.at == warp->at; });
      if (all_done || (together && warp->at == Meeting::block)) return;
      if (!together) throw std::logic_error("lanes of a warp meet at different places");
      complete(warp);
    }
  }
};

namespace {

Block* the_block = nullptr;

}  // namespace

Block& Block::current() { return *the_block; }

Block::Block(int threads, std::size_t shared_bytes, Schedule schedule) : lanes_(std::make_unique<Lanes>()) {
  lanes_->lane.resize(static_cast<std::size_t>(threads));
  lanes_->memory.assign(shared_bytes, 0xff);  // bf16 NaN: what was never written spoils the result
  lanes_->schedule = schedule;
}
Block::~Block() = default;

void Block::run(const std::function<void()>& body) {
  Lanes& all = *lanes_;
  all.body = &body;
  the_block = this;
  for (Lane& l : all.lane) {
    l.self = boost::context::fiber(std::allocator_arg, KeptStacks(), [&all, &l](boost::context::fiber&& scheduler) {
      l.scheduler = std::move(scheduler);
      (*all.body)();
      l.finished = true;
      return std::move(l.scheduler);
    });
  }
  const int warps = static_cast<int>(all.lane.size()) / kWarp;
  for (bool done = false; !done;) {
    for (int w = 0; w < warps; ++w) all.advance(all.schedule.last_warp_first ? warps - 1 - w : w);
    const auto finished = std::count_if(all.lane.begin(), all.lane.end(), [](const Lane& l) { return l.finished; });
    done = finished == static_cast<std::ptrdiff_t>(all.lane.size());
    if (!done && finished != 0) throw std::logic_error("some warps ended while others wait at a barrier");
    for (Lane& l : all.lane) l.at = Meeting::none;
  }
}

unsigned char* Block::shared() { return lanes_->memory.data(); }

std::uint32_t Block::offset_of(const void* p) const {
  return static_cast<std::uint32_t>(static_cast<const unsigned char*>(p) - lanes_->memory.data());
}

void Block::copy(std::uint32_t to, const void* from, bool live) {
  const Copy c{to, from, live};
  if (lanes_->schedule.copies_land_late) {
    lanes_->lane[static_cast<std::size_t>(lanes_->running)].open.push_back(c);
  } else {
    lanes_->land(c);
  }
}

void Block::commit() {
  Lane& me = lanes_->lane[static_cast<std::size_t>(lanes_->running)];
  me.groups.push_back(std::move(me.open));
  me.open.clear();
}

void Block::wait(int pending_groups) {
  Lane& me = lanes_->lane[static_cast<std::size_t>(lanes_->running)];
  for (; me.groups.size() > static_cast<std::size_t>(pending_groups); me.groups.pop_front()) {
    for (const Copy& c : me.groups.front()) lanes_->land(c);
  }
}

void Block::meet_block() { lanes_->meet(Meeting::block); }

void Block::load_matrices(std::uint32_t (&r)[4], std::uint32_t offset, bool transposed) {
  Lane& me = lanes_->lane[static_cast<std::size_t>(lanes_->running)];
  me.given[0] = offset;
  lanes_->meet(transposed ? Meeting::matrices_transposed : Meeting::matrices);
  std::copy(me.got.begin(), me.got.end(), r);
}

void Block::multiply_add(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  Lane& me = lanes_->lane[static_cast<std::size_t>(lanes_->running)];
  me.given = {a[0], a[1], a[2], a[3], b0, b1};
  std::copy(c, c + 4, me.sum.begin());
  lanes_->meet(Meeting::multiply);
  std::copy(me.sum.begin(), me.sum.end(), c);
}

std::uint32_t Block::exchange(std::uint32_t value, int mask) {
  Lane& me = lanes_->lane[static_cast<std::size_t>(lanes_->running)];
  me.given[0] = value;
  me.given[1] = static_cast<std::uint32_t>(mask);
  lanes_->meet(Meeting::exchange);
  return me.got[0];
}

void launch(Index3 grid, int threads, std::size_t shared_bytes, Schedule schedule, const std::function<void()>& body) {
  gridDim = grid;
  blockDim = {static_cast<unsigned>(threads), 1, 1};
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, z};
        Block(threads, shared_bytes, schedule).run(body);
      }
    }
  }
}

}  // namespace kvplan::gpu
