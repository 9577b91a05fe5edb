// How events.jsonl names what an Event holds: the writer and the reader share this table.
#pragma once

#include <cstddef>

#include "sim/event_log.hpp"

namespace kvplan {

struct EventShape {
  const char* name;
  const char* who;        // key of Event::who; null: none
  const char* fields[4];  // keys of a, b, c, d; null: none
};

// By Happening.
inline constexpr EventShape kEventShapes[] = {
    {"arrive", nullptr, {}},
    {"refuse", nullptr, {"reason"}},
    {"queue", "replica", {}},
    {"hit", "replica", {"tier", "first", "last"}},
    {"admit", "replica", {"cached_tokens", "waits"}},
    {"loaded", "replica", {}},
    {"release", "replica", {}},
    {"preempt", "replica", {}},
    {"chunk", "replica", {"tokens"}},
    {"first", "replica", {}},
    {"finish", "replica", {}},
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
    {"hold", nullptr, {}},
    {"lost", "memory", {}},
    {"insert", "memory", {"ready", "first", "last"}},
    {"ready", "memory", {nullptr, "first", "last"}},
    {"reference", "memory", {nullptr, "first", "last"}},
    {"unreference", "memory", {nullptr, "first", "last"}},
    {"evict", "memory", {nullptr, "first", "last"}},
    {"forget", "memory", {nullptr, "first", "last"}},
    {"pages", "memory", {"count"}},
    {"choose", "replica", {}},
    {"reserve", "replica", {"tokens", "bytes"}},
    {"send", "replica", {"from", "bytes"}},
    {"sent", "replica", {"from", "bytes"}},
    {"handed_over", "replica", {"from"}},
    {"join", "replica", {}},
};
static_assert(sizeof(kEventShapes) / sizeof(EventShape) == static_cast<std::size_t>(Happening::join) + 1);

}  // namespace kvplan
