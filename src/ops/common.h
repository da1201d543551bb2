// SPDX-License-Identifier: Apache-2.0
// What the operators' shape inference and reference computations share.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ops/facets.h"

namespace ht {

// Attributes and sizes that enter arithmetic stay below this, so that sums and products of two fit into 64 bits.
inline constexpr int64_t kMostAttribute = int64_t{1} << 31;

// As many inputs as the operator takes, all but the last `optional` ones present.
Status check_inputs(InferInputs inputs, size_t required, size_t optional = 0);
// All present inputs have one and the same element type.
Status check_same_dtype(InferInputs inputs);
// The same, and that type is a float.
Status check_float(InferInputs inputs);
// The attribute has `count` entries, each in [least, most].
Status check_entries(std::string_view attribute, std::span<const int64_t> entries, size_t count, int64_t least,
                     int64_t most = kMostAttribute);
// 0 <= axis < rank.
Status check_axis(int64_t axis, size_t rank);
// The types of an operator with a single output, whose shape is checked here.
Result<Types> one_output(DType dtype, Shape shape);
// numpy's rules.
Result<Shape> broadcast_shapes(const Shape& a, const Shape& b);

// Elements of any numeric type written from integers (which wrap where the type is narrower) or from doubles (which are
// rounded to a float type, and truncated towards zero and saturated to an integer's): what ONNX's Cast does.
void store(Tensor& tensor, std::span<const int64_t> elements);
void store(Tensor& tensor, std::span<const double> elements);

// Where each element of an output comes from: position i of axis k adds terms[k][i] to the position in the source. The
// result is row-major and has -1 where any of the terms is negative.
std::vector<int64_t> gather_positions(const std::vector<std::vector<int64_t>>& terms);
// The positions in a tensor of shape `from` that serve each element of the shape `to` which it broadcasts to.
std::vector<int64_t> broadcast_positions(const Shape& from, const Shape& to);
// out[i] = in[positions[i]]; an element whose position is negative keeps its value. Both have the same element type.
void take(const Tensor& in, std::span<const int64_t> positions, Tensor& out);

// Sliding windows over up to three spatial axes; missing ones are leading axes of size 1.
struct Windows {
  static constexpr size_t kAxes = 3;
  struct Axis {
    int64_t in = 1, out = 1, kernel = 1, stride = 1, dilation = 1, pad_begin = 0, pad_end = 0;

    int64_t position(int64_t o, int64_t k) const { return o * stride - pad_begin + k * dilation; }
    // Whether the position is inside the input.
    bool is_inside(int64_t position_in) const { return position_in >= 0 && position_in < in; }
  };
  std::array<Axis, kAxes> axes;

  int64_t in_size() const { return axes[0].in * axes[1].in * axes[2].in; }
  int64_t out_size() const { return axes[0].out * axes[1].out * axes[2].out; }
  int64_t kernel_size() const { return axes[0].kernel * axes[1].kernel * axes[2].kernel; }
};

// The windows of a convolution or pooling over an input [N, C, spatial...], with the sizes of the output. With ceil_mode the
// sizes are rounded up, but a window must start inside the input or the padding before it.
Result<Windows> make_windows(const Shape& input, std::span<const int64_t> kernel, std::span<const int64_t> strides,
                             std::span<const int64_t> dilations, std::span<const int64_t> pads, bool ceil_mode);

}  // namespace ht
