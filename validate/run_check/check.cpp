#include "validate/run_check/check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/file.hpp"
#include "validate/run_check/checker.hpp"

namespace kvplan::run_check {

Checker::Checker(const Log& log) : log_(log), header_(log.header) {
  memories_.resize(header_.memories.size());
  requests_.resize(log.asked.size());
  replicas_.resize(static_cast<std::size_t>(header_.replicas()));
  for (const Asked& a : log.asked) {
    for (const Places* places : {&a.prompt, &a.answer}) {
      for (std::int64_t p : *places) {
        if (p >= static_cast<std::int64_t>(tokens_of_place_.size())) {
          tokens_of_place_.resize(static_cast<std::size_t>(p) + 1, header_.block_tokens);
        }
      }
    }
    const std::int64_t rest = a.prompt_tokens % header_.block_tokens;
    if (rest > 0) tokens_of_place_[static_cast<std::size_t>(a.prompt.back())] = rest;
  }
}

const std::map<std::string, Checker::Handler>& Checker::handlers() {
  static const std::map<std::string, Handler> table = {
      {"arrive", &Checker::arrive},   {"refuse", &Checker::refuse},       {"queue", &Checker::queue},
      {"hit", &Checker::hit},         {"admit", &Checker::admit},         {"loaded", &Checker::loaded},
      {"release", &Checker::release}, {"preempt", &Checker::preempt},     {"chunk", &Checker::chunk},
      {"first", &Checker::first},     {"finish", &Checker::finish},       {"batch", &Checker::batch},
      {"steps", &Checker::steps},     {"transfer", &Checker::transfer},   {"part", &Checker::part},
      {"moves", &Checker::moves},     {"moved", &Checker::moved},         {"insert", &Checker::insert},
      {"ready", &Checker::ready},     {"reference", &Checker::reference}, {"unreference", &Checker::unreference},
      {"evict", &Checker::evict},     {"forget", &Checker::forget},       {"pages", &Checker::pages},
      {"up", &Checker::up},           {"drain", &Checker::drain},         {"down", &Checker::down},
      {"hold", &Checker::hold},       {"lost", &Checker::lost},           {"cut", &Checker::cut},
      {"choose", &Checker::choose},   {"reserve", &Checker::reserve},     {"send", &Checker::send},
      {"lead_end", &Checker::lead_end},
      {"sent", &Checker::sent},       {"join", &Checker::join},           {"handed_over", &Checker::handed_over}};
  return table;
}

Report Checker::run() {
  for (const Entry& e : log_.entries) {
    line_ = e.line;
    const auto handler = handlers().find(e.what);
    if (!expect("books", handler != handlers().end(), "what is a \"" + e.what + "\"?")) continue;
    const auto places = static_cast<std::int64_t>(tokens_of_place_.size());
    if (!expect("books", e.first >= 0 && e.last <= places, e.what + " names blocks that nobody asked for")) continue;
    try {
      (this->*handler->second)(e);
    } catch (const std::out_of_range&) {
      expect("books", false, e.what + " names what the header does not have");
    }
    ++report_.events;
  }
  line_ = 0;
  for (std::size_t r = 0; r < replicas_.size(); ++r) explain_inserts(static_cast<std::int64_t>(r), true);
  for (std::size_t t = 0; t < requests_.size(); ++t) compare(static_cast<std::int64_t>(t));
  check_links();
  check_left();
  report_.requests = static_cast<std::int64_t>(requests_.size());
  return report_;
}

bool Checker::expect(const char* rule, bool well, const std::string& what) {
  ++report_.checks[rule];
  if (well) return true;
  ++report_.breach_count;
  ++report_.broken[rule];
  if (report_.breaches.size() < 100) report_.breaches.push_back({rule, line_, what});
  return false;
}

std::int64_t Checker::pages_of(std::int64_t tokens) const {
  return (tokens + header_.page_tokens - 1) / header_.page_tokens;
}

std::int64_t Checker::pages_to_run(std::int64_t tokens) const {
  return pages_of(tokens + header_.speculation.draft_tokens);
}

std::int64_t Checker::weight(std::int64_t memory, std::int64_t place) const {
  return header_.memories[static_cast<std::size_t>(memory)].tier == 0 ? pages_of(tokens(place)) : 1;
}

std::int64_t Checker::memory_of(std::int64_t tier, std::int64_t replica) const {
  for (std::size_t m = 0; m < header_.memories.size(); ++m) {
    const MemoryLimit& l = header_.memories[m];
    if (l.tier == tier && l.first_replica <= replica && replica < l.end_replica) return static_cast<std::int64_t>(m);
  }
  throw std::out_of_range("memory");
}

std::int64_t Checker::pages_of_g1(std::int64_t replica) const {
  return header_.memories[static_cast<std::size_t>(memory_of(0, replica))].capacity;
}

Checker::Limits Checker::limits_of(std::int64_t replica) const {
  if (replica < header_.prefill_replicas()) {
    const Kind& kind = header_.kind_of_replica(replica);
    return {kind.max_num_seqs, kind.max_num_batched_tokens, kind.step_costs, kind.draft_costs};
  }
  const DecodeSide& d = header_.decode;
  return {d.max_num_seqs, d.max_num_batched_tokens, d.step_costs, d.draft_costs};
}

std::int64_t Checker::target(std::int64_t turn) const {
  return asked(turn).prompt_tokens + emitted(requests_[static_cast<std::size_t>(turn)]);
}

std::int64_t Checker::context_parts(std::int64_t turn) const {
  return asked(turn).prompt_tokens * header_.speculation.token_parts +
         requests_[static_cast<std::size_t>(turn)].emitted_parts;
}

Report check_text(const std::string& text, const std::string& name) {
  const Log log = parse_log(text, name);
  return Checker(log).run();
}

Report check_log(const std::string& path) { return check_text(read_text_file(path), path); }

}  // namespace kvplan::run_check
