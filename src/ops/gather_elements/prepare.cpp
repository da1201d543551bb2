// SPDX-License-Identifier: Apache-2.0
#include "ops/indexing.h"
#include "ops/prepare.h"

namespace ht {

Status prepare(const GatherElements& op, PrepareContext& context) {
  return prepare_take(grid_of_elements(context.input_value(0).type.shape, context.input_value(1).type.shape, op.axis), context);
}

}  // namespace ht
