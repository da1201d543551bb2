// SPDX-License-Identifier: Apache-2.0
#include "ops/indexing.h"
#include "ops/prepare.h"

namespace ht {

Status prepare(const ScatterElements& scatter, PrepareContext& context) {
  const Shape& data = context.input_value(0).type.shape;
  const Shape& indices = context.input_value(1).type.shape;
  return prepare_put(grid_of_elements(data, indices, scatter.axis), scatter.reduction, context);
}

}  // namespace ht
