// SPDX-License-Identifier: Apache-2.0
#include "api/photo_input.h"

#include <algorithm>
#include <cmath>

#include "api/words.h"
#include "ops/convert/convert.h"

namespace ht {
namespace {

Preprocess preprocess_of(const halftone::Preprocess& recipe) {
  Preprocess result;
  result.height = recipe.height;
  result.width = recipe.width;
  // Both sides name the words of a recipe, so the words connect them.
  result.resize = *parse_resize(word_of(recipe.resize));
  result.place = *parse_place(word_of(recipe.place));
  result.pad = recipe.pad;
  result.color = *parse_color_order(word_of(recipe.color));
  result.mean = recipe.mean;
  result.std = recipe.std;
  result.interpolation = *parse_interpolation(word_of(recipe.interpolation));
  return result;
}

Result<DType> input_type(const TensorType& declared, std::optional<halftone::InputType> wanted) {
  if (declared.is_quantized() && !wanted) return declared.dtype;
  const DType known[] = {DType::kFloat32, DType::kUint8, DType::kInt8};
  if (std::ranges::find(known, declared.dtype) == std::end(known))
    return unsupported("the model's input has the element type {}; photos become f32, u8 or i8", dtype_name(declared.dtype));
  if (wanted && known[static_cast<size_t>(*wanted)] != declared.dtype)
    return input_error("'type' in [preprocess] is \"{}\", but the model's input is {}", word_of(*wanted), dtype_name(declared.dtype));
  return declared.dtype;
}

template <class Integer>
void round_into(std::span<const float> from, std::span<Integer> to) {
  using Limits = std::numeric_limits<Integer>;
  for (size_t i = 0; i < from.size(); ++i)
    to[i] = static_cast<Integer>(std::clamp(std::nearbyint(from[i]), float{Limits::min()}, float{Limits::max()}));
}

}  // namespace

Result<PhotoInput> PhotoInput::make(const Graph& graph, const halftone::Preprocess& preprocess) {
  if (graph.inputs.size() != 1)
    return input_error("the model has {} inputs, but [preprocess] makes one from a photo; leave the section out and give arrays", graph.inputs.size());
  const Value& input = graph.value(graph.inputs[0]);
  PhotoInput result;
  result.preprocess_ = preprocess_of(preprocess);
  result.type_ = input.type;
  HT_TRY(check(result.preprocess_));
  HT_TRY(input_type(input.type, preprocess.type));
  const int64_t channels = result.preprocess_.channels(), height = preprocess.height, width = preprocess.width;
  const bool nchw = input.type.shape == Shape{1, channels, height, width};
  const bool nhwc = input.type.shape == Shape{1, height, width, channels};
  const bool wants_nhwc = preprocess.layout ? *preprocess.layout == halftone::Layout::kNhwc : !nchw;
  if (!(wants_nhwc ? nhwc : nchw))
    return input_error("[preprocess] makes a photo of {} x {} with {} channels, but the model's input {} is {}; correct 'size', 'color' or 'layout'",
                       preprocess.height, preprocess.width, channels, input.name, shape_text(input.type.shape));
  if (nchw && nhwc && !preprocess.layout)
    return input_error("the model's input {} is {}, which may be either layout; say 'layout' in [preprocess]", input.name, shape_text(input.type.shape));
  result.layout_ = wants_nhwc ? PixelLayout::kNhwc : PixelLayout::kNchw;
  return result;
}

Result<Tensor> PhotoInput::convert(const Image& photo) const {
  Tensor real = Tensor::zeros(DType::kFloat32, type_.shape);
  HT_TRY(ht::preprocess(photo, preprocess_, layout_, real.mutable_data<float>()));
  if (type_.dtype == DType::kFloat32) return real;
  if (type_.is_quantized()) return quantize(real, type_.dtype, *type_.affine);
  Tensor integers = Tensor::zeros(type_.dtype, type_.shape);
  if (type_.dtype == DType::kUint8) {
    round_into(real.data<float>(), integers.mutable_data<uint8_t>());
  } else {
    round_into(real.data<float>(), integers.mutable_data<int8_t>());
  }
  return integers;
}

}  // namespace ht
