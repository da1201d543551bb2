// SPDX-License-Identifier: Apache-2.0
#include "ops/indexing.h"
#include "ops/prepare.h"

namespace ht {

Status prepare(const ArgExtreme& op, PrepareContext& context) {
  const Layout layout = context.preferred_layout();
  HT_ASSIGN(const TypedInput input, typed_input(context, 0, layout));
  const AxisSplit split = split_at(context.input_value(0).type.shape, layout, static_cast<size_t>(op.axis));
  ht_argmax_params params{};
  params.type = input.type;
  params.outer = split.outer;
  params.n = split.n;
  params.inner = split.inner;
  params.smallest = op.smallest ? 1 : 0;
  params.last = op.last ? 1 : 0;
  context.add(KernelId::k_argmax, params, {}, {input.buffer}, context.output(layout));
  return {};
}

}  // namespace ht
