#include "plan/design.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "plan/range.hpp"

namespace kvplan {

using nlohmann::json;

namespace {

const std::vector<std::string> kKinds = {"grid", "list", "random", "latin"};

std::vector<std::string> keys_in_order(const JsonFile& file, const std::string& pointer) {
  std::vector<std::string> keys;
  for (const auto& member : file.root().at(json::json_pointer(pointer)).items()) keys.push_back(member.key());
  const auto position = [&](const std::string& key) { return file.key_position(pointer_to(pointer, key)); };
  std::stable_sort(keys.begin(), keys.end(), [&](auto& a, auto& b) { return position(a) < position(b); });
  return keys;
}

}  // namespace

class DesignReader {
 public:
  DesignReader(const JsonFile& file, const Vocabulary& vocabulary, JsonFindings& findings, Design& design)
      : file_(file), vocabulary_(vocabulary), findings_(findings), design_(design) {}

  void read(const std::string& pointer) {
    const json& vary = at(pointer);
    if (!vary.is_array()) return one(pointer, 0);
    if (vary.empty()) fail(pointer, "\"vary\" is empty, expected a design", kExample);
    for (std::size_t i = 0; i < vary.size(); ++i) one(pointer_to(pointer, std::to_string(i)), i);
  }

 private:
  static constexpr const char* kExample = "for example {\"grid\": {\"replicas\": [1, 2, 4]}}";

  const json& at(const std::string& pointer) const { return file_.root().at(json::json_pointer(pointer)); }
  void fail(const std::string& pointer, std::string message, std::string help = "") {
    findings_.add(file_.at(pointer, std::move(message), std::move(help)));
  }

  void one(const std::string& pointer, std::size_t number) {
    if (!at(pointer).is_object()) return fail(pointer, "a design must be an object", kExample);
    std::vector<std::string> kinds, known = kKinds;
    known.insert(known.end(), {"points", "seed"});
    for (const std::string& key : keys_in_order(file_, pointer)) {
      if (std::find(kKinds.begin(), kKinds.end(), key) != kKinds.end()) {
        kinds.push_back(key);
      } else if (std::find(known.begin(), known.end(), key) == known.end()) {
        findings_.add(file_.at_key(pointer_to(pointer, key), fmt::format("unknown key \"{}\"", key),
                                   vocabulary_.kind_of(key) ? "name it inside of \"grid\" or another kind of design"
                                                            : suggestion(key, known)));
      }
    }
    if (kinds.size() != 1) {
      return fail(pointer, fmt::format("a design is one of {}, and this has {}", fmt::join(kKinds, ", "), kinds.size()),
                  "several designs stand in an array, and their product is swept");
    }
    const std::string inside = pointer_to(pointer, kinds[0]);
    if (!at(inside).is_object() || at(inside).empty()) {
      return fail(inside, fmt::format("\"{}\" must be an object that names at least one path", kinds[0]), kExample);
    }
    if (kinds[0] == "grid" || kinds[0] == "list") return listed(pointer, inside, kinds[0]);
    drawn(pointer, inside, kinds[0], number);
  }

  void listed(const std::string& pointer, const std::string& inside, const std::string& kind) {
    for (const char* key : {"points", "seed"}) {
      if (at(pointer).contains(key)) {
        findings_.add(file_.at_key(pointer_to(pointer, key),
                                   fmt::format("\"{}\" has no place beside \"{}\"", key, kind),
                                   "it belongs to random and latin"));
      }
    }
    Design::Factor rows;
    for (const std::string& path : keys_in_order(file_, inside)) {
      if (!known(inside, path)) continue;
      std::vector<json> values = accepted_array(path, pointer_to(inside, path));
      if (kind == "grid") {
        design_.factors_.push_back({{{path, std::move(values)}}});
        continue;
      }
      rows.columns.push_back({path, std::move(values)});
      const std::size_t wanted = rows.columns.front().values.size(), got = rows.columns.back().values.size();
      if (wanted != got) {
        fail(pointer_to(inside, path),
             fmt::format("{} has {} values, but {} before it has {}", path, got, rows.columns.front().path, wanted),
             "a list is read row by row; use a grid for every combination");
      }
    }
    if (!rows.columns.empty()) design_.factors_.push_back(std::move(rows));
  }

  void drawn(const std::string& pointer, const std::string& inside, const std::string& kind, std::size_t number) {
    const std::int64_t points = whole_number(pointer, "points", 1, Design::kMaxPoints, std::nullopt);
    const std::int64_t seed = whole_number(pointer, "seed", 0, std::int64_t{1} << 53, 1);
    Design::Factor rows;
    for (const std::string& path : keys_in_order(file_, inside)) {
      if (!known(inside, path)) continue;
      const std::optional<Range> range = range_of(path, pointer_to(inside, path));
      if (!range) continue;
      const RandomStream stream(static_cast<std::uint64_t>(seed), fmt::format("sweep {} {} {}", number, kind, path));
      rows.columns.push_back(
          {path, kind == "latin" ? latin_values(*range, points, stream) : random_values(*range, points, stream)});
    }
    if (!rows.columns.empty()) design_.factors_.push_back(std::move(rows));
  }

