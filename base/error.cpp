#include "base/error.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/units.hpp"

namespace kvplan {
namespace {

std::string join(const std::vector<Diagnostic>& findings) {
  std::string text;
  for (const Diagnostic& d : findings) {
    if (!text.empty()) text += '\n';
    text += to_string(d);
  }
  return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string to_string(const Diagnostic& d) {
  std::string where = d.file;
  if (d.line > 0) where += fmt::format(":{}", d.line);
  if (d.line > 0 && d.column > 0) where += fmt::format(":{}", d.column);
  std::string text = where.empty() ? "error: " + d.message : fmt::format("{}: error: {}", where, d.message);
  if (!d.help.empty()) text += "\n  help: " + d.help;
  return text;
}

UsageError::UsageError(std::string what, std::string help)
    : Error(ExitCode::usage, help.empty() ? what : what + "\n  help: " + help) {}

InputError::InputError(std::vector<Diagnostic> findings)
    : Error(ExitCode::bad_input, join(findings)), findings_(std::move(findings)) {}

void quantity_overflow() {
  throw InfeasibleError(
      "error: a time or an amount exceeds what 64 bits hold; the clock ends after 106 days\n"
      "  help: take a part of the trace (trace.window_start_s, trace.window_end_s), shorter delays or faster hardware");
}

void assertion_failed(const char* expression, const char* file, int line) {
  throw Error(ExitCode::internal,
              fmt::format("internal error: {}:{}: {} does not hold\n  help: this is a fault of kvplan; please report it "
                          "with the command and its inputs",
                          file, line, expression));
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& c : candidates) {
    const std::size_t d = edit_distance(name, c);
    if (d < best_distance) best = c, best_distance = d;
  }
  return best;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string best = nearest(name, candidates);
  if (!best.empty()) return fmt::format("did you mean \"{}\"?", best);
  return fmt::format("known: {}", fmt::join(candidates, ", "));
}

}  // namespace kvplan
