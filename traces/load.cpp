#include "traces/load.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <sstream>

#include "base/file.hpp"
#include "traces/agent_sessions.hpp"
#include "traces/compile.hpp"
#include "traces/formats.hpp"
#include "traces/recognise.hpp"
#include "traces/weka_folder.hpp"

namespace kvplan {
namespace {

TraceRows read_as(const TraceFormat& format, TextSource& in, const LoadOptions& options) {
  TraceRows rows = format.read(in, options);
  rows.sha256 = in.sha256();
  if (!format.tried_on_real_files) {
    rows.note(fmt::format("{}: this reader was tested on the published format only, not on real files", format.title),
              static_cast<std::int64_t>(rows.rows.size()));
  }
  return rows;
}

TraceRows read_recognised(TextSource& in, const LoadOptions& options) {
  const Recognised recognised = recognise_trace(in.head());
  if (recognised.format.empty()) {
    throw InputError({in.name(), 0, 0, fmt::format("not a trace that can be read: this is {}", recognised.looks_like),
                      recognised.help});
  }
  return read_as(*trace_format(recognised.format), in, options);
}

std::unique_ptr<std::istream> stream_of(std::string text) {
  return std::make_unique<std::istringstream>(std::move(text));
}

std::string folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return path == "-" ? "" : folder.empty() ? "." : folder.string();
}

}  // namespace

std::vector<std::string> files_of_trace(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return {};
  std::vector<std::string> files = {path};
  const std::string table = near_duplicates_table(folder_of(path));
  if (std::filesystem::is_regular_file(table, ignored)) files.push_back(table);
  return files;
}

TraceRows rows_from_text(std::string text, const std::string& name, const LoadOptions& options) {
  TextSource in(stream_of(std::move(text)), name);
  return read_recognised(in, options);
}

TraceRows rows_in_format(const TraceFormat& format, std::string text, const std::string& name,
                         const LoadOptions& options) {
  TextSource in(stream_of(std::move(text)), name);
  return read_as(format, in, options);
}

TraceRows load_rows(const std::string& path, const LoadOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return read_weka_folder(path);
  TextSource in(open_text_file(path), path, folder_of(path));
  return read_recognised(in, options);
}

Workload load_workload(const std::string& path, const LoadOptions& options) {
  return compile_workload(load_rows(path, options), options);
}

}  // namespace kvplan
