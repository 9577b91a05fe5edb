#include "models/operators/calibration.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "kvplan.calibration/1";
constexpr double kHuge = 1e30;
constexpr std::array<Operator, kOperators> kAll = {Operator::gemm, Operator::prefill_attention,
                                                   Operator::decode_attention, Operator::all_reduce};

std::vector<std::string> operator_names() {
  std::vector<std::string> names;
  for (const Operator op : kAll) names.emplace_back(form_of(op).name);
  return names;
}

Operator operator_named(const std::string& name) {
  for (const Operator op : kAll) {
    if (form_of(op).name == name) return op;
  }
  return Operator::gemm;  // the reader has told
}

Coefficient read_coefficient(JsonReader& r, double least) {
  Coefficient c;
  c.value = r.number("value", least, kHuge);
  c.low = r.number("low", least, kHuge);
  c.high = r.number("high", least, kHuge);
  return c;
}

// As many as the form has, in its order: a name in another place means another version of the form.
std::vector<Coefficient> read_named(JsonReader& owner, const char* key, const std::vector<std::string>& names,
                                    double least, bool may_be_empty = false) {
  std::vector<Coefficient> all;
  std::vector<JsonReader> rows = owner.objects(key, true);
  if (rows.empty() && may_be_empty) return all;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string name = rows[i].string("name");
    if (i < names.size() && name != names[i]) {
      rows[i].fail("name", fmt::format("\"{}\" stands where this version expects \"{}\"", name, names[i]),
                   "make the calibration again with this kvplan");
    }
    all.push_back(read_coefficient(rows[i], least));
    all.back().name = name;
    rows[i].no_other_keys();
  }
  if (rows.size() != names.size()) {
    owner.fail(key, fmt::format("{} entries, expected {}", rows.size(), names.size()),
               "make the calibration again with this kvplan");
    all.resize(names.size());
  }
  return all;
}

Regime read_regime(JsonReader& r) {
  Regime g;
  g.from = r.number("from", 0, kHuge);
  g.rows = r.integer("rows", 0, std::int64_t{1} << 40);
  g.shapes = r.integer("shapes", 0, std::int64_t{1} << 40);
  g.median_error = r.number("median_error", 0, kHuge);
  g.p90_error = r.number("p90_error", 0, kHuge);
  g.bias = r.number("bias", -1, kHuge);
  g.low_factor = r.number("low_factor", 1e-6, kHuge);
  g.high_factor = r.number("high_factor", 1e-6, kHuge);
  g.coverage = r.number("coverage", 0, 1);
  r.no_other_keys();
  return g;
}

void read_ranges(JsonReader& owner, OperatorFit& fit) {
  JsonReader ranges = owner.object("range", true);
  const Form& form = form_of(fit.op);
  for (std::size_t i = 0; i < form.axes.size(); ++i) {
    JsonReader axis = ranges.object(form.axes[i], true);
    fit.low[i] = axis.number("low", 0, kHuge);
    fit.high[i] = axis.number("high", fit.low[i], kHuge);
    axis.no_other_keys();
  }
  ranges.no_other_keys();
}

Peaks read_peaks(JsonReader& owner) {
  JsonReader r = owner.object("peaks", true);
  Peaks p;
  p.flops = r.number("flops", 1, kHuge);
  p.bytes_per_s = r.number("bytes_per_s", 1, kHuge);
  p.peer_bytes_per_s = r.number("peer_bytes_per_s", 0, kHuge);
  p.sms = r.number("sms", 1, 100000);
  p.element_bytes = r.number("element_bytes", 0.1, 16);
  r.no_other_keys();
  return p;
}

