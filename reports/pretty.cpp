#include "reports/pretty.hpp"

#include "base/json_text.hpp"
#include <algorithm>

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLong = 12;

bool is_curve(const Json& j) {
  return j.is_array() && j.size() > kLong &&
         std::all_of(j.begin(), j.end(), [](const Json& x) { return x.is_number() || x.is_null(); });
}

void append(std::string& out, const Json& j, std::size_t indent) {
  if (!j.is_structured() || j.empty() || is_curve(j)) {
    out += json_text(j);
    return;
  }
  const std::string inner(indent + 2, ' ');
  out += j.is_array() ? "[" : "{";
  bool first = true;
  for (const auto& [key, value] : j.items()) {
    out += first ? "\n" : ",\n";
    first = false;
    out += inner;
    if (j.is_object()) out += json_text(Json(key)) + ": ";
    append(out, value, indent + 2);
  }
  out += "\n" + std::string(indent, ' ') + (j.is_array() ? "]" : "}");
}

}  // namespace

std::string pretty(const Json& document) {
  std::string out;
  append(out, document, 0);
  return out + "\n";
}

}  // namespace kvplan
