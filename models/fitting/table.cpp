#include "models/fitting/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "base/file.hpp"
#include "base/sha256.hpp"
#include "models/fitting/readers.hpp"
#include "validate/gpu_run/read.hpp"

namespace kvplan {
namespace {

constexpr std::size_t kMaxFindings = 20;  // a wrong column is wrong on every row

struct Unit {
  const char* column;
  double ns;
};
constexpr std::array<Unit, 4> kUnits = {{{"latency", 1e6}, {"latency_ms", 1e6}, {"latency_us", 1e3}, {"latency_ns", 1}}};

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  for (std::size_t from = 0;;) {
    const std::size_t comma = line.find(',', from);
    cells.push_back(line.substr(from, comma - from));
    if (comma == std::string_view::npos) return cells;
    from = comma + 1;
  }
}

// One file: its header, then its rows.
class Table {
 public:
  Table(const std::string& path, const std::string& text, OperatorTables& into, std::vector<Diagnostic>& findings)
      : path_(path), into_(into), findings_(findings), text_(text) {}

  void read();

 private:
  void read_header(std::string_view line);
  void find_operator();
  void read_row(std::string_view line);
  // Why a row belongs to no set; "" when it does.
  std::string unused(const std::vector<std::string_view>& cells) const;
  Shape shape_of(const std::vector<std::string_view>& cells);

  bool has(const char* column) const { return columns_.count(column) > 0; }
  std::string cell(const std::vector<std::string_view>& cells, const char* column) const {
    const auto at = columns_.find(column);
    return at == columns_.end() ? "" : std::string(cells[at->second]);
  }
  double number(const std::vector<std::string_view>& cells, const char* column, double least);
  void fail(std::int64_t column, std::string message, std::string help = "") {
    if (findings_.size() < kMaxFindings) findings_.push_back({path_, line_, column, std::move(message), std::move(help)});
    failed_ = true;
  }

  const std::string& path_;
  OperatorTables& into_;
  std::vector<Diagnostic>& findings_;
  std::string_view text_;
  std::map<std::string, std::size_t, std::less<>> columns_;
  Unit unit_{};
  Operator op_ = Operator::gemm;
  std::string dtype_column_;
  std::int64_t line_ = 1;
  bool failed_ = false;
};

void Table::read() {
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line_ == 1) {
      read_header(line);
      if (failed_) return;
    } else if (!line.empty() && line != "\r") {
      read_row(line);
    }
    ++line_;
  }
}

void Table::read_header(std::string_view line) {
  const auto cells = cells_of(line);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!columns_.emplace(std::string(cells[i]), i).second) fail(0, fmt::format("column \"{}\" stands here twice", cells[i]));
  }
  std::vector<std::string> found;
  for (const Unit& u : kUnits) {
    if (!has(u.column)) continue;
    found.push_back(u.column);
    unit_ = u;
  }
  if (found.empty()) fail(0, "no column of times", "name it latency_ns, latency_us or latency_ms (latency: ms)");
  if (found.size() > 1) fail(0, fmt::format("times in several units: {}", fmt::join(found, ", ")), "keep one of them");
  find_operator();
  const std::string stem = std::filesystem::path(path_).filename().string();
  for (const char* known : {"a100", "h100", "h200", "gh200", "b200", "gb200"}) {
    if (!has("system") && !has("device") && stem.rfind(std::string(known) + "_", 0) == 0) into_.note_device(known, path_, line_);
  }
}

void Table::find_operator() {
  const std::vector<std::pair<Operator, std::vector<const char*>>> needs = {
      {Operator::gemm, {"m", "n", "k", "gemm_dtype"}},
      {Operator::prefill_attention,
       {"isl", "batch_size", "num_heads", "num_key_value_heads", "head_dim", "kv_cache_dtype"}},
      {Operator::decode_attention,
       {"step", "batch_size", "num_heads", "num_key_value_heads", "head_dim", "kv_cache_dtype"}},
      {Operator::all_reduce, {"message_size", "num_gpus"}}};
  // The first column of each is its own.
  const auto row = std::find_if(needs.begin(), needs.end(), [&](const auto& n) { return has(n.second.front()); });
  if (row == needs.end()) {
    fail(0, "no operator table that kvplan knows: none of the columns m, isl, step, message_size",
         "docs/calibration.md lists the columns of each operator");
    return;
  }
  op_ = row->first;
  for (const char* column : row->second) {
    if (!has(column)) {
      std::vector<std::string> known;
      for (const auto& c : columns_) known.push_back(c.first);
      const std::string near = nearest(column, known);
      fail(0, fmt::format("no column \"{}\", which a table of {} needs", column, form_of(op_).name),
           near.empty() ? "" : fmt::format("is \"{}\" meant?", near));
    }
  }
  dtype_column_ = op_ == Operator::gemm ? "gemm_dtype" : op_ == Operator::all_reduce ? "" : "kv_cache_dtype";
}

