// SPDX-License-Identifier: Apache-2.0
#include "ops/prepare.h"

namespace ht {

Status prepare(const GridSample& op, PrepareContext& context) {
  const Shape input = context.input_value(0).type.shape, output = context.output_value().type.shape;
  const BufferId x = context.float_input(0, Layout::kChannelsLast), grid = context.float_input(1, Layout::kPlain);
  HT_ASSIGN(const BufferId made, context.float_output(Layout::kChannelsLast));
  ht_sample_f32_params params{};
  params.mode = op.mode == ResizeMode::kNearest  ? HT_SAMPLE_NEAREST
                : op.mode == ResizeMode::kLinear ? HT_SAMPLE_LINEAR
                                                 : HT_SAMPLE_CUBIC;
  params.padding = op.padding == GridPadding::kZeros    ? HT_SAMPLE_ZEROS
                   : op.padding == GridPadding::kBorder ? HT_SAMPLE_BORDER
                                                        : HT_SAMPLE_REFLECTION;
  params.align_corners = op.align_corners ? 1 : 0;
  params.batch = static_cast<int32_t>(input[0]);
  params.channels = static_cast<int32_t>(input[1]);
  params.input_height = static_cast<int32_t>(input[2]);
  params.input_width = static_cast<int32_t>(input[3]);
  params.output_height = static_cast<int32_t>(output[2]);
  params.output_width = static_cast<int32_t>(output[3]);
  context.add(KernelId::k_sample_f32, params, {}, {x, grid}, made);
  return {};
}

}  // namespace ht
