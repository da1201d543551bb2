// SPDX-License-Identifier: Apache-2.0
#include "ops/indexing.h"
#include "ops/prepare.h"

namespace ht {

Status prepare(const Cumulative& op, PrepareContext& context) {
  const Layout layout = context.preferred_layout();
  HT_ASSIGN(const TypedInput input, typed_input(context, 0, layout));
  HT_ASSIGN(const BufferId output, typed_output(context, layout));
  const AxisSplit split = split_at(context.input_value(0).type.shape, layout, static_cast<size_t>(op.axis));
  ht_cumulative_params params{};
  params.product = op.kind == CumulativeKind::kProd ? 1 : 0;
  params.type = input.type;
  params.outer = split.outer;
  params.n = split.n;
  params.inner = split.inner;
  params.exclusive = op.exclusive ? 1 : 0;
  params.reverse = op.reverse ? 1 : 0;
  context.add(KernelId::k_cumulative, params, {}, {input.buffer}, output);
  return {};
}

}  // namespace ht
