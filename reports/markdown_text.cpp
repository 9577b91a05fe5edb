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
  std::string out(text);
  std::replace_if(out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return out;
}

std::string markdown_text(std::string_view text) {
  std::string out = inline_text(one_line(text));
  const std::size_t first = out.find_first_not_of(' ');
  constexpr std::string_view kBeginBlocks = "#>-+*=~`|";
  if (first != std::string::npos && kBeginBlocks.find(out[first]) != std::string_view::npos) out.insert(first, "\\");
  return out;
}

std::string markdown_cell(std::string_view text) {
  std::string out;
  for (const char c : inline_text(one_line(text))) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

}  // namespace kvplan
