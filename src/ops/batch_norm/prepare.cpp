// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ir/dequantize.h"
#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {

// x * factor + offset a channel, in two steps.
Status prepare(const BatchNormalization& op, PrepareContext& context) {
  std::vector<std::vector<float>> parameters;
  for (size_t i = 1; i < 5; ++i) {
    const Value& value = context.input_value(i);
    if (!value.constant) return unsupported("the parameter {} is computed at run time; only constant ones are supported", value.name);
    parameters.push_back(dequantize(*value.constant, value.type.affine).to_floats());
  }
  const Shape& shape = context.output_value().type.shape;
  const size_t channels = parameters[0].size();
  std::vector<float> factor(channels), offset(channels);
  for (size_t c = 0; c < channels; ++c) {
    const double f = parameters[0][c] / std::sqrt(static_cast<double>(parameters[3][c]) + op.epsilon);
    factor[c] = static_cast<float>(f);
    offset[c] = static_cast<float>(parameters[1][c] - parameters[2][c] * f);
  }
  const Layout layout = Layout::kChannelsLast;
  const BufferId input = context.float_input(0, layout);
  const BufferId scaled = context.temporary(context.output_value().name, DType::kFloat32, shape, layout);
  HT_ASSIGN(const BufferId output, context.float_output(layout));
  auto add = [&](int32_t kind, BufferId from, std::vector<float> values, BufferId to) {
    ht_binary_f32_params params{};
    params.kind = kind;
    params.shape.rank = 2;
    params.shape.shape[0] = static_cast<int32_t>(element_count(shape) / static_cast<int64_t>(channels));
    params.shape.shape[1] = params.shape.a_stride[0] = params.shape.output_stride[0] = static_cast<int32_t>(channels);
    params.shape.a_stride[1] = params.shape.b_stride[1] = params.shape.output_stride[1] = 1;
    const BufferId constant = context.constant_buffer(Tensor::of_floats({static_cast<int64_t>(channels)}, values));
    context.add(KernelId::k_binary_f32, params, {}, {from, constant}, to);
  };
  add(HT_MUL, input, std::move(factor), scaled);
  add(HT_ADD, scaled, std::move(offset), output);
  return {};
}

}  // namespace ht
