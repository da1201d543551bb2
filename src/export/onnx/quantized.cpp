// SPDX-License-Identifier: Apache-2.0
// How quantized values stand in the file.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <ranges>

#include "export/onnx/writer.h"

namespace ht {
namespace {

Tensor integers_of(DType dtype, const Shape& shape, const std::vector<int32_t>& values) {
  Tensor tensor = Tensor::zeros(dtype, shape);
  const auto bytes = tensor.mutable_data<uint8_t>();
  const auto size = static_cast<size_t>(dtype_size(dtype));
  for (size_t i = 0; i < values.size(); ++i) std::memcpy(bytes.data() + i * size, &values[i], size);  // little-endian
  return tensor;
}

// The factor that makes `column` of the scales of `first`, each product exactly; searched for around the quotient.
std::optional<float> exact_factor(std::span<const float> first, std::span<const float> column) {
  constexpr int kMostSteps = 4;
  const float quotient = column[0] / first[0];
  const auto fits = [&](float factor) {
    return std::ranges::equal(first, column, [=](float scale, float product) { return scale * factor == product; });
  };
  float below = quotient, above = quotient;
  for (int step = 0; step <= kMostSteps; ++step) {
    if (fits(below)) return below;
    if (fits(above)) return above;
    below = std::nextafter(below, 0.0f);
    above = std::nextafter(above, INFINITY);
  }
  return std::nullopt;
}

// Scales as products of one number for each run of indices along an axis, which may differ along the other axes, and one number an
// index, which is the same along all others.
struct Split {
  std::vector<size_t> starts;  // of the run that an index belongs to
  std::vector<float> factors;
  int64_t block = 0;  // of which each lies within a run; as large as the axis where there is one run
};

// Nothing where only runs of one index would do.
std::optional<Split> split_along(const Affine& affine, size_t axis) {
  const int64_t size = affine.shape()[axis], stride = strides_of(affine.shape())[axis];
  const auto column = [&](int64_t index) {
    std::vector<float> scales;
    const auto& all = affine.scales();
    for (int64_t outer = 0; outer < static_cast<int64_t>(all.size()); outer += size * stride)
      scales.insert(scales.end(), all.begin() + outer + index * stride, all.begin() + outer + (index + 1) * stride);
    return scales;
  };
  Split split{{}, {}, size};
  std::vector<float> first;
  for (int64_t index = 0; index < size; ++index) {
    std::vector<float> scales = column(index);
    const auto factor = index == 0 ? std::nullopt : exact_factor(first, scales);
    split.starts.push_back(factor ? split.starts.back() : static_cast<size_t>(index));
    split.factors.push_back(factor.value_or(1));
    if (factor) continue;
    if (index != 0) split.block = std::gcd(split.block == size ? index : split.block, index);
    if (split.block == 1) return std::nullopt;
    first = std::move(scales);
  }
  return split;
}

// The axes along which the scales vary.
std::vector<size_t> varying_axes(const Affine& affine) {
  std::vector<size_t> axes;
  for (size_t i = 0; i < affine.shape().size(); ++i)
    if (affine.shape()[i] != 1) axes.push_back(i);
  return axes;
}

}  // namespace

namespace {

constexpr size_t kChannelAxis = 1;

// Scales of each element of a tensor but for one axis, along which `block` elements share one.
FileParameters in_blocks(const Affine& affine, const Shape& shape, size_t axis, int64_t block) {
  FileParameters blocked{shape, {}, {}, static_cast<int64_t>(axis), block, std::nullopt};
  int64_t& size = blocked.shape[axis];
  size = size / block + (size % block != 0);
  for (int64_t i = 0; i < element_count(blocked.shape); ++i) {
    // The element of the tensor that comes first of those that share this scale.
    const int64_t inner = strides_of(blocked.shape)[axis], at = i / inner % size;
    const int64_t element = (i / inner / size * shape[axis] + at * block) * inner + i % inner;
    const size_t index = affine.index_of(shape, element);
    blocked.scales.push_back(affine.scales()[index]);
    blocked.zero_points.push_back(affine.zero_points()[index]);
  }
  return blocked;
}

// Scales that vary along an axis and along others, less what is the same number an index of that axis: that is multiplied later.
Result<FileParameters> without_factors(const Affine& affine, const Shape& shape, size_t axis, const Split& split) {
  Shape rest = affine.shape();
  const int64_t stride = strides_of(rest)[axis], size = rest[axis];
  const bool is_one_run = split.block == size;
  std::vector<float> scales;
  std::vector<int32_t> zero_points;
  rest[axis] = is_one_run ? 1 : size / split.block + (size % split.block != 0);
  for (int64_t i = 0; i < element_count(rest); ++i) {
    const int64_t block = i / stride % rest[axis], first = i / stride / rest[axis] * size;
    const auto start = static_cast<int64_t>(split.starts[static_cast<size_t>(block * split.block)]);
    scales.push_back(affine.scales()[static_cast<size_t>((first + start) * stride + i % stride)]);
    zero_points.push_back(affine.zero_points()[static_cast<size_t>((first + start) * stride + i % stride)]);
  }
  HT_ASSIGN(const Affine left, Affine::make(rest, std::move(scales), std::move(zero_points), is_one_run ? 0 : split.block));
  HT_ASSIGN(FileParameters parameters, file_parameters(left, shape));
  if (parameters.factor) return unsupported("its scales vary along more axes than ONNX can say");
  Shape factor_shape(shape.size(), 1);
  factor_shape[axis] = size;
  parameters.factor = Tensor::of_floats(factor_shape, split.factors);
  return parameters;
}

// Whether the zero points are the same along the axis.
bool is_constant_along(const Affine& affine, size_t axis) {
  const int64_t size = affine.shape()[axis], stride = strides_of(affine.shape())[axis];
  for (size_t i = 0; i < affine.zero_points().size(); ++i) {
    const int64_t index = static_cast<int64_t>(i) / stride % size;
    if (affine.zero_points()[i] != affine.zero_points()[i - static_cast<size_t>(index * stride)]) return false;
  }
  return true;
}

}  // namespace

Result<FileParameters> file_parameters(const Affine& affine, const Shape& shape) {
  if (affine.is_per_tensor()) return FileParameters{{}, affine.scales(), affine.zero_points(), std::nullopt, 0, std::nullopt};
  if (const auto axis = affine.axis())
    return FileParameters{{shape[*axis]}, affine.scales(), affine.zero_points(), static_cast<int64_t>(*axis), 0, std::nullopt};
  const auto axes = varying_axes(affine);
  if (affine.block() != 0) {
    for (size_t axis : axes)
      if (affine.shape()[axis] != shape[axis]) return in_blocks(affine, shape, axis, affine.block());
  }
  if (shape.size() > kChannelAxis && affine.shape()[kChannelAxis] == 1) return in_blocks(affine, shape, kChannelAxis, shape[kChannelAxis]);
  for (size_t axis : std::views::reverse(axes)) {
    const auto split = is_constant_along(affine, axis) ? split_along(affine, axis) : std::nullopt;
    if (!split) continue;
    if (auto parameters = without_factors(affine, shape, axis, *split)) return parameters;
  }
  return unsupported("its scales vary along {} axes and are no products of numbers an axis or a block, which is all that ONNX can say",
                     axes.size());
}

namespace {

void write_axis(Attributes attributes, const FileParameters& parameters) {
  if (parameters.axis) attributes.integer("axis", *parameters.axis);
  if (parameters.block != 0) attributes.integer("block_size", parameters.block);
}

}  // namespace

Status OnnxWriter::quantize(ValueId id, const std::string& node_name, const std::string& input, const std::string& output) {
  const Value& value = graph_.value(id);
  HT_ASSIGN(const FileParameters parameters, file_parameters(*value.type.affine, value.type.shape));
  Stored& stored = stored_[id];
  stored.integers = output;
  stored.scale = constant(value.name + "_scale", Tensor::of_floats(parameters.shape, parameters.scales));
  stored.zero_point =
      constant(value.name + "_zero_point", integers_of(value.type.dtype, parameters.shape, parameters.zero_points));
  write_axis(node("QuantizeLinear", node_name, {input, stored.scale, stored.zero_point}, output), parameters);
  return {};
}

Status OnnxWriter::dequantize(ValueId id, const std::string& node_name, const std::string& output) {
  const Value& value = graph_.value(id);
  HT_ASSIGN(const FileParameters parameters, file_parameters(*value.type.affine, value.type.shape));
  Stored& stored = stored_[id];
  if (stored.integers.empty()) stored.integers = value.name;
  write_constant(id);
  if (stored.scale.empty()) {
    stored.scale = constant(value.name + "_scale", Tensor::of_floats(parameters.shape, parameters.scales));
    // ONNX Runtime wants none for 32 bits.
    const bool is_zero = std::ranges::all_of(parameters.zero_points, [](int32_t zero_point) { return zero_point == 0; });
    if (value.type.dtype != DType::kInt32 || !is_zero)
      stored.zero_point =
          constant(value.name + "_zero_point", integers_of(value.type.dtype, parameters.shape, parameters.zero_points));
  }
  const std::string dequantized = parameters.factor ? fresh(output + "_unscaled") : output;
  write_axis(node("DequantizeLinear", node_name, {stored.integers, stored.scale, stored.zero_point}, dequantized), parameters);
  if (parameters.factor) {
    const std::string factor = constant(value.name + "_factor", *parameters.factor);
    node("Mul", fresh(value.name + "_Mul"), {dequantized, factor}, output);
  }
  return {};
}

Result<std::string> OnnxWriter::write_dequantized(ValueId id) {
  if (!stored_[id].dequantized.empty()) return stored_[id].dequantized;
  const Value& value = graph_.value(id);
  const std::string output = fresh(value.name + "_dequantized");
  if (auto status = dequantize(id, fresh(value.name + "_DequantizeLinear"), output); !status)
    return std::move(status.error()).in("value " + value.name);
  return stored_[id].dequantized = output;
}

Result<std::string> OnnxWriter::read(ValueId id) {
  if (!id.valid()) return std::string();
  const Value& value = graph_.value(id);
  if (value.type.is_quantized()) return write_dequantized(id);
  write_constant(id);
  const std::string& real = stored_[id].dequantized;  // of a constant stored as float16
  return real.empty() ? value.name : real;
}

namespace {

// The elements as float16, where that loses nothing.
std::optional<Tensor> exact_halves(const Tensor& tensor) {
  if (tensor.dtype() != DType::kFloat32 || tensor.shape().empty()) return std::nullopt;
  std::vector<uint16_t> halves;
  for (float x : tensor.data<float>()) {
    halves.push_back(float_to_half(x));
    if (half_to_float(halves.back()) != x) return std::nullopt;
  }
  return Tensor::of<uint16_t>(DType::kFloat16, tensor.shape(), halves);
}

}  // namespace

void OnnxWriter::write_constant(ValueId id) {
  const Value& value = graph_.value(id);
  if (!value.constant || written_[id]) return;
  written_[id] = true;
  const auto half = stores_float16_ && !is_output_[id.index] ? exact_halves(*value.constant) : std::nullopt;
  if (!half) return initializer(value.name, *value.constant);
  initializer(value.name, *half);
  stored_[id].dequantized = fresh(value.name + "_float32");
  node("Cast", fresh(value.name + "_Cast"), {value.name}, stored_[id].dequantized).integer("to", element_code(DType::kFloat32));
}

std::string OnnxWriter::made_name(ValueId id) {
  const Value& value = graph_.value(id);
  if (!value.type.is_quantized()) return value.name;
  return stored_[id].float_name = is_output_[id.index] ? fresh(value.name + "_float") : value.name;
}

Status OnnxWriter::finish_made(ValueId id) {
  const Value& value = graph_.value(id);
  if (!value.type.is_quantized()) return {};
  const std::string integers = is_output_[id.index] ? value.name : fresh(value.name + "_quantized");
  return quantize(id, fresh(value.name + "_QuantizeLinear"), stored_[id].float_name, integers);
}

Status OnnxWriter::write_conversion(const Node& node) {
  const ValueId input = node.inputs[0], output = node.outputs[0];
  const Value& made = graph_.value(output);
  if (made.type.is_quantized()) {
    HT_ASSIGN(const std::string source, read(input));
    return quantize(output, node.name, source, made.name);
  }
  if (!graph_.value(input).type.is_quantized()) return unsupported("changes nothing, which ONNX cannot say");
  return dequantize(input, node.name, made.name);
}

}  // namespace ht
