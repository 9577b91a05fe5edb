#include "cli/calibrate_inputs.hpp"

#include "base/file.hpp"
#include "base/json_file.hpp"

namespace kvplan {
namespace {

enum class Kind { table, gpu_run, nvbandwidth, server };

// A table of operators has one column of times, one of servers TTFT; a JSON tells by its keys.
Kind kind_of(const std::string& path) {
  const std::string text = read_text_file(path);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || (text[first] != '{' && text[first] != '[')) {
    return text.substr(0, text.find('\n')).find("ttft") != std::string::npos ? Kind::server : Kind::table;
  }
  const JsonFile file = JsonFile::parse(text, path);
  if (file.root().contains("nvbandwidth")) return Kind::nvbandwidth;
  return file.root().contains("points") || file.root().contains("schema") ? Kind::gpu_run : Kind::server;
}

}  // namespace

CalibrateInputs sort_inputs(const std::vector<std::string>& paths) {
  CalibrateInputs in;
  for (const std::string& path : paths) {
    switch (kind_of(path)) {
      case Kind::gpu_run:
        in.gpu_runs.push_back(path);
        [[fallthrough]];
      case Kind::table:
        in.operators.push_back(path);
        break;
      case Kind::nvbandwidth:
        in.nvbandwidth.push_back(path);
        break;
      case Kind::server:
        in.servers.push_back(path);
        break;
    }
  }
  return in;
}

}  // namespace kvplan
