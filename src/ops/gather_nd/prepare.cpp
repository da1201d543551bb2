// SPDX-License-Identifier: Apache-2.0
#include "ops/indexing.h"
#include "ops/prepare.h"

namespace ht {

Status prepare(const GatherND& op, PrepareContext& context) {
  return prepare_take(grid_of_tuples(context.input_value(0).type.shape, context.input_value(1).type.shape, op.batch_dims), context);
}

}  // namespace ht
