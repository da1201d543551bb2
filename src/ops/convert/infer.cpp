// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/convert/convert.h"

namespace ht {

Result<Types> infer(const Convert& convert, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  HT_TRY(check_float(inputs));
  const Shape& shape = inputs[0].type->shape;
  if (convert.affine)
    HT_TRY(convert.affine->fits(convert.to, shape));
  else if (!is_float(convert.to))
    return input_error("makes integers of type {} and has no scale for them", dtype_name(convert.to));
  HT_ASSIGN(Types types, one_output(convert.to, shape));
  types[0].affine = convert.affine;
  return types;
}

QuantRule quant_rule(const Convert&) { return {}; }

}  // namespace ht
