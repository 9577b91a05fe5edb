// Every comparison of a prediction with something published or measured, as
// sections of docs/accuracy.md. A section whose data are not at hand says so; what
// was written of it elsewhere can then not be checked.
#pragma once

#include <string>
#include <vector>

namespace kvplan {

struct AccuracySection {
  std::string name, title;
  std::string data;    // the data set, in a few words
  std::string absent;  // why it did not run; "" when it did
  std::size_t gates = 0;
  std::vector<std::string> missed;  // gates, in words
  std::string error, worst;         // of what is gated or judged: the median, and the farthest off
  std::string left_out;             // rows that do not count, and why
  std::string body;                 // Markdown

  std::string heading() const { return "## " + name + ": " + title; }
  std::string summary_row() const;  // of the table that docs/accuracy.md begins with
};

// `quick`: without measured servers and without fitting operators again, which take seconds each.
std::vector<AccuracySection> accuracy_sections(bool quick, unsigned threads);

std::string accuracy_markdown(const std::vector<AccuracySection>&);

// What of a file does not agree with the sections that ran; empty: all does. Sections that did not run must be there.
std::vector<std::string> accuracy_differences(const std::vector<AccuracySection>&, const std::string& document);

}  // namespace kvplan
