#include "models/operators/form.hpp"

#include "models/operators/forms.hpp"

namespace kvplan {

const Form& form_of(Operator op) {
  static const std::array<Form, kOperators> forms = {gemm_form(), prefill_form(), decode_form(), all_reduce_form()};
  return forms[static_cast<std::size_t>(op)];
}

}  // namespace kvplan
