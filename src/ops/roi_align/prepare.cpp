// SPDX-License-Identifier: Apache-2.0
#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {

Status prepare(const RoiAlign& op, PrepareContext& context) {
  const Shape input = context.input_value(0).type.shape;
  const BufferId x = context.float_input(0, Layout::kChannelsLast), regions = context.float_input(1, Layout::kPlain);
  HT_ASSIGN(const TypedInput pictures, typed_input(context, 2, Layout::kPlain));
  HT_ASSIGN(const BufferId made, context.float_output(Layout::kChannelsLast));
  ht_roi_align_f32_params params{};
  params.index_type = pictures.type;
  params.maximum = op.maximum ? 1 : 0;
  params.half_pixel = op.half_pixel ? 1 : 0;
  params.samples = static_cast<int32_t>(op.samples);
  params.scale = op.scale;
  params.batch = static_cast<int32_t>(input[0]);
  params.channels = static_cast<int32_t>(input[1]);
  params.input_height = static_cast<int32_t>(input[2]);
  params.input_width = static_cast<int32_t>(input[3]);
  params.regions = static_cast<int32_t>(context.input_value(1).type.shape[0]);
  params.output_height = static_cast<int32_t>(op.height);
  params.output_width = static_cast<int32_t>(op.width);
  context.add(KernelId::k_roi_align_f32, params, {}, {x, regions, pictures.buffer}, made);
  return {};
}

}  // namespace ht
