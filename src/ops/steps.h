// SPDX-License-Identifier: Apache-2.0
// What the prepare facets share.
#pragma once

#include "plan/prepare.h"

namespace ht {

// Whether the value is quantized to 8 bits.
bool is_8bit(const TensorType& type);
// Whether the value has one scale, or they vary along its axis `channel_axis`.
bool has_scales_along(const TensorType& type, size_t channel_axis);
// Whether the node's first input and its output both are of 8 bits, with scales that vary along the channels (axis 1) if at all.
bool is_8bit_node(const PrepareContext& context);
// Whether both are stored in integers of the same width, so that elements can be moved as they are.
bool keeps_integers(const PrepareContext& context);

// A strided view of a buffer: element offset and a stride for each axis of the shape that is moved.
struct View {
  BufferId buffer;
  Shape strides;
  int64_t offset = 0;
};
// Adds the copy of `shape` elements from one view to the other, merging axes that lie together in both. `order` is the order in
// which the axes are walked, the last one fastest.
void add_copy(PrepareContext& context, const View& from, const View& to, const Shape& shape, const std::vector<size_t>& order);

// The buffer as it is, all of it.
View whole(const PrepareContext& context, BufferId buffer);

// Input and output of an operator that moves elements: integers where both are stored in as many bits (`moved` are the parameters that
// the moved elements have, in stored form), the elements themselves where they are neither floats nor quantized, else floats.
struct Move {
  BufferId input, output;
};
Result<Move> begin_move(PrepareContext& context, Layout input_layout, Layout output_layout, const std::optional<Affine>& moved);
// The stored parameters of the first input, if it is stored in integers.
std::optional<Affine> input_affine(const PrepareContext& context);

// The element type as kernels know it (ht_element.h); none for 4-bit integers and floats other than f32.
std::optional<int32_t> kernel_type(DType dtype);

// One element of the type as it lies in memory.
std::vector<uint8_t> element_bytes(DType dtype, double value);

// An input for kernels that are told the type: floats (dequantized where it is quantized), or whatever elements it has.
struct TypedInput {
  BufferId buffer;
  int32_t type;
};
Result<TypedInput> typed_input(PrepareContext& context, size_t i, Layout layout);
// The output likewise: floats, or the elements that the graph's type says.
Result<BufferId> typed_output(PrepareContext& context, Layout layout);

// The layout for input i of an operator that broadcasts: inputs with all of the output's axes lie as the output does, others are
// broadcast from where they are.
Layout broadcast_layout(const PrepareContext& context, size_t i, Layout layout);
// The input's stride along each of `rank` axes, 0 where it is broadcast.
Shape broadcast_strides(const Buffer& input, size_t rank);

// Moves elements along the axes for which there are indices, one axis after the other: index i of the output is indices[axis][i]
// of the input. Axes with an empty list stay as they are; at least one has a list.
void add_axis_gathers(PrepareContext& context, const Move& move, Layout layout, const std::vector<std::vector<int32_t>>& indices);

// One kernel axis [outer][n][inner] of a buffer's memory.
struct AxisSplit {
  int32_t outer, n, inner;
};
AxisSplit split_at(const Shape& shape, Layout layout, size_t axis);

// The parameters of channels [start, start + count) of one axis.
Affine slice_affine(const Affine& affine, const Shape& shape, size_t axis, int64_t start, int64_t step, int64_t count);

// Scales and zero points of the channels (axis 1) as kernels want them.
struct ChannelParameters {
  std::vector<float> scales;
  std::vector<int8_t> zero_points;
};
ChannelParameters channel_parameters(const Affine& stored, int64_t channels);

// The function of ht_unary_f32 that a kind is, where there is one.
std::optional<ActivationFunction> unary_function(const Unary& op);

// The window of a convolution or pooling over one or two spatial axes, as kernels have it (a missing height is 1).
struct Window {
  int32_t input_height, input_width, output_height, output_width;
  int32_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
  int32_t pad_top, pad_left, pad_bottom, pad_right;
};
Result<Window> make_window(const Shape& input, const Shape& output, const Ints& kernel, const Ints& strides, const Ints& dilations,
                           const Ints& pads);
template <class Params>
void set_window(Params& params, const Window& w) {
  params.input_height = w.input_height;
  params.input_width = w.input_width;
  params.output_height = w.output_height;
  params.output_width = w.output_width;
  params.kernel_height = w.kernel_height;
  params.kernel_width = w.kernel_width;
  params.stride_height = w.stride_height;
  params.stride_width = w.stride_width;
  params.dilation_height = w.dilation_height;
  params.dilation_width = w.dilation_width;
  params.pad_top = w.pad_top;
  params.pad_left = w.pad_left;
}

}  // namespace ht
