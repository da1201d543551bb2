// SPDX-License-Identifier: Apache-2.0
#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {

Status prepare(const Where&, PrepareContext& context) {
  const Layout layout = context.preferred_layout();
  const BufferId condition = context.raw_input(0, broadcast_layout(context, 0, layout));
  HT_ASSIGN(const TypedInput chosen, typed_input(context, 1, broadcast_layout(context, 1, layout)));
  HT_ASSIGN(const TypedInput otherwise, typed_input(context, 2, broadcast_layout(context, 2, layout)));
  HT_ASSIGN(const BufferId output, typed_output(context, layout));
  const Shape shape = context.output_value().type.shape;
  const Shape strides = layout_strides(shape, layout);
  const std::vector<BufferId> inputs{condition, chosen.buffer, otherwise.buffer};
  ht_select_params params{};
  params.element_bytes = static_cast<int32_t>(dtype_size(context.buffer(output).dtype));
  params.rank = 1;
  params.shape[0] = params.output_stride[0] = 1;
  const auto order = memory_order(shape.size(), layout);
  for (size_t p = 0; p < order.size(); ++p) {
    params.rank = static_cast<int32_t>(order.size());
    params.shape[p] = static_cast<int32_t>(shape[order[p]]);
    params.output_stride[p] = static_cast<int32_t>(strides[order[p]]);
    for (size_t i = 0; i < inputs.size(); ++i)
      params.stride[i][p] = static_cast<int32_t>(broadcast_strides(context.buffer(inputs[i]), shape.size())[order[p]]);
  }
  context.add(KernelId::k_select, params, {}, inputs, output);
  return {};
}

}  // namespace ht
