// SPDX-License-Identifier: Apache-2.0
#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {

Status prepare(const Cast& op, PrepareContext& context) {
  const Layout layout = context.preferred_layout();
  const auto to = kernel_type(op.to);
  if (!to) return unsupported("a cast to {} cannot be computed at run time", dtype_name(op.to));
  HT_ASSIGN(const TypedInput input, typed_input(context, 0, layout));
  HT_ASSIGN(const BufferId output, typed_output(context, layout));
  const auto count = static_cast<int32_t>(element_count(context.output_value().type.shape));
  context.add(KernelId::k_cast, ht_cast_params{input.type, *to, count}, {}, {input.buffer}, output);
  return {};
}

}  // namespace ht
