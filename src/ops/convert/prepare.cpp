// SPDX-License-Identifier: Apache-2.0
#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {

Status prepare(const Convert&, PrepareContext& context) {
  const TensorType& type = context.output_value().type;
  const Layout layout = context.preferred_layout();
  if (!type.is_quantized()) {
    context.alias_output(context.float_input(0, layout), layout);
    return {};
  }
  if (!is_stored(type))
    return unsupported("conversion to {} cannot be computed at run time; activations have 8 or 16 bits, and no scales in blocks", dtype_name(type.dtype));
  HT_ASSIGN(const BufferId converted, context.integer_input_as(0, layout, type.dtype, stored_affine(type)));
  context.alias_output(converted, layout);
  return {};
}

}  // namespace ht