OperatorFit read_fit(JsonReader& r) {
  OperatorFit fit;
  fit.op = operator_named(r.one_of("operator", operator_names()));
  const Form& form = form_of(fit.op);
  fit.dtype = r.one_of("dtype", {"bf16", "fp8"}) == "fp8" ? Dtype::fp8 : Dtype::bf16;
  const std::int64_t version = r.integer("form_version", 1, 1000);
  if (version != form.version) {
    r.fail("form_version", fmt::format("form {} of {}, this kvplan reads {}", version, form.name, form.version),
           "make the calibration again");
  }
  fit.kernel = r.string("kernel");
  fit.source = r.string("source");
  fit.rows = r.integer("rows", 1, std::int64_t{1} << 40);
  fit.shapes = r.integer("shapes", 1, std::int64_t{1} << 40);
  fit.folds = r.integer("folds", 2, 1000);
  fit.peaks = read_peaks(r);
  read_ranges(r, fit);
  JsonReader overall = r.object("overall", true);
  fit.overall = read_regime(overall);
  for (JsonReader& regime : r.objects("regimes", true)) fit.regimes.push_back(read_regime(regime));
  if (fit.regimes.size() != form.regime_starts.size()) {
    r.fail("regimes", fmt::format("{} regimes, expected {}", fit.regimes.size(), form.regime_starts.size()));
  }
  fit.terms = read_named(r, "terms", form.term_names, 0);
  fit.coefficients = read_named(r, "coefficients", form.feature_names, -kHuge, true);  // none: the roofline alone
  r.no_other_keys();
  return fit;
}

HostFit read_host(JsonReader& root) {
  JsonReader r = root.object("host", true);
  HostFit host;
  const auto figure = [&](const char* key) {
    JsonReader f = r.object(key, true);
    Coefficient c = read_coefficient(f, 0);
    f.no_other_keys();
    c.name = key;
    return c;
  };
  host.elementwise_efficiency = figure("elementwise_efficiency");
  host.step_s = figure("step_s");
  host.sequence_s = figure("sequence_s");
  if (r.has("request_s")) host.request_s = figure("request_s");
  host.elementwise_source = r.string("elementwise_source", "");
  host.source = r.string("source");
  host.fitted = r.boolean("fitted");
  r.no_other_keys();
  return host;
}

std::vector<StackCheck> read_checks(JsonReader& root) {
  std::vector<StackCheck> checks;
  for (JsonReader& r : root.objects("checks")) {
    checks.push_back({r.string("what"), r.number("predicted_ns", 0, kHuge), r.number("low_ns", 0, kHuge),
                      r.number("high_ns", 0, kHuge), r.number("measured_ns", 0, kHuge)});
    r.no_other_keys();
  }
  return checks;
}

Calibration read(const JsonFile& file) {
  JsonFindings findings;
  JsonReader root(file, findings);
  Calibration c;
  root.one_of("schema", {kSchema});
  c.name = root.string("name");
  c.title = root.string("title");
  c.gpu = root.string("gpu");
  c.hardware = root.string("hardware");
  c.date = root.string("date");
  c.made_by = root.string("made_by");
  c.hbm_bytes_per_s = root.number("hbm_bytes_per_s", 1, kHuge);
  c.sources = root.strings("sources", true);
  c.warnings = root.strings("warnings", true);
  c.host = read_host(root);
  c.checks = read_checks(root);
  c.synthetic = root.boolean("synthetic", false);
  for (JsonReader& fit : root.objects("fits", true)) {
    c.fits.push_back(read_fit(fit));
    for (std::size_t i = 0; i + 1 < c.fits.size(); ++i) {
      if (c.fits[i].op == c.fits.back().op && c.fits[i].dtype == c.fits.back().dtype)
        fit.fail("operator", "this operator and dtype stand here twice");
    }
  }
  root.no_other_keys();
  findings.raise();
  return c;
}

// Seven digits are more than any fit knows.
double rounded(double x) { return std::strtod(fmt::format("{:.7g}", x).c_str(), nullptr); }

Json coefficient_json(const Coefficient& c, bool named) {
  Json j;
  if (named) j["name"] = c.name;
  j["value"] = rounded(c.value);
  j["low"] = rounded(c.low);
  j["high"] = rounded(c.high);
  return j;
}

Json coefficients_json(const std::vector<Coefficient>& all) {
  Json j = Json::array();
  for (const Coefficient& c : all) j.push_back(coefficient_json(c, true));
  return j;
}

Json regime_json(const Regime& g) {
  return {{"from", g.from},
          {"rows", g.rows},
          {"shapes", g.shapes},
          {"median_error", rounded(g.median_error)},
          {"p90_error", rounded(g.p90_error)},
          {"bias", rounded(g.bias)},
          {"low_factor", rounded(g.low_factor)},
          {"high_factor", rounded(g.high_factor)},
          {"coverage", rounded(g.coverage)}};
}

