#include "reports/markdown_text.hpp"

#include <algorithm>
#include <cctype>

namespace kvplan {
namespace {

// A backslash that stood there would take the meaning from the one that is put before what follows it.
std::string inline_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : ' ';
    const bool tag = text[i] == '<' &&
                     (std::isalpha(static_cast<unsigned char>(next)) != 0 || next == '/' || next == '!' || next == '?');
    const bool link = text[i] == ']' && (next == '(' || next == '[' || next == ':');
    if (tag || link || text[i] == '\\') out += '\\';
    out += text[i];
  }
  return out;
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0; };
    const bool c1 = byte(i) == 0xc2 && byte(i + 1) >= 0x80 && byte(i + 1) < 0xa0;  // in UTF-8
    out += c1 || byte(i) < 0x20 || byte(i) == 0x7f ? ' ' : text[i];
    i += c1 ? 1 : 0;
  }
  return out;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t from = 0, end = 0; from < text.size(); from = end + 1) {
    end = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, end - from));
  }
  return lines;
}

std::string markdown_text(std::string_view text) {
  std::string out = inline_text(one_line(text));
  const std::size_t first = out.find_first_not_of(' ');
  if (first == std::string::npos) return out;
  constexpr std::string_view kBeginBlocks = "#>-+*=~`|_";
  if (kBeginBlocks.find(out[first]) != std::string_view::npos) out.insert(first, "\\");
  const std::size_t number_end = out.find_first_not_of("0123456789", first);  // "1. x" is an item of a list
  if (number_end != std::string::npos && number_end > first && (out[number_end] == '.' || out[number_end] == ')')) {
    out.insert(number_end, "\\");
  }
  return out;
}

std::string markdown_cell(std::string_view text) {
  std::string out;
  for (const char c : inline_text(one_line(text))) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

}  // namespace kvplan
