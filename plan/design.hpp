// What a sweep varies. `vary` is one design or an array of them; the points are
// their product, in which the first varies slowest:
//
//   {"grid":   {PATH: [v, ...], ...}}                            every combination
//   {"list":   {PATH: [v, ...], ...}}                            row by row: the arrays are equally long
//   {"random": {PATH: R, ...}, "points": n, "seed": s}           n independent draws
//   {"latin":  {PATH: R, ...}, "points": n, "seed": s}           each range cut into n strata, one draw in each
//
// R is an array of choices or {"from": a, "to": b, "scale": "linear" | "log"},
// both ends included. Each path of each design has a random stream of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/json_file.hpp"

namespace kvplan {

using Json = nlohmann::ordered_json;

enum class ValueKind { integer, number, other };  // only the first two can be drawn from a range

// The paths that may vary and their values; supplied by whoever knows them.
struct Vocabulary {
  std::function<std::optional<ValueKind>(const std::string& path)> kind_of;  // nothing: there is no such path
  std::function<std::string(const std::string& path)> suggest;
  // The value in its normal form; what is wrong goes to `wrong`, without a file where the value itself is.
  std::function<nlohmann::json(const std::string& path, const nlohmann::json& value, std::vector<Diagnostic>& wrong)>
      accept;
};

class Design {
 public:
  static constexpr std::int64_t kMaxPoints = 200'000;

  // Reads the value that the JSON pointer names. Everything wrong goes to `findings`.
  Design(const JsonFile& file, const std::string& pointer, const Vocabulary&, JsonFindings& findings);

  std::int64_t size() const;  // points; at most kMaxPoints when there were no findings
  const std::vector<std::string>& paths() const { return paths_; }
  // {path: value} of one point, in the order of paths().
  Json values(std::int64_t index) const;

 private:
  friend class DesignReader;
  struct Column {
    std::string path;
    std::vector<nlohmann::json> values;
  };
  // Columns that vary together, row by row; all equally long.
  struct Factor {
    std::vector<Column> columns;
    std::int64_t rows() const { return static_cast<std::int64_t>(columns.front().values.size()); }
  };
  std::vector<Factor> factors_;
  std::vector<std::string> paths_;
};

}  // namespace kvplan
