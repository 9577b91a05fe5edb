#include "reports/markdown_text.hpp"

#include <cctype>

namespace kvplan {

std::string markdown_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : ' ';
    const bool tag = text[i] == '<' &&
                     (std::isalpha(static_cast<unsigned char>(next)) != 0 || next == '/' || next == '!' || next == '?');
    const bool link = text[i] == ']' && (next == '(' || next == '[' || next == ':');
    if (tag || link) out += '\\';
    out += text[i];
  }
  return out;
}

std::string markdown_cell(std::string_view text) {
  std::string out;
  for (const char c : markdown_text(text)) {
    out += c == '|' ? std::string("\\|") : std::string(1, c == '\n' || c == '\r' ? ' ' : c);
  }
  return out;
}

}  // namespace kvplan
