// docs/accuracy.md, written and read.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/accuracy.hpp"

namespace kvplan {
namespace {

constexpr const char* kHead =
    "# What kvplan predicts, beside what was published or measured\n\n"
    "Written by `kvplan validate all --format md`; `kvplan validate all --check docs/accuracy.md` and a test compare.\n"
    "Errors are predicted / measured - 1. *Gate*: the error that is still accepted, chosen before the comparison "
    "where\n"
    "the section does not say otherwise; without a gate a figure is shown and judges nothing. *Worst*: the farthest "
    "off\n"
    "of what is gated or judged. Medians are of absolute errors. Fitted rows are never counted as judged.\n\n";

constexpr const char* kTableHead =
    "| section | data | median error | worst | gates | left out |\n|---|---|---|---|---|---|\n";

constexpr const char* kTail =
    "## Not judged by anything\n\n"
    "No run of `kvplan-gpu` on real hardware is part of this: its replays and calibrations are tested on recorded runs "
    "of\n"
    "an emulated GPU, which prove the programs and no prediction. Nothing measured is at hand of GH200 beyond what "
    "stands\n"
    "above, of tiers on SSD under load, of preemption by swapping, and of fleets beyond 16 GPUs. Percentiles of "
    "latency\n"
    "are judged nowhere: publications give means.\n";

// The text under each heading of the second level, up to the next.
std::map<std::string, std::string> sections_of(const std::string& document) {
  std::map<std::string, std::string> sections;
  std::size_t at = document.rfind("## ", 0) == 0 ? 0 : document.find("\n## ");
  while (at != std::string::npos) {
    at += document[at] == '\n';
    const std::size_t next = document.find("\n## ", at);
    const std::string text = document.substr(at, next == std::string::npos ? next : next + 1 - at);
    const std::size_t line = text.find('\n');
    sections[text.substr(0, line)] = line == std::string::npos ? "" : text.substr(line + 1);
    at = next;
  }
  return sections;
}

std::string first_difference(const std::string& expected, const std::string& found) {
  std::size_t at = 0, line = 0;
  const auto next = [](const std::string& text, std::size_t from) {
    return std::min(text.find('\n', from), text.size());
  };
  while (at < expected.size() && at < found.size()) {
    const std::string a = expected.substr(at, next(expected, at) - at), b = found.substr(at, next(found, at) - at);
    if (a != b) return fmt::format("the file says\n    {}\n  and now it is\n    {}", b, a);
    at += a.size() + 1;
    ++line;
  }
  return fmt::format("it has {} lines in common", line);
}

}  // namespace

std::string AccuracySection::summary_row() const {
  if (!absent.empty()) return fmt::format("| {} | {} | | | not run: {} | |", name, data, absent);
  const std::string met = gates == 0 ? "none" : fmt::format("{} of {} met", gates - missed.size(), gates);
  const std::string not_met = missed.empty() ? "" : fmt::format("; MISSED: {}", fmt::join(missed, "; "));
  return fmt::format("| {} | {} | {} | {} | {}{} | {} |", name, data, error, worst, met, not_met, left_out);
}

std::string accuracy_markdown(const std::vector<AccuracySection>& sections) {
  std::string text = std::string(kHead) + kTableHead;
  for (const AccuracySection& s : sections) text += s.summary_row() + "\n";
  text += "\n";
  for (const AccuracySection& s : sections) {
    text += s.heading() + "\n\n" + (s.absent.empty() ? s.body : "Not run: " + s.absent + "\n") + "\n";
  }
  return text + kTail;
}

std::vector<std::string> accuracy_differences(const std::vector<AccuracySection>& sections,
                                              const std::string& document) {
  std::vector<std::string> differences;
  if (document.rfind(std::string(kHead) + kTableHead, 0) != 0) differences.push_back("the beginning is another");
  std::map<std::string, std::string> found = sections_of(document);
  for (const AccuracySection& s : sections) {
    const auto section = found.find(s.heading());
    if (section == found.end()) {
      differences.push_back(fmt::format("{}: there is no section \"{}\"", s.name, s.heading()));
      continue;
    }
    if (s.absent.empty()) {
      const std::string expected = "\n" + s.body + "\n";
      if (section->second != expected) {
        differences.push_back(fmt::format("{}: {}", s.name, first_difference(expected, section->second)));
      }
      if (document.find("\n" + s.summary_row() + "\n") == std::string::npos) {
        differences.push_back(fmt::format("{}: the table at the top lacks\n    {}", s.name, s.summary_row()));
      }
    }
    found.erase(section);
  }
  const std::string tail = kTail;
  const std::size_t line = tail.find('\n');
  const auto last = found.find(tail.substr(0, line));
  if (last == found.end() || last->second != tail.substr(line + 1)) differences.push_back("the end is another");
  if (last != found.end()) found.erase(last);
  for (const auto& [heading, text] : found)
    differences.push_back(fmt::format("nothing writes the section \"{}\"", heading));
  return differences;
}

}  // namespace kvplan
