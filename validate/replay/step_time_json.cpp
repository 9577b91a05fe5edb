#include "validate/replay/step_time_json.hpp"

#include "models/step_time_json.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;

Json pieces(const PiecewiseLinear& line) {
  Json out = Json::array();
  for (const PiecewiseLinear::Piece& p : line.pieces()) out.push_back({p.from, p.start_ps, p.slope_ps});
  return out;
}

Json to_json(const StepTime& t) {
  return {{"base_ps", pieces(t.base)}, {"head_ps", pieces(t.head)},    {"context_ps", t.context_ps},
          {"pair_ps", t.pair_ps},      {"key_queries", t.key_queries}, {"layers", t.layers},
          {"provenance", t.provenance}};
}

}  // namespace

Json step_times_json(const StepTimes& times) {
  Json out = Json::array();
  for (const StepTime& t : times) out.push_back(to_json(t));
  return out;
}

StepTimes step_times_from(const Json& j) {
  StepTimes times;
  for (std::size_t i = 0; i < times.size(); ++i) {
    times[i] = step_time_from(j.at(i), "base_ps", "head_ps");
    times[i].provenance = j.at(i).at("provenance");
  }
  return times;
}

}  // namespace kvplan
