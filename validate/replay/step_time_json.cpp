#include "validate/replay/step_time_json.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;

Json pieces(const PiecewiseLinear& line) {
  Json out = Json::array();
  for (const PiecewiseLinear::Piece& p : line.pieces()) out.push_back({p.from, p.start_ps, p.slope_ps});
  return out;
}

PiecewiseLinear line_of(const Json& j) {
  std::vector<PiecewiseLinear::Piece> out;
  for (const Json& p : j) out.push_back({p.at(0), p.at(1), p.at(2)});
  return PiecewiseLinear(std::move(out));
}

Json to_json(const StepTime& t) {
  return {{"base_ps", pieces(t.base)}, {"head_ps", pieces(t.head)}, {"context_ps", t.context_ps},
          {"pair_ps", t.pair_ps},      {"key_queries", t.key_queries}, {"layers", t.layers},
          {"provenance", t.provenance}};
}

StepTime step_time_of(const Json& j) {
  StepTime t;
  t.base = line_of(j.at("base_ps"));
  t.head = line_of(j.at("head_ps"));
  t.context_ps = j.at("context_ps");
  t.pair_ps = j.at("pair_ps");
  t.key_queries = j.value("key_queries", std::int64_t{0});  // what was recorded without was priced without
  t.layers = j.at("layers");
  t.provenance = j.at("provenance");
  return t;
}

}  // namespace

Json step_times_json(const StepTimes& times) {
  Json out = Json::array();
  for (const StepTime& t : times) out.push_back(to_json(t));
  return out;
}

StepTimes step_times_from(const Json& j) {
  StepTimes times;
  for (std::size_t i = 0; i < times.size(); ++i) times[i] = step_time_of(j.at(i));
  return times;
}

}  // namespace kvplan
