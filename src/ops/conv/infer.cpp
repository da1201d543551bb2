// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/conv/conv.h"

namespace ht {

Result<Types> infer(const Conv& conv, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 2, 1));
  HT_TRY(check_float(inputs));
  const Shape& x = inputs[0].type->shape;
  const Shape& weights = inputs[1].type->shape;
  if (weights.size() != x.size() || x.size() < 3)
    return input_error("input 0 has the shape {}, the weights {}; both need a batch, a channel and spatial axes", shape_text(x),
                       shape_text(weights));
  if (conv.groups < 1 || x[1] % conv.groups != 0 || weights[0] % conv.groups != 0 || weights[1] != x[1] / conv.groups)
    return input_error("{} input channels and weights of shape {} do not make {} groups", x[1], shape_text(weights), conv.groups);
  HT_ASSIGN(const Windows windows,
            make_windows(x, std::span(weights).subspan(2), conv.strides, conv.dilations, conv.pads, false));
  if (inputs.size() == 3 && inputs[2].type && inputs[2].type->shape != Shape{weights[0]})
    return input_error("input 2, the bias, has the shape {} and needs {}", shape_text(inputs[2].type->shape), weights[0]);
  Shape shape = {x[0], weights[0]};
  for (size_t axis = Windows::kAxes - (x.size() - 2); axis < Windows::kAxes; ++axis) shape.push_back(windows.axes[axis].out);
  return one_output(inputs[0].type->dtype, std::move(shape));
}

QuantRule quant_rule(const Conv&) { return {QuantKind::kWeighted, false}; }

}  // namespace ht
