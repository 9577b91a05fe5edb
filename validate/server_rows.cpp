#include "validate/server_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/file.hpp"
#include "traces/csv_lines.hpp"
#include "traces/values.hpp"

namespace kvplan {
namespace {

// What tools call the types of weights. Scales by block, by tensor or by channel are one type here.
constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"bfloat16", "bf16"}, {"float16", "fp16"}, {"half", "fp16"},    {"float32", "fp32"},   {"fp8_block", "fp8"},
    {"fp8_static", "fp8"}, {"fp8_e4m3", "fp8"}, {"float8", "fp8"},  {"nvfp4", "fp4"},      {"mxfp4", "fp4"},
    {"w4a16_mxfp4", "fp4"}, {"int4_wo", "int4"}, {"w4a16", "int4"}, {"awq", "int4"},       {"gptq", "int4"}};

class RowReader {
 public:
  RowReader(TextSource& in, TraceFindings& findings)
      : findings_(findings),
        csv_(in, findings,
             {"system", "backend", "backend_version", "model", "precision", "isl", "osl", "concurrency", "tp",
              "ttft_ms_mean", "tpot_ms_mean"}) {}

  bool next(ServerRow& row) {
    if (!csv_.next()) return false;
    row.line = csv_.line();
    row.system = text("system");
    row.backend = text("backend");
    row.version = text("backend_version");
    row.model = text("model");
    row.weights = dtype();
    row.isl = integer("isl", kMostLength);
    row.osl = integer("osl", kMostLength);
    row.concurrency = integer("concurrency", kMostClients);
    row.tp = integer("tp", 1024);
    row.ttft_s = milliseconds("ttft_ms_mean") / 1e3;
    row.tpot_s = milliseconds("tpot_ms_mean") / 1e3;
    return true;
  }

 private:
  const std::string& text(const char* column) const { return csv_.field(csv_.index(column)); }

  Dtype dtype() {
    const auto alias = std::find_if(std::begin(kAliases), std::end(kAliases),
                                    [&](const auto& a) { return text("precision") == a.first; });
    const std::string given = alias == std::end(kAliases) ? text("precision") : std::string(alias->second);
    for (const std::string& name : dtype_names()) {
      if (given == name) return dtype_from_name(name);
    }
    findings_.add(csv_.line(), 0, fmt::format("\"precision\" is \"{}\"", shortened(text("precision"))),
                  suggestion(text("precision"), dtype_names()));
    return Dtype::bf16;
  }

  std::int32_t integer(const char* column, std::int32_t high) {
    std::int32_t value = 0;
    if (!parse_whole(trimmed(text(column)), value) || value < 1 || value > high) {
      findings_.add(csv_.line(), 0, fmt::format("\"{}\" is \"{}\", expected an integer from 1 to {}", column,
                                                shortened(text(column)), high));
    }
    return value;
  }

  double milliseconds(const char* column) {
    double value = 0;
    if (!parse_whole(trimmed(text(column)), value) || !(value > 0 && value <= 1e7)) {
      findings_.add(csv_.line(), 0, fmt::format("\"{}\" is \"{}\", expected milliseconds above 0, up to 1e7", column,
                                                shortened(text(column))));
    }
    return value;
  }

  TraceFindings& findings_;
  CsvLines csv_;
};

}  // namespace

std::vector<ServerRow> read_server_rows(const std::string& path) {
  TextSource in(open_text_file(path), path);
  TraceFindings findings(path);
  RowReader reader(in, findings);
  findings.raise();
  std::vector<ServerRow> rows;
  std::map<std::string, std::int64_t> seen;
  for (ServerRow row; reader.next(row);) {
    const std::string point = fmt::format("{} {} {} {} {} {} {}", row.system, row.server(), name_of(row.weights),
                                          row.isl, row.osl, row.concurrency, row.tp);
    const auto [first, inserted] = seen.emplace(point, row.line);
    if (!inserted) {
      findings.add(row.line, 0, fmt::format("the same point stands in line {}", first->second),
                   "keep one of them, or their mean");
    }
    rows.push_back(row);
  }
  if (rows.empty() && findings.empty()) findings.add(0, 0, "the file has no rows");
  findings.raise();
  return rows;
}

}  // namespace kvplan
