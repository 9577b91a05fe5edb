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

// fp4 is MXFP4: blocks of 32 share an 8-bit scale. int4 is AWQ and GPTQ: groups of 128 share a 16-bit scale and a
// 4-bit zero. Scales of fp8 are one a tensor or a 128 x 128 block, too few to count.
constexpr std::array<DtypeRow, 6> kDtypes = {{
    {Dtype::fp32, "fp32", 4},
    {Dtype::bf16, "bf16", 2},
    {Dtype::fp16, "fp16", 2},
    {Dtype::fp8, "fp8", 1},
    {Dtype::fp4, "fp4", (4 + 8.0 / 32) / 8},
    {Dtype::int4, "int4", (4 + 20.0 / 128) / 8},
}};

const DtypeRow& row_of(Dtype dtype) {
  for (const DtypeRow& r : kDtypes) {
    if (r.dtype == dtype) return r;
  }
  assertion_failed("dtype is in the table", __FILE__, __LINE__);
}

}  // namespace

Dtype dtype_from_name(std::string_view name) {
  for (const DtypeRow& r : kDtypes) {
    if (r.name == name) return r.dtype;
  }
  throw UsageError(fmt::format("unknown dtype \"{}\"", name), suggestion(name, dtype_names()));
}

std::vector<std::string> dtype_names() {
  std::vector<std::string> names;
  for (const DtypeRow& r : kDtypes) names.emplace_back(r.name);
  return names;
}

std::string_view name_of(Dtype dtype) { return row_of(dtype).name; }
double bytes_per_element(Dtype dtype) { return row_of(dtype).bytes; }
Dtype unquantised(Dtype dtype) { return bytes_per_element(dtype) < 2 ? Dtype::bf16 : dtype; }

}  // namespace kvplan
