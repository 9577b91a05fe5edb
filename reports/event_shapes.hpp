// How events.jsonl names what an Event holds: the writer and the reader share this table.
#pragma once

#include <cstddef>

#include "sim/event_log.hpp"

namespace kvplan {

struct EventShape {
  const char* name;
  const char* who;          // key of Event::who; null: none
  const char* fields[4];    // keys of a, b, c, d; null: none
  bool of_request = false;  // has a turn
};

// By Happening.
inline constexpr EventShape kEventShapes[] = {
    {"arrive", nullptr, {}, true},
    {"refuse", nullptr, {"reason"}, true},
    {"queue", "replica", {}, true},
    {"hit", "replica", {"tier", "first", "last"}, true},
    {"admit", "replica", {"cached_tokens", "waits", "lead_tokens"}, true},
    {"lead_end", "replica", {"waits"}, true},
    {"loaded", "replica", {}, true},
    {"release", "replica", {}, true},
    {"preempt", "replica", {}, true},
    {"chunk", "replica", {"tokens"}, true},
    {"first", "replica", {}, true},
    {"finish", "replica", {}, true},
    {"batch", "replica", {"decodes", "tokens", "copies"}},
    {"steps", "replica", {"count", "first_ps", "growth_ps", "stall_ps"}},
    {"transfer", "node", {"route", "bytes", "segments"}},
    {"part", "node", {"route", "first", "last"}},
    {"moves", "node", {"route"}},
    {"moved", "node", {"route"}},
    {"cut", "node", {}},
    {"up", "replica", {}},
    {"drain", "replica", {}},
    {"down", "replica", {}},
    {"hold", nullptr, {}, true},
    {"lost", "memory", {}},
    {"insert", "memory", {"ready", "first", "last"}},
    {"ready", "memory", {nullptr, "first", "last"}},
    {"reference", "memory", {nullptr, "first", "last"}},
    {"unreference", "memory", {nullptr, "first", "last"}},
    {"evict", "memory", {nullptr, "first", "last"}},
    {"forget", "memory", {nullptr, "first", "last"}},
    {"pages", "memory", {"count"}},
    {"choose", "replica", {}, true},
    {"reserve", "replica", {"tokens", "bytes"}, true},
    {"send", "replica", {"from", "bytes"}, true},
    {"sent", "replica", {"from", "bytes"}, true},
    {"handed_over", "replica", {"from"}, true},
    {"join", "replica", {}, true},
};
static_assert(sizeof(kEventShapes) / sizeof(EventShape) == static_cast<std::size_t>(Happening::join) + 1);

}  // namespace kvplan
