// SPDX-License-Identifier: Apache-2.0
#include "ops/prepare.h"

namespace ht {

Status prepare(const Normalize& op, PrepareContext& context) {
  const Shape shape = context.input_value(0).type.shape;
  const int64_t n = element_count({shape.begin() + op.axis, shape.end()});
  const BufferId input = context.float_input(0, Layout::kPlain);
  HT_ASSIGN(const BufferId output, context.float_output(Layout::kPlain));
  ht_normalize_f32_params params{};
  params.rows = n == 0 ? 0 : static_cast<int32_t>(element_count(shape) / n);
  params.n = static_cast<int32_t>(n);
  params.subtract_mean = op.subtract_mean ? 1 : 0;
  params.epsilon = op.epsilon;
  context.add(KernelId::k_normalize_f32, params, {}, {input}, output);
  return {};
}

}  // namespace ht
