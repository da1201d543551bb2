// SPDX-License-Identifier: Apache-2.0
#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {

Status prepare(const Softmax& op, PrepareContext& context) {
  const Layout layout = context.preferred_layout();
  const BufferId input = context.float_input(0, layout);
  const Shape shape = context.output_value().type.shape;
  HT_ASSIGN(const BufferId output, context.float_output(layout));
  const AxisSplit split = split_at(shape, layout, static_cast<size_t>(op.axis));
  ht_softmax_f32_params params{};
  params.outer = split.outer;
  params.n = split.n;
  params.inner = split.inner;
  params.logarithm = op.logarithm ? 1 : 0;
  context.add(KernelId::k_softmax_f32, params, {}, {input}, output);
  return {};
}

}  // namespace ht
