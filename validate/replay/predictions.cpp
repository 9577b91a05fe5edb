#include "validate/replay/predictions.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "sim/simulation.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "kvplan.predictions/1";

// Every route a limit of its own: nothing is shared.
void give_own_links(NodeLinks& links, std::int64_t load_bytes_per_s, std::int64_t store_bytes_per_s, bool free_copies) {
  links.limits = {{"to device", load_bytes_per_s}, {"from device", store_bytes_per_s}};
  for (Route& r : links.load) r = {{{0, 1}}, free_copies ? 0 : r.segment_ps};
  for (Route& r : links.store) r = {{{1, 1}}, free_copies ? 0 : r.segment_ps};
}

std::int64_t rate_alone(const NodeLinks& links, const Route& route) {
  std::int64_t rate = Time::max().count;
  for (const LimitUse& use : route.uses) rate = std::min(rate, links.limits[use.limit].bytes_per_s / use.weight);
  return rate;
}

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
          {"pair_ps", t.pair_ps},      {"layers", t.layers},        {"provenance", t.provenance}};
}
StepTime step_time_of(const Json& j) {
  StepTime t;
  t.base = line_of(j.at("base_ps"));
  t.head = line_of(j.at("head_ps"));
  t.context_ps = j.at("context_ps");
  t.pair_ps = j.at("pair_ps");
  t.layers = j.at("layers");
  t.provenance = j.at("provenance");
  return t;
}
Json to_json(const RunFigures& f) {
  Json out;
  for (const FigureInfo& i : kFigures) out[std::string(i.name)] = f.*i.member;
  return out;
}
RunFigures figures_from(const Json& j) {
  RunFigures f;
  for (const FigureInfo& i : kFigures) f.*i.member = j.at(std::string(i.name));
  return f;
}

}  // namespace

SimulationConfig as_variant(const SimulationConfig& calibrated, const SimulationConfig& nominal, Variant variant) {
  SimulationConfig c = calibrated;
  if (variant == Variant::calibrated) return c;
  c.step_times.fill(calibrated.step_times[0]);
  if (!c.offload.enabled || variant == Variant::no_interference) return c;
  const NodeLinks& links = variant == Variant::nominal_link ? nominal.links : calibrated.links;
  const bool constant = variant == Variant::constant_32_gb_s;
  const std::int64_t load = constant ? 32'000'000'000 : rate_alone(links, links.load[0]);
  const std::int64_t store = constant ? 32'000'000'000 : rate_alone(links, links.store[0]);
  give_own_links(c.links, load, store, variant != Variant::per_copy_only);
  return c;
}

std::vector<PolicyPrediction> predict(const ReplayPlan& plan, const std::vector<SimulationConfig>& calibrated,
                                      const std::vector<SimulationConfig>& nominal) {
  std::vector<PolicyPrediction> out;
  for (std::size_t i = 0; i < plan.policies.size(); ++i) {
    PolicyPrediction p;
    p.policy = plan.policies[i].name;
    for (const auto& [variant, name] : kVariants) {
      p.figures[std::string(name)] =
          figures_of(plan.load, simulate(plan.load, as_variant(calibrated[i], nominal[i], variant)));
    }
    if (calibrated[i].offload.enabled) {
      const NodeLinks& links = calibrated[i].links;
      p.load.segment_ps = links.load[0].segment_ps;
      p.store.segment_ps = links.store[0].segment_ps;
      p.load_bytes_per_s = rate_alone(links, links.load[0]);
      p.store_bytes_per_s = rate_alone(links, links.store[0]);
    }
    out.push_back(std::move(p));
  }
  return out;
}

std::string to_json_text(const Predictions& p) {
  Json j{{"schema", kSchema},      {"plan_sha256", p.plan_sha256}, {"calibration", p.calibration},
         {"hardware", p.hardware}, {"gpu_uuid", p.gpu_uuid},       {"step_overhead_ps", p.step_overhead_ps}};
  for (const StepTime& t : p.step_times) j["step_times"].push_back(to_json(t));
  j["policies"] = Json::array();
  for (const PolicyPrediction& q : p.policies) {
    Json figures;
    for (const auto& [variant, f] : q.figures) figures[variant] = to_json(f);
    j["policies"].push_back({{"policy", q.policy},
                             {"figures", figures},
                             {"load", {{"segment_ps", q.load.segment_ps}, {"bytes_per_s", q.load_bytes_per_s}}},
                             {"store", {{"segment_ps", q.store.segment_ps}, {"bytes_per_s", q.store_bytes_per_s}}}});
  }
  return j.dump(1) + "\n";
}

Predictions parse_predictions(const std::string& text, const std::string& name) {
  try {
    const Json j = Json::parse(text);
    if (j.value("schema", "") != kSchema) throw std::runtime_error(std::string("expected schema ") + kSchema);
    Predictions p;
    p.plan_sha256 = j.at("plan_sha256");
    p.calibration = j.at("calibration");
    p.hardware = j.at("hardware");
    p.gpu_uuid = j.at("gpu_uuid");
    p.step_overhead_ps = j.at("step_overhead_ps");
    for (std::size_t i = 0; i < p.step_times.size(); ++i) p.step_times[i] = step_time_of(j.at("step_times").at(i));
    for (const Json& q : j.at("policies")) {
      PolicyPrediction& policy = p.policies.emplace_back();
      policy.policy = q.at("policy");
      for (const auto& [variant, f] : q.at("figures").items()) policy.figures[variant] = figures_from(f);
      policy.load.segment_ps = q.at("load").at("segment_ps");
      policy.load_bytes_per_s = q.at("load").at("bytes_per_s");
      policy.store.segment_ps = q.at("store").at("segment_ps");
      policy.store_bytes_per_s = q.at("store").at("bytes_per_s");
    }
    return p;
  } catch (const std::exception& e) {
    throw std::runtime_error(name + " is not a file of predictions: " + e.what());
  }
}

}  // namespace kvplan
