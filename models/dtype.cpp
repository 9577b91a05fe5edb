#include <fmt/format.h>

#include <array>

#include "base/error.hpp"
#include "models/architecture.hpp"

namespace kvplan {
namespace {

struct DtypeRow {
  Dtype dtype;
  std::string_view name;
  double bytes;
};

constexpr std::array<DtypeRow, 5> kDtypes = {{
    {Dtype::fp32, "fp32", 4},
    {Dtype::bf16, "bf16", 2},
    {Dtype::fp16, "fp16", 2},
    {Dtype::fp8, "fp8", 1},
    {Dtype::int4, "int4", 0.5},
}};

const DtypeRow& row_of(Dtype dtype) {
  for (const DtypeRow& r : kDtypes) {
    if (r.dtype == dtype) return r;
  }
  assertion_failed("dtype is in the table", __FILE__, __LINE__);
}

}  // namespace

Dtype dtype_from_name(std::string_view name) {
  std::vector<std::string> names;
  for (const DtypeRow& r : kDtypes) {
    if (r.name == name) return r.dtype;
    names.emplace_back(r.name);
  }
  throw UsageError(fmt::format("unknown dtype \"{}\"", name), suggestion(name, names));
}

std::string_view name_of(Dtype dtype) { return row_of(dtype).name; }
double bytes_per_element(Dtype dtype) { return row_of(dtype).bytes; }
Dtype unquantised(Dtype dtype) { return bytes_per_element(dtype) < 2 ? Dtype::bf16 : dtype; }

}  // namespace kvplan
