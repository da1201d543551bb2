// SPDX-License-Identifier: Apache-2.0
// A transposed convolution as a convolution that makes all pixels between two input pixels at once (sub-pixel convolution), whose
// channels are then moved to their places. It is exact, and convolutions exist in float and in integers.
#include <algorithm>

#include "base/checked.h"
#include "import/onnx/pieces.h"
#include "import/onnx/table.h"
#include "ops/common.h"

namespace ht {
namespace {

constexpr int64_t kMostAttribute = int64_t{1} << 20;  // of any attribute

struct Axis {
  int64_t in, kernel, stride, dilation, pad_begin, out;
  // Taps of one phase (out of `stride`), with the kernel's gaps of a dilation filled with zeros.
  int64_t span() const { return (kernel - 1) * dilation + 1; }
  int64_t taps() const { return (span() + stride - 1) / stride; }
  // How many groups of `stride` pixels must be made, so that all of the output is among them.
  int64_t groups() const { return std::max(in + taps() - 1, (pad_begin + out + stride - 1) / stride); }
};

struct Geometry {
  std::vector<Axis> axes;
  int64_t groups, channels_in, channels_out;  // channels of all groups together

  int64_t phases() const {
    int64_t product = 1;
    for (const Axis& axis : axes) product *= axis.stride;
    return product;
  }
};

Result<Ints> sizes(ImportNode& node, std::string_view name, Ints otherwise, int64_t least) {
  const size_t count = otherwise.size();
  Ints values = node.integers(name, std::move(otherwise));
  if (values.size() != count)
    return node.wrong_attribute(name, fmt::format("has {} numbers where the input needs {}", values.size(), count));
  for (int64_t value : values)
    if (value < least || value > kMostAttribute) return node.wrong_attribute(name, fmt::format("is {}, which cannot be", value));
  return values;
}

// Padding and output size of each axis, from whichever attributes say them.
Status read_output(ImportNode& node, Geometry& geometry) {
  const size_t count = geometry.axes.size();
  HT_ASSIGN(const Ints more, sizes(node, "output_padding", Ints(count, 0), 0));
  HT_ASSIGN(Ints pads, sizes(node, "pads", Ints(2 * count, 0), 0));
  const std::string automatic = node.text("auto_pad", "NOTSET");
  const bool is_same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (!is_same && automatic != "NOTSET" && automatic != "VALID" && !automatic.empty())
    return node.wrong_attribute("auto_pad", fmt::format("is '{}', which ONNX does not have", automatic));
  Ints wanted;
  if (node.has_attribute("output_shape")) {
    HT_ASSIGN(wanted, sizes(node, "output_shape", Ints(count, 1), 1));
  } else if (is_same) {
    for (const Axis& axis : geometry.axes) wanted.push_back(axis.in * axis.stride);
  }
  for (size_t i = 0; i < count; ++i) {
    Axis& axis = geometry.axes[i];
    const int64_t whole = (axis.in - 1) * axis.stride + more[i] + axis.span();
    if (wanted.empty()) {
      axis.pad_begin = pads[i];
      axis.out = whole - pads[i] - pads[i + count];
    } else {
      const int64_t total = std::max<int64_t>(whole - wanted[i], 0);
      axis.pad_begin = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      axis.out = wanted[i];
    }
    if (axis.out < 1) return input_error("its padding leaves nothing of spatial axis {}", i);
  }
  return {};
}

Result<Geometry> read_geometry(ImportNode& node) {
  const Shape input = node.shape(0), weights = node.shape(1);
  const size_t count = weights.size() < 3 ? 0 : weights.size() - 2;
  if (count == 0 || input.size() != weights.size())
    return input_error("its input {} and weights {} do not belong together", shape_text(input), shape_text(weights));
  if (count > 2)
    return unsupported("has windows over {} spatial axes, but only 1 or 2 can be computed; cut the model before it", count);
  if (element_count(weights) == 0) return input_error("has weights of shape {}, which are none", shape_text(weights));
  const Ints kernel(weights.begin() + 2, weights.end());
  if (node.integers("kernel_shape", kernel) != kernel)
    return node.wrong_attribute("kernel_shape", fmt::format("contradicts the weights' shape {}", shape_text(weights)));
  HT_ASSIGN(const Ints strides, sizes(node, "strides", Ints(count, 1), 1));
  HT_ASSIGN(const Ints dilations, sizes(node, "dilations", Ints(count, 1), 1));
  const int64_t groups = node.integer("group", 1);
  if (groups < 1 || groups > kMostAttribute || input[1] % groups != 0 || weights[0] != input[1] || weights[1] < 1 ||
      weights[1] > kMostAttribute)
    return input_error("its input {}, weights {} and {} groups do not belong together", shape_text(input), shape_text(weights),
                       groups);
  Geometry geometry{{}, groups, input[1], weights[1] * groups};
  for (size_t i = 0; i < count; ++i) {
    if (input[i + 2] < 1 || input[i + 2] > kMostAttribute || kernel[i] < 1 || kernel[i] > kMostAttribute)
      return input_error("its input {} and weights {} cannot be computed", shape_text(input), shape_text(weights));
    geometry.axes.push_back({input[i + 2], kernel[i], strides[i], dilations[i], 0, 0});
  }
  if (geometry.phases() > kMostAttribute) return unsupported("has strides of {} pixels together, which is too many", geometry.phases());
  HT_TRY(read_output(node, geometry));
  return geometry;
}

// Where each element of a constant of the convolution stands in the file's constant; -1 for zeros between them. A row is all that
// one output channel and phase is made with.
struct Places {
  Shape shape;
  std::vector<int64_t> from;
};

// Weights [channels_in, channels_out / groups, kernel...] as those of the convolution, [channels_out * phases, channels_in /
// groups, taps...]: tap t of phase r is the kernel's element r + stride * (taps - 1 - t), or 0 where there is none.
Result<Places> weight_places(ImportNode& node, const Geometry& g) {
  const auto& axes = g.axes;
  const bool flat = axes.size() == 1;
  const Axis y = flat ? Axis{1, 1, 1, 1, 0, 1} : axes[0], x = axes.back();
  const int64_t inputs = g.channels_in / g.groups, outputs = g.channels_out / g.groups;
  Places places{{g.channels_out * g.phases(), inputs}, {}};
  for (const Axis& axis : axes) places.shape.push_back(axis.taps());
  HT_ASSIGN(const int64_t count, checked_element_count(places.shape));
  HT_TRY(check_made(node, count, DType::kFloat32));
  places.from.assign(static_cast<size_t>(count), -1);
  for (int64_t channel = 0; channel < g.channels_in; ++channel)
    for (int64_t output = 0; output < outputs; ++output)
      for (int64_t ky = 0; ky < y.kernel; ++ky)
        for (int64_t kx = 0; kx < x.kernel; ++kx) {
          const int64_t at_y = ky * y.dilation, at_x = kx * x.dilation;
          const int64_t phase = at_y % y.stride * x.stride + at_x % x.stride;
          const int64_t row = (channel / inputs * outputs + output) * g.phases() + phase;
          const int64_t ty = y.taps() - 1 - at_y / y.stride, tx = x.taps() - 1 - at_x / x.stride;
          places.from[static_cast<size_t>(((row * inputs + channel % inputs) * y.taps() + ty) * x.taps() + tx)] =
              ((channel * outputs + output) * y.kernel + ky) * x.kernel + kx;
        }
  return places;
}

// The bias of each output channel for all of its phases.
Places bias_places(const Geometry& g) {
  Places places{{g.channels_out * g.phases()}, {}};
  for (int64_t output = 0; output < g.channels_out; ++output)
    places.from.insert(places.from.end(), static_cast<size_t>(g.phases()), output);
  return places;
}

// The parameters of each row, as positions in the affine's scales; nothing where a row's elements have several.
std::optional<std::vector<size_t>> row_parameters(const Affine& affine, const Shape& shape, const Places& places) {
  const auto rows = static_cast<size_t>(places.shape[0]), length = places.from.size() / rows;
  std::vector<size_t> parameters;
  for (size_t row = 0; row < rows; ++row) {
    std::optional<size_t> found;
    for (size_t i = row * length; i < (row + 1) * length; ++i) {
      if (places.from[i] < 0) continue;
      const size_t at = affine.index_of(shape, places.from[i]);
      if (found && at != *found) return std::nullopt;
      found = at;
    }
    // Rows of zeros alone are later phases of an output channel whose first one is not.
    parameters.push_back(found ? *found : parameters.empty() ? 0 : parameters.back());
  }
  return parameters;
}

// A constant's elements at their places: integers with their parameters where every row has its own, else real numbers.
Result<ValueId> placed(ImportNode& node, size_t input, const Places& places, std::string_view name) {
  HT_ASSIGN(const Tensor real, node.constant(input, name));
  const Value value = node.builder().value(node.input(input));  // a copy, because values are added below
  const auto parameters = value.type.is_quantized() ? row_parameters(*value.type.affine, value.type.shape, places) : std::nullopt;
  if (!parameters) {
    Tensor tensor = Tensor::zeros(DType::kFloat32, places.shape);
    take(Tensor::of_floats(real.shape(), real.to_floats()), places.from, tensor);
    return node.constant_beside(std::move(tensor), name);
  }
  Affine affine = *value.type.affine;
  Floats scales;
  std::vector<int32_t> zero_points;
  std::vector<int64_t> zeros;
  for (size_t at : *parameters) {
    scales.push_back(affine.scales()[at]);
    zero_points.push_back(affine.zero_points()[at]);
    zeros.insert(zeros.end(), places.from.size() / parameters->size(), zero_points.back());
  }
  if (!affine.is_per_tensor()) {
    HT_ASSIGN(affine, Affine::per_axis(std::move(scales), std::move(zero_points), 0, places.shape.size()));
  }
  Tensor integers = Tensor::zeros(value.type.dtype, places.shape);
  store(integers, zeros);
  take(*value.constant, places.from, integers);
  const ValueId made = node.constant_beside(std::move(integers), name);
  node.builder().graph().value(made).type.affine = std::move(affine);
  return made;
}

// [N, M * phases, groups...] to [N, M, groups * stride...].
Result<ValueId> interleave(ImportNode& node, ValueId value, const Geometry& g) {
  if (g.phases() == 1) return value;
  const int64_t batch = node.shape(0)[0];
  Shape split = {batch, g.channels_out}, joined = split;
  Ints order = {0, 1};
  const auto count = static_cast<int64_t>(g.axes.size());
  for (const Axis& axis : g.axes) split.push_back(axis.stride);
  for (int64_t i = 0; i < count; ++i) {
    const Axis& axis = g.axes[static_cast<size_t>(i)];
    split.push_back(axis.groups());
    joined.push_back(axis.groups() * axis.stride);
    order.push_back(2 + count + i);
    order.push_back(2 + i);
  }
  HT_ASSIGN(const ValueId apart, reshape_step(node, value, std::move(split), "phases"));
  HT_ASSIGN(const ValueId moved, node.intermediate(Transpose{std::move(order)}, {apart}, "moved"));
  return reshape_step(node, moved, std::move(joined), "pixels");
}

}  // namespace

Status import_conv_transpose(ImportNode& node) {
  HT_ASSIGN(const Geometry g, read_geometry(node));
  if (node.has_input(2) && node.shape(2) != Shape{g.channels_out})
    return input_error("its bias has the shape {} and needs [{}]", shape_text(node.shape(2)), g.channels_out);
  HT_ASSIGN(const Places places, weight_places(node, g));
  HT_ASSIGN(const ValueId weights, placed(node, 1, places, "weights"));
  std::vector<ValueId> inputs = {node.input(0), weights};
  if (node.has_input(2)) {
    HT_ASSIGN(const ValueId bias, placed(node, 2, bias_places(g), "bias"));
    inputs.push_back(bias);
  }
  const size_t count = g.axes.size();
  Conv conv{Ints(count, 1), Ints(count, 1), Ints(2 * count, 0), g.groups};
  Slice crop{{0, 0}, {1, 1}, {node.shape(0)[0], g.channels_out}};
  bool is_whole = true;
  for (size_t i = 0; i < count; ++i) {
    const Axis& axis = g.axes[i];
    conv.pads[i] = axis.taps() - 1;
    conv.pads[i + count] = axis.groups() - axis.in;
    crop.starts.push_back(axis.pad_begin);
    crop.steps.push_back(1);
    crop.sizes.push_back(axis.out);
    is_whole &= axis.pad_begin == 0 && axis.out == axis.groups() * axis.stride;
  }
  HT_ASSIGN(const ValueId made, node.intermediate(std::move(conv), std::move(inputs), "phases"));
  HT_ASSIGN(const ValueId pixels, interleave(node, made, g));
  if (!is_whole) return node.emit(std::move(crop), {pixels});
  node.forward({pixels});
  return {};
}

}  // namespace ht
