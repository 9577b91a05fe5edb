#include "validate/replay/predictions.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/step_time_json.hpp"
#include "sim/simulation.hpp"
#include "validate/replay/links_json.hpp"
#include "validate/replay/step_time_json.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "kvplan.predictions/2";

Json to_json(const RunFigures& f) {
  Json out;
  for (const FigureInfo& i : kFigures) out[std::string(i.name)] = f.*i.member;
  return out;
}
RunFigures figures_from(const Json& j) {
  RunFigures f;
  constexpr double kMost = 1e12;  // of seconds, tokens a second, shares
  for (const FigureInfo& i : kFigures) {
    f.*i.member = j.at(std::string(i.name));
    if (!(f.*i.member >= 0 && f.*i.member <= kMost)) throw std::runtime_error(std::string(i.name) + " is out of range");
  }
  return f;
}

}  // namespace

SimulationConfig as_variant(const SimulationConfig& calibrated, const SimulationConfig& nominal, Variant variant) {
  SimulationConfig c = calibrated;
  if (variant == Variant::calibrated) return c;
  c.step_times.fill(calibrated.step_times[0]);
  c.links.busy.clear();
  if (!c.offload.enabled || variant == Variant::no_interference) return c;
  c.links = each_alone(variant == Variant::nominal_link ? nominal.links : calibrated.links);
  for (Route* r : {&c.links.load.front(), &c.links.store.front()}) {
    if (variant != Variant::per_copy_only) r->segment_ps = 0, r->submission_ps.clear();
    if (variant == Variant::constant_32_gb_s) c.links.limits[r->uses.front().limit].bytes_per_s = 32'000'000'000;
  }
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
    if (calibrated[i].offload.enabled) p.links = each_alone(calibrated[i].links);
    out.push_back(std::move(p));
  }
  return out;
}

std::string to_json_text(const Predictions& p) {
  Json j{{"schema", kSchema},      {"plan_sha256", p.plan_sha256}, {"calibration", p.calibration},
         {"hardware", p.hardware}, {"gpu_uuid", p.gpu_uuid},       {"step_overhead_ps", p.step_overhead_ps}};
  j["step_times"] = step_times_json(p.step_times);
  j["policies"] = Json::array();
  for (const PolicyPrediction& q : p.policies) {
    Json figures;
    for (const auto& [variant, f] : q.figures) figures[variant] = to_json(f);
    j["policies"].push_back({{"policy", q.policy}, {"figures", figures}});
    if (!q.links.load.empty()) j["policies"].back()["links"] = links_json(q.links);
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
    p.step_overhead_ps = integer_within(j.at("step_overhead_ps"), -kMostStepPs, kMostStepPs, "step_overhead_ps");
    p.step_times = step_times_from(j.at("step_times"));
    for (const Json& q : j.at("policies")) {
      PolicyPrediction& policy = p.policies.emplace_back();
      policy.policy = q.at("policy");
      for (const auto& [variant, f] : q.at("figures").items()) policy.figures[variant] = figures_from(f);
      if (q.contains("links")) policy.links = links_from(q.at("links"));
    }
    return p;
  } catch (const std::exception& e) {
    throw std::runtime_error(name + " is not a file of predictions: " + e.what());
  }
}

}  // namespace kvplan
