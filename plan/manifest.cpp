#include "plan/manifest.hpp"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json_text.hpp"
#include "reports/write.hpp"

namespace kvplan {
namespace {

std::string text_of(const SweepPlan& plan) {
  std::string text =
      json_text(Json{{"schema", kSweepSchema}, {"tool", plan.tool}, {"inputs", plan.inputs}, {"base", plan.base}}, 2);
  text.resize(text.size() - 2);  // before the last brace: the points stand a line each
  text += ",\n  \"points\": [";
  for (const SweepPoint& p : plan.points) {
    const Json entry = {{"index", p.index}, {"id", p.id}, {"values", p.values}};
    text += (p.index == 0 ? "\n    " : ",\n    ") + json_text(entry);
  }
  return text + "\n  ]\n}\n";
}

[[noreturn]] void refuse(const std::string& file, std::string message, std::string help) {
  throw InputError(Diagnostic{file, 0, 0, std::move(message), std::move(help)});
}

std::string difference(const SweepPlan& ours, const SweepPlan& theirs) {
  if (ours.tool != theirs.tool) {
    return fmt::format("it was planned by {}, and this is {}", json_text(theirs.tool), json_text(ours.tool));
  }
  if (ours.inputs != theirs.inputs) return "the trace, hardware or model files have changed since";
  if (ours.base != theirs.base) return "the base scenario differs";
  if (ours.points.size() != theirs.points.size()) {
    return fmt::format("it has {} points, and this sweep has {}", theirs.points.size(), ours.points.size());
  }
  return "the values of its points differ";
}

Claim wait_for_manifest(const ResultFolder& folder) {
  for (;;) {
    if (std::optional<Claim> claim = folder.claim_manifest()) return std::move(*claim);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

void agree_on(const SweepPlan& plan, const ResultFolder& folder) {
  const std::string file = folder.manifest_path(), text = text_of(plan);
  const Claim alone = wait_for_manifest(folder);
  if (!std::filesystem::exists(file)) return write_file(file, text);
  if (read_text_file(file) == text) return;
  refuse(file, "this folder holds another sweep: " + difference(plan, read_plan(folder)),
         "choose another --out; or remove this file to plan anew, and finished points that both share are kept");
}

SweepPlan read_plan(const ResultFolder& folder) {
  const std::string file = folder.manifest_path();
  if (!std::filesystem::exists(file)) {
    refuse(file, "there is no sweep here", "`kvplan sweep SWEEP.json --out DIR` begins one");
  }
  try {
    const Json document = Json::parse(read_text_file(file));
    if (document.at("schema") != kSweepSchema) throw std::runtime_error("another schema");
    SweepPlan plan{document.at("tool"), document.at("inputs"), document.at("base"), {}};
    for (const Json& p : document.at("points")) {
      plan.points.push_back({p.at("index").get<std::int64_t>(), p.at("id").get<std::string>(), p.at("values"), "", 1});
    }
    return plan;
  } catch (const std::exception& e) {
    if (dynamic_cast<const Error*>(&e)) throw;
    refuse(file, fmt::format("is no plan of a sweep ({})", kSweepSchema),
           "remove it and run the sweep again: finished points are kept");
  }
}

}  // namespace kvplan
