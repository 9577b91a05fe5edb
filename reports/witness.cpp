#include "reports/witness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/error.hpp"
#include "reports/cells.hpp"

namespace kvplan {
namespace {

std::string count(std::int64_t n) { return human_count(static_cast<double>(n)); }

std::string plural(std::int64_t n, const char* one, const char* many) {
  return fmt::format("{} {}", count(n), n == 1 ? one : many);
}

// Do flows of two routes meet at a limit?
bool share(const KeptRoute& a, const KeptRoute& b) {
  return std::any_of(a.uses.begin(), a.uses.end(), [&](const auto& x) {
    return std::any_of(b.uses.begin(), b.uses.end(), [&](const auto& y) { return x.first == y.first; });
  });
}

}  // namespace

Witness::Witness(std::size_t requests, std::vector<Life>& lives)
    : stage_(requests), where_(requests, 0), index_(requests, -1) {
  followed_.reserve(lives.size());
  for (Life& life : lives) {
    index_.at(life.request.turn) = static_cast<std::int32_t>(followed_.size());
    followed_.push_back({});
    followed_.back().life = &life;
  }
}

void Witness::begin(const KeptLimits& limits) {
  limits_ = &limits;
  replicas_.resize(static_cast<std::size_t>(limits.replicas()));
}

void Witness::see(const Event& e) {
  KVPLAN_ASSERT(e.turn == kNone || e.turn < stage_.size());
  if (e.what == Happening::join) return see_join(e);
  if (e.what >= Happening::lost) return;
  if (e.what >= Happening::cut) return see_fleet(e);
  if (e.what >= Happening::transfer) return see_transfer(e);
  if (e.what == Happening::chunk || e.what == Happening::batch || e.what == Happening::steps) return see_step(e);
  see_request(e);
}

Witness::Followed* Witness::followed(TurnId turn) {
  if (turn == kNone || index_[turn] < 0) return nullptr;
  return &followed_[static_cast<std::size_t>(index_[turn])];
}

void Witness::move_to(TurnId turn, std::uint32_t replica, Stage stage) {
  const auto count = [&](std::uint32_t where, Stage s, int change) {
    Replica& r = replicas_.at(where);
    if (s == Stage::waiting || s == Stage::loaded) r.waiting += change;
    if (s == Stage::running) r.running += change;
  };
  count(where_[turn], stage_[turn], -1);
  count(replica, stage, 1);
  stage_[turn] = stage;
  where_[turn] = replica;
}

void Witness::see_fleet(const Event& e) {
  if (e.what == Happening::cut) {
    for (auto& [key, queue] : queues_) {
      for (const Transfer& t : queue) {
        LifeLoad* load = key.first == e.who ? load_of(t, key.first, key.second) : nullptr;
        if (load == nullptr) continue;
        if (&t != &queue.front()) load->starts = e.at;  // it never did
        load->moved = e.at, load->lost = true;
      }
    }
    std::erase_if(queues_, [&](const auto& q) { return q.first.first == e.who; });
  }
  if (e.what == Happening::hold) {
    Followed* f = followed(e.turn);
    if (f && !f->answered) enter(*f, LifePart::queue, e.at, "no replica takes requests");
  }
  if (e.what != Happening::down) return;
  for (TurnId turn = 0; turn < stage_.size(); ++turn) {
    if (where_[turn] != e.who || stage_[turn] == Stage::absent || stage_[turn] == Stage::gone) continue;
    stage_[turn] = Stage::gone;
    Followed* f = followed(turn);
    if (f == nullptr) continue;
    f->load_in_step = false;
    if (!f->answered) {
      enter(*f, LifePart::queue, e.at, "its replica was lost");
    } else {
      enter(*f, LifePart::decode, e.at, "its replica was lost, and another computes again what is there");
    }
  }
  replicas_.at(e.who) = Replica{};
}

std::string Witness::words_of(const Followed& f) const {
  std::string text = f.words;
  const auto add = [&](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  if (f.part == LifePart::prefill && f.steps > 0) {
    add(fmt::format("{} in {}, beside at most {}", plural(f.tokens, "token", "tokens"),
                    plural(f.steps, "step", "steps"), plural(f.most_decodes, "decode", "decodes")));
  }
  if (f.part == LifePart::queue && f.batches > 0) {
    add(fmt::format("meanwhile {} composed", plural(f.batches, "batch", "batches")));
    if (f.others_tokens > 0)
      text += fmt::format(", {} of others computed", plural(f.others_tokens, "prompt token", "prompt tokens"));
  }
  if (f.part == LifePart::decode && f.preemptions > 0)
    add(fmt::format("preempted {}, and computed again", plural(f.preemptions, "time", "times")));
  return text;
}

void Witness::enter(Followed& f, LifePart part, Time at, std::string words) {
  if (at > f.since) f.life->spans.push_back({f.part, f.since, at, words_of(f), f.replica});
  f.part = part, f.since = at, f.words = std::move(words);
  f.batches = f.others_tokens = f.steps = f.tokens = f.most_decodes = 0;
}

void Witness::see_request(const Event& e) {
  Followed* f = followed(e.turn);
  if (e.what == Happening::arrive && f) {
    f->since = e.at;
    f->words = fmt::format("of {} prompt tokens", count(f->life->request.prompt_tokens));
  }
  if (e.what == Happening::arrive || e.what == Happening::refuse) return;
  Replica& r = replicas_.at(e.who);
  switch (e.what) {
    case Happening::queue:
      if (f && f->part == LifePart::frontend) f->replica = e.who;
      if (f && !f->answered) {
        enter(*f, LifePart::queue, e.at,
              fmt::format("behind {} on replica {}, {} running", count(r.waiting), e.who, count(r.running)));
      }
      if (f) f->replica = e.who, r.followed.push_back(e.turn);
      return move_to(e.turn, e.who, Stage::waiting);
    case Happening::hit:
      if (f && e.a > 0) f->load_in_step = true;  // until admit says that it waits for it
      return;
    case Happening::admit:
      if (f && (e.b == 1 || e.c > 0)) f->load_in_step = false;
      if (f && !f->answered) enter(*f, e.b == 1 ? LifePart::load : LifePart::prefill, e.at, "");
      return move_to(e.turn, e.who, e.b == 1 ? Stage::loading : Stage::running);
    case Happening::lead_end:
      if (f && !f->answered) {
        enter(*f, e.a == 1 ? LifePart::load : LifePart::queue, e.at,
              e.a == 1 ? "behind what it computed meanwhile"
                       : "loaded meanwhile, until the next batch with room for it");
      }
      return move_to(e.turn, e.who, e.a == 1 ? Stage::loading : Stage::loaded);
    case Happening::loaded:
      if (f && !f->answered) enter(*f, LifePart::queue, e.at, "loaded, until the next batch with room for it");
      return move_to(e.turn, e.who, Stage::loaded);
    case Happening::release:
      if (f) f->words += " (gave its load back for want of memory)";
      return move_to(e.turn, e.who, Stage::waiting);
    case Happening::preempt:
      if (f) ++f->preemptions;
      if (f && !f->answered) enter(*f, LifePart::queue, e.at, "preempted for want of memory");
      return move_to(e.turn, e.who, Stage::waiting);
    case Happening::first:
      if (f && !f->answered) {
        enter(*f, LifePart::decode, e.at, "of " + plural(f->life->request.output_tokens, "token", "tokens"));
        f->answered = true;
        f->preemptions = 0;
      }
      return;
    default:
      KVPLAN_ASSERT(e.what == Happening::finish);
      if (f) enter(*f, LifePart::decode, e.at, "");
      std::erase(r.followed, e.turn);
      return move_to(e.turn, e.who, Stage::gone);
  }
}

// Its prompt was handed over, and it decodes here from now on.
void Witness::see_join(const Event& e) {
  if (Followed* f = followed(e.turn)) {
    std::string of_tokens = std::move(f->words);
    f->words = fmt::format("handed over to replica {}", e.who);
    enter(*f, LifePart::decode, e.at, std::move(of_tokens));
    f->replica = e.who;
    std::erase(replicas_.at(where_[e.turn]).followed, e.turn);
    replicas_.at(e.who).followed.push_back(e.turn);
  }
  move_to(e.turn, e.who, Stage::running);
}

constexpr std::int64_t kMostTokens = std::int64_t{1} << 31;  // of a prompt

// The step before is over.
void Witness::compose(Replica& r) {
  if (!r.composing) r.chunks.clear();
  r.composing = true;
}

void Witness::see_step(const Event& e) {
  Replica& r = replicas_.at(e.who);
  if (e.what == Happening::chunk) {
    compose(r);
    r.chunks.emplace_back(e.turn, e.a);
    return;
  }
  if (e.what == Happening::batch) {
    compose(r);
    r.composing = false;
    r.decodes = e.a;
    for (const TurnId turn : r.followed) ++followed(turn)->batches;
    return;
  }
  std::int64_t prompt_tokens = 0;
  for (const auto& [turn, tokens] : r.chunks) {
    if (tokens > 0 && e.a > kMostTokens / tokens) throw std::runtime_error("steps of more tokens than a prompt has");
    prompt_tokens += tokens * e.a;
    Followed* f = followed(turn);
    if (f == nullptr) continue;
    if (f->load_in_step && f->part == LifePart::prefill && e.d > 0) {
      f->part = LifePart::load;
      enter(*f, LifePart::prefill, f->since + Time(e.d), "");
      f->life->spans.back().words = "its first step waits for layers that are still loading";
    }
    f->load_in_step = false;
    f->steps += e.a, f->tokens += tokens * e.a;
    f->most_decodes = std::max(f->most_decodes, r.decodes);
  }
  for (const TurnId turn : r.followed) {
    if (stage_[turn] != Stage::running) followed(turn)->others_tokens += prompt_tokens;
  }
}

LifeLoad* Witness::load_of(const Transfer& t, std::uint32_t node, std::size_t route) {
  Followed* f = followed(t.turn);
  return f && limits_->route(node, route).purpose == "load" ? &f->life->loads.at(t.load) : nullptr;
}

// `mover` begins to move: whoever moves now over one of its limits meets it, and it meets them.
void Witness::meet(std::uint32_t node, std::size_t route, const Transfer& mover) {
  const auto note = [&](LifeLoad* load, const Transfer& other, std::size_t other_route) {
    if (load == nullptr) return;
    const bool is_load = limits_->route(node, other_route).purpose == "load";
    if (!is_load) ++load->beside_writes;
    if (is_load && std::find(load->beside.begin(), load->beside.end(), other.turn) == load->beside.end())
      load->beside.push_back(other.turn);
  };
  for (auto& [key, queue] : queues_) {
    if (key.first != node || queue.empty() || !queue.front().moving || &queue.front() == &mover) continue;
    if (!share(limits_->route(node, route), limits_->route(node, key.second))) continue;
    note(load_of(mover, node, route), queue.front(), key.second);
    note(load_of(queue.front(), node, key.second), mover, route);
  }
}

void Witness::see_transfer(const Event& e) {
  const auto route = static_cast<std::size_t>(e.a);
  Queue& queue = queues_[{e.who, route}];
  if (e.what == Happening::transfer) {
    Followed* f = followed(e.turn);
    Transfer t{e.turn, false, 0};
    const KeptRoute& r = limits_->route(e.who, route);
    if (f && r.purpose == "load") {
      LifeLoad load;
      load.tier = limits_->tier_name(r.tier), load.node = e.who, load.route = e.a, load.bytes = e.b, load.asked = e.at;
      load.alone = setup_time(r.cost, Bytes(e.b), e.c);
      load.ahead = static_cast<std::int64_t>(queue.size());
      if (queue.empty()) load.starts = e.at;
      t.load = f->life->loads.size();
      f->life->loads.push_back(std::move(load));
    }
    queue.push_back(t);
    return;
  }
  KVPLAN_ASSERT(!queue.empty());
  if (e.what == Happening::part) {
    if (LifeLoad* load = load_of(queue.back(), e.who, route)) load->blocks += e.c - e.b;
    return;
  }
  LifeLoad* load = load_of(queue.front(), e.who, route);
  if (e.what == Happening::moves) {
    queue.front().moving = true;
    meet(e.who, route, queue.front());
  } else {
    if (load) load->moved = e.at;
    queue.pop_front();
    LifeLoad* next = queue.empty() ? nullptr : load_of(queue.front(), e.who, route);
    if (next) next->starts = e.at;
  }
}

}  // namespace kvplan
