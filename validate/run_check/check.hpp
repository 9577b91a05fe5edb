// Replays the log of a run (kvplan.events/1, docs/event-log.md) under rules of its own, and says where the run breaks
// them. It shares no code with sim/: what it knows of a run is the text of its log.
//
// The rules, by name:
//   books       what is inserted, referenced and evicted was there, or was not, as it must be
//   capacity    no memory ever holds more than it has
//   pinned      nothing is evicted that is referenced, or that a transfer still reads
//   content     a block in G1 was computed by a request of that replica, or loaded; a block below is ready only when
//               a transfer has brought it
//   hits        a prompt's hits are its leading blocks, there and ready, each in the first tier that has it
//   pages       what a replica's running requests have computed has pages
//   order       first come, first served, but those who were loaded or preempted
//   limits      sequences and tokens of a step
//   durations   a step takes what the coefficients say, and waits for its own loads, no more and no less
//   tokens      each output token comes out once, each prompt token is a hit or computed
//   parts       front end, queue, load and prefill add up to what the log shows, to the picosecond
//   handover    a prompt decodes elsewhere only when all that was lacking there has come, and is kept until then
//   links       bytes over a link within its bandwidth, in every interval; a transfer alone takes its exact time
//   away        nothing queues at a replica that drains; nothing runs, comes or moves where all is down
//   ends        every request that arrived ends once; whoever is refused could not have fitted
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kvplan::run_check {

struct Breach {
  std::string rule;
  std::int64_t line = 0;  // of the log
  std::string what;
};

struct Report {
  std::map<std::string, std::int64_t> checks;  // by rule: how often it was looked at
  std::map<std::string, std::int64_t> broken;  // by rule: how often it was not kept
  std::vector<Breach> breaches;                // the first hundred
  std::int64_t breach_count = 0;
  std::int64_t requests = 0, events = 0;
  bool sound() const { return breach_count == 0; }
};

// InputError when the text is no such log, or is cut off.
Report check_log(const std::string& path);
Report check_text(const std::string& text, const std::string& name);

}  // namespace kvplan::run_check
