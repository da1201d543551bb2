// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "ops/common.h"
#include "ops/roi_align/roi_align.h"

namespace ht {

Result<Types> infer(const RoiAlign& align, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 3));
  HT_TRY(check_float(inputs.first(2)));
  const Shape& x = inputs[0].type->shape;
  const Shape& regions = inputs[1].type->shape;
  const TensorType& pictures = *inputs[2].type;
  if (x.size() != 4 || element_count(x) == 0) return input_error("takes regions of a tensor of shape {}; it needs [N, C, height, width]", shape_text(x));
  if (regions.size() != 2 || regions[1] != 4) return input_error("the regions have the shape {} and need [regions, 4]", shape_text(regions));
  if (pictures.shape != Shape{regions[0]} || (pictures.dtype != DType::kInt64 && pictures.dtype != DType::kInt32))
    return input_error("the pictures of {} regions are {} of shape {}; they are indices", regions[0], dtype_name(pictures.dtype),
                       shape_text(pictures.shape));
  const auto is_picture = [&](int64_t index) { return index >= 0 && index < x[0]; };
  if (inputs[2].constant && !std::ranges::all_of(inputs[2].constant->to_int64s(), is_picture))
    return input_error("a region is of a picture that is not among the {}", x[0]);
  HT_TRY(check_entries("height", {&align.height, 1}, 1, 1));
  HT_TRY(check_entries("width", {&align.width, 1}, 1, 1));
  HT_TRY(check_entries("samples", {&align.samples, 1}, 1, 0, RoiAlign::kMostSamples));
  if (!std::isfinite(align.scale)) return input_error("its scale is {}", align.scale);
  return one_output(inputs[0].type->dtype, {regions[0], x[1], align.height, align.width});
}

QuantRule quant_rule(const RoiAlign&) { return {}; }

}  // namespace ht