  bool known(const std::string& inside, const std::string& path) {
    const std::string pointer = pointer_to(inside, path);
    auto& paths = design_.paths_;
    if (!vocabulary_.kind_of(path)) {
      findings_.add(file_.at_key(pointer, fmt::format("unknown path \"{}\"", path), vocabulary_.suggest(path)));
      return false;
    }
    if (std::find(paths.begin(), paths.end(), path) != paths.end()) {
      findings_.add(file_.at_key(pointer, fmt::format("{} varies in two designs", path), "name it once"));
      return false;
    }
    paths.push_back(path);
    return true;
  }

  json accepted(const std::string& path, const std::string& pointer) {
    std::vector<Diagnostic> wrong;
    json value = vocabulary_.accept(path, at(pointer), wrong);
    for (Diagnostic& d : wrong) findings_.add(d.file.empty() ? file_.at(pointer, d.message, d.help) : std::move(d));
    return value;
  }

  std::vector<json> accepted_array(const std::string& path, const std::string& pointer) {
    const json& array = at(pointer);
    std::vector<json> values;
    if (!array.is_array() || array.empty()) {
      fail(pointer, fmt::format("{} must be an array of values, not {}", path, array.dump()),
           "ranges belong to random and latin");
      return {nullptr};
    }
    for (std::size_t i = 0; i < array.size(); ++i) {
      values.push_back(accepted(path, pointer_to(pointer, std::to_string(i))));
    }
    return values;
  }

  std::optional<Range> range_of(const std::string& path, const std::string& pointer) {
    Range range;
    if (at(pointer).is_array()) {
      range.choices = accepted_array(path, pointer);
      return range;
    }
    const ValueKind kind = *vocabulary_.kind_of(path);
    const bool complete = at(pointer).is_object() && at(pointer).contains("from") && at(pointer).contains("to");
    if (!complete || kind == ValueKind::other) {
      fail(pointer,
           fmt::format("{} must be {}", path,
                       kind == ValueKind::other ? "an array of choices: it is no number"
                                                : "an array of choices, or a range with from and to"),
           "for example {\"from\": 1, \"to\": 64, \"scale\": \"log\"}");
      return std::nullopt;
    }
    for (const std::string& key : keys_in_order(file_, pointer)) {
      if (key != "from" && key != "to" && key != "scale") {
        findings_.add(file_.at_key(pointer_to(pointer, key), fmt::format("unknown key \"{}\"", key),
                                   suggestion(key, {"from", "to", "scale"})));
      }
    }
    const json from = accepted(path, pointer_to(pointer, "from")), to = accepted(path, pointer_to(pointer, "to"));
    if (!from.is_number() || !to.is_number()) return std::nullopt;  // found wrong already, or null
    const json scale = at(pointer).value("scale", json("linear"));
    if (scale != "linear" && scale != "log") {
      fail(pointer_to(pointer, "scale"), fmt::format("\"scale\" is {}, expected linear or log", scale.dump()));
      return std::nullopt;
    }
    range = {{}, from.get<double>(), to.get<double>(), scale == "log", kind == ValueKind::integer};
    if (range.from >= range.to) fail(pointer, fmt::format("{} must run from a lower to a higher value", path));
    if (range.log && range.from <= 0) fail(pointer_to(pointer, "from"), "a logarithmic range must begin above 0");
    return range.from < range.to && (!range.log || range.from > 0) ? std::optional<Range>(range) : std::nullopt;
  }

  std::int64_t whole_number(const std::string& pointer, const char* key, std::int64_t low, std::int64_t high,
                            std::optional<std::int64_t> fallback) {
    const std::string place = pointer_to(pointer, key);
    if (!at(pointer).contains(key)) {
      if (!fallback) fail(pointer, fmt::format("\"{}\" is missing", key), "say how many points to draw");
      return fallback.value_or(low);
    }
    const json& value = at(place);
    if (value.is_number_integer() && value >= low && value <= high) return value.get<std::int64_t>();
    fail(place, fmt::format("\"{}\" is {}, expected an integer from {} to {}", key, value.dump(), low, high));
    return low;
  }

  const JsonFile& file_;
  const Vocabulary& vocabulary_;
  JsonFindings& findings_;
  Design& design_;
};

Design::Design(const JsonFile& file, const std::string& pointer, const Vocabulary& vocabulary, JsonFindings& findings) {
  DesignReader(file, vocabulary, findings, *this).read(pointer);
  if (size() > kMaxPoints) {
    findings.add(file.at(pointer, fmt::format("the designs have more than {} points", kMaxPoints),
                         "draw some of them with random or latin, or split the sweep"));
  }
}

std::int64_t Design::size() const {
  std::int64_t product = 1;
  for (const Factor& f : factors_) {
    if (product > kMaxPoints) break;  // beyond it only the fact counts
    product *= f.rows();
  }
  return product;
}

Json Design::values(std::int64_t index) const {
  std::vector<std::int64_t> rows(factors_.size());
  for (std::size_t f = factors_.size(); f-- > 0;) {
    rows[f] = index % factors_[f].rows();
    index /= factors_[f].rows();
  }
  Json values = Json::object();
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    for (const Column& c : factors_[f].columns) values[c.path] = c.values[static_cast<std::size_t>(rows[f])];
  }
  return values;
}

}  // namespace kvplan