Json fit_json(const OperatorFit& fit) {
  const Form& form = form_of(fit.op);
  Json range;
  for (std::size_t i = 0; i < form.axes.size(); ++i) range[form.axes[i]] = {{"low", fit.low[i]}, {"high", fit.high[i]}};
  Json regimes = Json::array();
  for (const Regime& g : fit.regimes) regimes.push_back(regime_json(g));
  return {{"operator", form.name},
          {"dtype", name_of(fit.dtype)},
          {"form_version", form.version},
          {"kernel", fit.kernel},
          {"source", fit.source},
          {"rows", fit.rows},
          {"shapes", fit.shapes},
          {"folds", fit.folds},
          {"peaks",
           {{"flops", fit.peaks.flops},
            {"bytes_per_s", fit.peaks.bytes_per_s},
            {"peer_bytes_per_s", fit.peaks.peer_bytes_per_s},
            {"sms", fit.peaks.sms},
            {"element_bytes", fit.peaks.element_bytes}}},
          {"range", range},
          {"overall", regime_json(fit.overall)},
          {"regimes", regimes},
          {"terms", coefficients_json(fit.terms)},
          {"coefficients", coefficients_json(fit.coefficients)}};
}

Json checks_json(const std::vector<StackCheck>& checks) {
  Json all = Json::array();
  for (const StackCheck& c : checks) {
    all.push_back({{"what", c.what},
                   {"predicted_ns", rounded(c.predicted_ns)},
                   {"low_ns", rounded(c.low_ns)},
                   {"high_ns", rounded(c.high_ns)},
                   {"measured_ns", rounded(c.measured_ns)}});
  }
  return all;
}

// Objects without nested objects on one line each, so that a file of a thousand coefficients can be read.
void print(const Json& j, const std::string& indent, std::string& out) {
  const auto flat = [](const Json& x) {
    for (const auto& e : x) {
      if (e.is_structured()) return false;
    }
    return true;
  };
  if (!j.is_structured() || j.empty() || (j.is_object() && flat(j) && j.size() < 12)) {
    out += j.dump();
    return;
  }
  out += j.is_object() ? "{\n" : "[\n";
  const std::string inner = indent + "  ";
  bool first = true;
  for (const auto& item : j.items()) {
    if (!first) out += ",\n";
    first = false;
    out += inner;
    if (j.is_object()) out += Json(item.key()).dump() + ": ";
    print(item.value(), inner, out);
  }
  out += "\n" + indent + (j.is_object() ? "}" : "]");
}

}  // namespace

const OperatorFit* Calibration::find(Operator op, Dtype dtype) const {
  for (const OperatorFit& f : fits) {
    if (f.op == op && f.dtype == dtype) return &f;
  }
  return nullptr;
}

Calibration read_calibration(const std::string& path) { return read(JsonFile::load(path)); }
Calibration parse_calibration(const std::string& text, const std::string& name) {
  return read(JsonFile::parse(text, name));
}

std::string to_json(const Calibration& c) {
  Json fits = Json::array();
  for (const OperatorFit& f : c.fits) fits.push_back(fit_json(f));
  Json document = {{"schema", kSchema},
                         {"name", c.name},
                         {"title", c.title},
                         {"gpu", c.gpu},
                         {"hardware", c.hardware},
                         {"date", c.date},
                         {"made_by", c.made_by},
                         {"hbm_bytes_per_s", c.hbm_bytes_per_s},
                         {"sources", c.sources},
                         {"warnings", c.warnings},
                         {"host",
                          {{"elementwise_efficiency", coefficient_json(c.host.elementwise_efficiency, false)},
                           {"step_s", coefficient_json(c.host.step_s, false)},
                           {"sequence_s", coefficient_json(c.host.sequence_s, false)},
                           {"request_s", coefficient_json(c.host.request_s, false)},
                           {"elementwise_source", c.host.elementwise_source},
                           {"source", c.host.source},
                           {"fitted", c.host.fitted}}},
                         {"fits", fits}};
  if (!c.checks.empty()) document["checks"] = checks_json(c.checks);
  if (c.synthetic) document["synthetic"] = true;
  std::string text;
  print(document, "", text);
  return text + "\n";
}

}  // namespace kvplan