double Table::number(const std::vector<std::string_view>& cells, const char* column, double least) {
  const std::size_t at = columns_.find(column)->second;
  const std::string_view text = cells[at];
  double x = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (error != std::errc() || end != text.data() + text.size() || !(x >= least && x <= 1e15)) {
    fail(text.data() - cells[0].data() + 1,
         fmt::format("{} is \"{}\", expected a number from {}", column, text, least));
    return least;
  }
  return x;
}

std::string Table::unused(const std::vector<std::string_view>& cells) const {
  const std::string window = cell(cells, "window_size");
  if (!window.empty() && window != "0") return "sliding windows";
  const std::string collective = cell(cells, "op_name");
  if (!collective.empty() && collective != "all_reduce") return "collectives other than all-reduce";
  const std::string type = cell(cells, "nccl_dtype");
  if (!type.empty() && type != "half" && type != "bfloat16") return "all-reduce of other types than 16-bit";
  return "";
}

Shape Table::shape_of(const std::vector<std::string_view>& cells) {
  const auto n = [&](const char* column) { return number(cells, column, 1); };
  switch (op_) {
    case Operator::gemm:
      return {n("m"), n("n"), n("k")};
    case Operator::prefill_attention:
      return {n("batch_size"), n("isl"), n("num_heads"), n("num_key_value_heads"), n("head_dim")};
    case Operator::decode_attention:
      return {n("batch_size"), number(cells, "step", 0) + 1, n("num_heads"), n("num_key_value_heads"), n("head_dim")};
    case Operator::all_reduce:
      break;
  }
  return {2 * n("message_size"), n("num_gpus")};
}

void Table::read_row(std::string_view line) {
  const auto cells = cells_of(line);
  if (cells.size() != columns_.size()) {
    fail(1, fmt::format("{} cells, the header has {}", cells.size(), columns_.size()));
    return;
  }
  for (const char* column : {"system", "device"}) {
    if (has(column)) into_.note_device(cell(cells, column), path_, line_);
  }
  std::string why = unused(cells);
  const std::string type = dtype_column_.empty() ? "bfloat16" : cell(cells, dtype_column_.c_str());
  if (why.empty() && type != "bfloat16" && type != "bf16" && type != "fp8") why = "dtype " + type;
  if (!why.empty()) {
    ++into_.left_out[fmt::format("{}: {}", form_of(op_).name, why)];
    return;
  }
  const Shape shape = shape_of(cells);
  const double ns = number(cells, unit_.column, 1e-9) * unit_.ns;
  std::string kernel = cell(cells, "kernel_source");
  if (kernel.empty()) kernel = cell(cells, "backend");
  if (kernel.empty()) kernel = has("op_name") ? "nccl" : "unnamed";
  into_.add(op_, type == "fp8" ? Dtype::fp8 : Dtype::bf16, kernel, path_, {shape, ns, line_, 0});
}

}  // namespace

void OperatorTables::add(Operator op, Dtype dtype, const std::string& kernel, const std::string& file, Measured row) {
  auto set = std::find_if(sets.begin(), sets.end(), [&](const MeasuredSet& s) {
    return s.op == op && s.dtype == dtype && s.kernel == kernel;
  });
  if (set == sets.end()) set = sets.insert(sets.end(), {op, dtype, kernel, {}, {}});
  if (set->files.empty() || set->files.back() != file) set->files.push_back(file);
  row.file = set->files.size() - 1;
  set->rows.push_back(row);
}

void OperatorTables::note_device(const std::string& name, const std::string& file, std::int64_t line) {
  const std::string found = gpu_kind(name);
  if (device.empty()) device = found, device_file = file;
  if (device != found) {
    throw InputError(Diagnostic{file, line, 0, fmt::format("times of {} beside times of {}", found, device),
                                "calibrate one kind of GPU at a time"});
  }
}

void read_operator_csv(const std::string& path, const std::string& text, OperatorTables& into,
                       std::vector<Diagnostic>& findings) {
  Table(path, text, into, findings).read();
}

OperatorTables read_operator_tables(const std::vector<std::string>& paths, const RunUse& use) {
  OperatorTables tables;
  std::vector<Diagnostic> findings;
  for (const std::string& path : paths) {
    const std::string text = read_text_file(path);
    tables.sha256[std::filesystem::path(path).filename().string()] = sha256_hex(text);
    if (text.find_first_not_of(" \t\r\n") != std::string::npos && text[text.find_first_not_of(" \t\r\n")] == '{') {
      add_gpu_run(parse_gpu_run(text, path), path, use, tables);
    } else {
      read_operator_csv(path, text, tables, findings);
    }
  }
  if (!findings.empty()) throw InputError(std::move(findings));
  return tables;
}

}  // namespace kvplan
