// One file a form; form_of (form.cpp) lists them.
#pragma once

#include "models/operators/form.hpp"

namespace kvplan {

Form gemm_form();
Form prefill_form();
Form decode_form();
Form all_reduce_form();

}  // namespace kvplan
