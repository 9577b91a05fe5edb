#include "validate/gpu_run/read.hpp"

#include <cmath>

#include "base/json_file.hpp"
#include "validate/gpu_run/names.hpp"

namespace kvplan {
namespace {

constexpr double kMost = 1e18;

RunValues values_at(const JsonFile& file, const std::string& pointer, JsonFindings& findings) {
  RunValues out;
  const nlohmann::json::json_pointer at(pointer);
  if (!file.root().contains(at) || !file.root().at(at).is_object()) {
    findings.add(file.at(pointer, "expected an object of numbers and texts"));
    return out;
  }
  for (const auto& [key, value] : file.root().at(at).items()) {
    if (value.is_boolean()) {
      out[key] = value.get<bool>();
    } else if (value.is_number_integer()) {
      out[key] = value.get<std::int64_t>();
    } else if (value.is_number()) {
      out[key] = value.get<double>();
    } else if (value.is_string()) {
      out[key] = value.get<std::string>();
    } else {
      findings.add(file.at(pointer_to(pointer, key), "expected a number, a text, true or false"));
    }
  }
  return out;
}

std::vector<double> samples_at(const JsonFile& file, const std::string& pointer, JsonFindings& findings) {
  std::vector<double> out;
  const nlohmann::json::json_pointer at(pointer);
  if (!file.root().contains(at) || !file.root().at(at).is_array()) return out;
  for (std::size_t i = 0; i < file.root().at(at).size(); ++i) {
    const nlohmann::json& value = file.root().at(at)[i];
    if (value.is_number() && value.get<double>() > 0) {
      out.push_back(value.get<double>());
    } else {
      findings.add(file.at(pointer + "/" + std::to_string(i), "expected a time in nanoseconds, more than 0"));
    }
  }
  return out;
}

// null where nothing needs a reason
std::string reason_in(const nlohmann::json& object) {
  const auto at = object.find("reason");
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

PointStatus status_named(const std::string& name) {
  for (const auto& [value, text] : kPointStatusNames) {
    if (text == name) return value;
  }
  return PointStatus::failed;
}

void check_point(const RunPoint& p, JsonReader& reader) {
  const bool should = p.status == PointStatus::ok || p.status == PointStatus::suspect;
  if (should != p.measured()) {
    reader.fail("samples_ns",
                should ? "a point that is ok or suspect has samples" : "a waived or failed point has none");
  }
  if (should && p.verify == "wrong") reader.fail("verify", "a point whose bytes are wrong has no time");
  if (p.status != PointStatus::ok && p.reason.empty()) reader.fail("reason", "a point that is not ok says why");
  if (!p.measured()) return;
  const double written = reader.number("median_ns", 0, kMost, 0);
  const double median = p.summary().median;
  if (std::abs(written - median) > 1e-6 * median) {
    reader.fail("median_ns", "is not the median of samples_ns, which is " + std::to_string(median),
                "the file was changed after it was measured");
  }
}

RunPoint read_point(const JsonFile& file, JsonReader reader, std::size_t index, JsonFindings& findings) {
  const std::string pointer = "/points/" + std::to_string(index);
  RunPoint p;
  p.experiment = reader.string("exp");
  p.status = status_named(reader.one_of("status", {"ok", "suspect", "waived", "failed"}));
  const nlohmann::json& raw = file.root()["points"][index];
  p.reason = reason_in(raw);
  p.params = values_at(file, pointer + "/params", findings);
  p.bytes = reader.integer("bytes", 0, std::int64_t{1} << 60, 0);
  p.flops = reader.number("flops", 0, 1e30, 0);
  p.samples_ns = samples_at(file, pointer + "/samples_ns", findings);
  p.submit_ns = reader.number("submit_ns", 0, kMost, 0);
  p.verify = reader.one_of("verify", {"ok", "wrong", "none"}, "none");
  p.throttle = reader.object("clock").string("throttle", "unknown");
  if (raw.contains("clock") && raw["clock"].is_object()) {
    const std::vector<double> mhz = [&] {
      std::vector<double> out;
      for (const auto& v : raw["clock"].value("sm_mhz", nlohmann::json::array())) {
        if (v.is_number()) out.push_back(v.get<double>());
      }
      return out;
    }();
    if (mhz.size() == 2) {
      p.sm_mhz_before = static_cast<std::int64_t>(mhz[0]);
      p.sm_mhz_after = static_cast<std::int64_t>(mhz[1]);
    }
  }
  check_point(p, reader);
  return p;
}

GpuRun read(const JsonFile& file) {
  JsonFindings findings;
  JsonReader root(file, findings);
  const std::string schema = root.string("schema");
  if (schema != kGpuRunSchema) {
    root.fail("schema", "expected \"" + std::string(kGpuRunSchema) + "\"", "this file is not a run of kvplan-gpu");
    findings.raise();
  }
  GpuRun run;
  JsonReader info = root.object("run", true);
  run.id = info.string("id");
  run.utc = info.string("utc");
  run.version = info.string("version", "");
  run.arguments = info.strings("argv");
  run.seed = static_cast<std::uint64_t>(info.integer("seed", 0, INT64_MAX, 1));
  run.quick = info.boolean("quick", false);
  run.complete = info.boolean("complete");
  run.synthetic = info.boolean("synthetic", false);
  run.gpu = values_at(file, "/env/gpu", findings);
  run.host = values_at(file, "/env/host", findings);
  for (JsonReader& f : root.objects("findings")) {
    run.findings.push_back({f.string("code"), f.boolean("refuses", false), f.string("message", "")});
  }
  auto experiments = root.objects("experiments");
  for (std::size_t i = 0; i < experiments.size(); ++i) {
    JsonReader& e = experiments[i];
    run.experiments.push_back({e.string("id"), e.string("title", ""), e.string("status", ""),
                               reason_in(file.root()["experiments"][i]), e.number("budget_s", 0, 1e6, 0),
                               e.number("spent_s", 0, 1e6, 0)});
  }
  const auto points = root.objects("points", true);
  for (std::size_t i = 0; i < points.size(); ++i) run.points.push_back(read_point(file, points[i], i, findings));
  if (root.has("checks")) run.checks = values_at(file, "/checks", findings);
  findings.raise();
  return run;
}

}  // namespace

GpuRun parse_gpu_run(const std::string& text, const std::string& name) {
  GpuRun run = read(JsonFile::parse(text, name));
  run.path = name;
  return run;
}

GpuRun read_gpu_run(const std::string& path) {
  GpuRun run = read(JsonFile::load(path));
  run.path = path;
  return run;
}

}  // namespace kvplan
