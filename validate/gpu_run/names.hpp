// Words of the schema kvplan.gpu-run/1 that writer and reader share.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "validate/gpu_run/gpu_run.hpp"

namespace kvplan {

constexpr std::string_view kGpuRunSchema = "kvplan.gpu-run/1";

constexpr std::array<std::pair<PointStatus, std::string_view>, 4> kPointStatusNames{{
    {PointStatus::ok, "ok"},
    {PointStatus::suspect, "suspect"},
    {PointStatus::waived, "waived"},
    {PointStatus::failed, "failed"},
}};

inline std::string_view name_of(PointStatus status) {
  for (const auto& [value, name] : kPointStatusNames) {
    if (value == status) return name;
  }
  return "";
}

}  // namespace kvplan
