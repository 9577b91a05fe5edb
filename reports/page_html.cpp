#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/sha256.hpp"
#include "reports/page.hpp"
#include "reports/page_style.hpp"

extern const unsigned char kvplan_charts_js[];
extern const unsigned long kvplan_charts_js_size;

namespace kvplan {
namespace {

std::string_view renderer() { return {reinterpret_cast<const char*>(kvplan_charts_js), kvplan_charts_js_size}; }

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// Words between two backticks are what a user types.
std::string prose(std::string_view text) {
  std::string out;
  for (std::size_t from = 0;;) {
    const std::size_t open = text.find('`', from);
    const std::size_t close = open == text.npos ? open : text.find('`', open + 1);
    if (close == text.npos) return out + escaped(text.substr(from));
    out += fmt::format("{}<code>{}</code>", escaped(text.substr(from, open - from)),
                       escaped(text.substr(open + 1, close - open - 1)));
    from = close + 1;
  }
}

// JSON that cannot end the script element that holds it.
std::string inert(const Json& j) {
  std::string out;
  for (const char c : json_text(j)) out += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return out;
}

std::string base64_of_hex(const std::string& hex) {
  constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<unsigned> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<unsigned>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const unsigned b =
        bytes[i] << 16 | (i + 1 < bytes.size() ? bytes[i + 1] << 8 : 0) | (i + 2 < bytes.size() ? bytes[i + 2] : 0);
    out += kDigits[b >> 18];
    out += kDigits[b >> 12 & 63];
    out += i + 1 < bytes.size() ? kDigits[b >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? kDigits[b & 63] : '=';
  }
  return out;
}

// Scrolls sideways where it is wide, and takes the keyboard's focus to do so. Its caption repeats the heading above
// it, for those who hear the page alone.
std::string table_html(const Grid& grid, const std::string& caption) {
  if (grid.rows.empty()) return "";
  std::string out = fmt::format(
      "<div class=\"scroll\" role=\"region\" aria-label=\"Table: {0}\" "
      "tabindex=\"0\"><table><caption class=\"repeated\">{0}</caption><thead><tr>",
      escaped(caption));
  for (const std::string& cell : grid.header) out += fmt::format("<th scope=\"col\">{}</th>", escaped(cell));
  out += "</tr></thead><tbody>\n";
  for (const auto& row : grid.rows) {
    out += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += i == 0 ? fmt::format("<th scope=\"row\">{}</th>", escaped(row[i]))
                    : fmt::format("<td>{}</td>", escaped(row[i]));
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string chart_html(const Chart& c) {
  const bool drawn = no_charts_reason().empty();
  std::string out = fmt::format("<figure id=\"{0}\"{1}><h3>{2}</h3>", c.id,
                                drawn ? fmt::format(" data-spec=\"{}-spec\"", c.id) : "", escaped(c.title));
  if (drawn) out += "<div class=\"chart\"></div>";
  out += fmt::format("<figcaption>{}</figcaption>", prose(c.reading));
  // Open until the renderer has its chart: without scripts this is all there is.
  out += fmt::format("<details open><summary>Table: {}</summary>{}</details>", escaped(c.title),
                     table_html(c.table, c.title));
  if (drawn) {
    out += fmt::format(
        "<details class=\"spec\"><summary>Vega-Lite specification: {0}</summary><button type=\"button\">Copy</button>"
        "<pre tabindex=\"0\" role=\"region\" aria-label=\"Specification of {0}\"></pre></details>",
        escaped(c.title));
    out += fmt::format("<script type=\"application/json\" id=\"{}-spec\">{}</script>", c.id, inert(c.spec));
  }
  return out + "</figure>\n";
}

std::string list_html(const std::vector<std::string>& points) {
  if (points.empty()) return "";
  std::string out = "<ul>";
  for (const std::string& p : points) out += fmt::format("<li>{}</li>\n", prose(p));
  return out + "</ul>\n";
}

std::string section_html(const Section& s) {
  std::string out = fmt::format("<section id=\"{0}\" aria-labelledby=\"{0}-title\"><h2 id=\"{0}-title\">{1}</h2>\n",
                                s.id, escaped(s.title));
  for (const std::string& p : s.sentences) out += fmt::format("<p>{}</p>\n", prose(p));
  out += list_html(s.points) + table_html(s.table, s.title);
  if (!s.more.empty()) {
    out += fmt::format("<details class=\"more\"><summary>{} more lines</summary>{}</details>\n", s.more.size(),
                       list_html(s.more));
  }
  for (const Listing& l : s.listings) {
    out += fmt::format("<h3>{0}</h3><pre tabindex=\"0\" role=\"region\" aria-label=\"{0}\">{1}</pre>\n",
                       escaped(l.title), escaped(l.text));
  }
  for (const Chart& c : s.charts) out += chart_html(c);
  return out + "</section>\n";
}

}  // namespace

std::string no_charts_reason() {
  const std::string_view js = renderer();
  return js.substr(0, 2) == "//" ? std::string(js.substr(2, js.find('\n') - 2)) : "";
}

std::string page_html(const Page& page) {
  const bool drawn = no_charts_reason().empty();
  const std::string script = drawn ? "\n" + std::string(renderer()) : "";
  const std::string allowed = drawn ? fmt::format("script-src 'sha256-{}'; ", base64_of_hex(sha256_hex(script))) : "";
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; {}style-src 'unsafe-inline'; "
      "base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" "
      "content=\"light dark\">\n"
      "<title>{}</title>\n<style>{}</style></head>\n<body><a class=\"skip\" href=\"#content\">Skip to the report</a>\n"
      "<header><h1>{}</h1><nav aria-label=\"Sections\"><ul>",
      allowed, escaped(page.title), kPageStyle, escaped(page.title));
  for (const Section& s : page.sections) out += fmt::format("<li><a href=\"#{}\">{}</a></li>", s.id, escaped(s.title));
  out += "</ul></nav></header>\n<main id=\"content\" tabindex=\"-1\">\n";
  if (drawn) {
    out += "<noscript><p>Charts need JavaScript; the tables hold the same figures.</p></noscript>\n";
  } else {
    out += fmt::format("<p>This page has tables but no charts: {}.</p>\n", escaped(no_charts_reason()));
  }
  for (const Section& s : page.sections) out += section_html(s);
  out += "</main>\n";
  if (drawn) out += "<script type=\"module\">" + script + "</script>\n";
  return out + "</body></html>\n";
}

}  // namespace kvplan
