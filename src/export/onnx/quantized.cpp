// SPDX-License-Identifier: Apache-2.0
// How quantized values stand in the file.
#include <algorithm>
#include <cmath>
#include <cstring>

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

// Scales s(i, j) over two axes as first(i) * second(j), each product exactly s(i, j) in single precision. second(0) is 1, so
// first is the first column; second is searched for around the quotient.
struct Factors {
  std::vector<float> first, second;
};

std::optional<float> exact_factor(std::span<const float> first, std::span<const float> scales, size_t column, size_t columns) {
  constexpr int kMostSteps = 4;
  const float quotient = scales[column] / first[0];
  const auto fits = [&](float factor) {
    for (size_t i = 0; i < first.size(); ++i)
      if (first[i] * factor != scales[i * columns + column]) return false;
    return true;
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

Result<Factors> factors_of(const Affine& affine, size_t rows, size_t columns) {
  Factors factors;
  const auto& scales = affine.scales();
  for (size_t i = 0; i < rows; ++i) factors.first.push_back(scales[i * columns]);
  for (size_t j = 0; j < columns; ++j) {
    const auto factor = exact_factor(factors.first, scales, j, columns);
    if (!factor)
      return unsupported(
          "its scales vary along two axes and are no products of one vector an axis, which is all that ONNX can say");
    factors.second.push_back(*factor);
  }
  return factors;
}

// The axes along which the scales vary.
std::vector<size_t> varying_axes(const Affine& affine) {
  std::vector<size_t> axes;
  for (size_t i = 0; i < affine.shape().size(); ++i)
    if (affine.shape()[i] != 1) axes.push_back(i);
  return axes;
}

}  // namespace

// Scales and zero points as tensors, along one axis, of each element of some axes in blocks, or for all; and what is
// multiplied after dequantizing.
struct OnnxWriter::Parameters {
  Shape shape;
  std::vector<float> scales;
  std::vector<int32_t> zero_points;
  std::optional<int64_t> axis;
  int64_t block = 0;
  std::optional<Tensor> factor;
};

Result<OnnxWriter::Parameters> OnnxWriter::parameters(ValueId id) {
  const Value& value = graph_.value(id);
  const Affine& affine = *value.type.affine;
  const Shape& shape = value.type.shape;
  if (affine.is_per_tensor()) return Parameters{{}, affine.scales(), affine.zero_points(), std::nullopt, 0, std::nullopt};
  if (const auto axis = affine.axis()) {
    const int64_t size = shape[*axis];
    return Parameters{
        {size},      affine.scales_along(*axis, size), affine.zero_points_along(*axis, size), static_cast<int64_t>(*axis), 0,
        std::nullopt};
  }
  const auto axes = varying_axes(affine);
  for (size_t axis : axes) {
    if (affine.shape()[axis] == shape[axis]) continue;
    Parameters blocked{shape, {}, {}, static_cast<int64_t>(axis), shape[axis] / affine.shape()[axis], std::nullopt};
    blocked.shape[axis] = affine.shape()[axis];
    Shape blocks = affine.shape();
    HT_ASSIGN(Affine over_blocks, Affine::make(blocks, affine.scales(), affine.zero_points()));
    for (int64_t i = 0; i < element_count(blocked.shape); ++i) {
      const size_t index = over_blocks.index_of(blocked.shape, i);
      blocked.scales.push_back(affine.scales()[index]);
      blocked.zero_points.push_back(affine.zero_points()[index]);
    }
    return blocked;
  }
  if (axes.size() != 2 || !value.constant)
    return unsupported("its scales vary along {} axes, which ONNX cannot say", axes.size());
  const auto rows = static_cast<size_t>(shape[axes[0]]), columns = static_cast<size_t>(shape[axes[1]]);
  auto factors = factors_of(affine, rows, columns);
  if (!factors) return std::move(factors.error());
  Parameters split{{shape[axes[0]]}, std::move(factors->first), {}, static_cast<int64_t>(axes[0]), 0, std::nullopt};
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j) {
      const int32_t zero_point = affine.zero_points()[i * columns + j];
      if (j == 0) split.zero_points.push_back(zero_point);
      if (zero_point != split.zero_points.back())
        return unsupported("its zero points vary along two axes, which ONNX cannot say");
    }
  Shape factor_shape(shape.size(), 1);
  factor_shape[axes[1]] = shape[axes[1]];
  split.factor = Tensor::of_floats(factor_shape, factors->second);
  return split;
}

namespace {

template <class Parameters>
void write_axis(Attributes attributes, const Parameters& parameters) {
  if (parameters.axis) attributes.integer("axis", *parameters.axis);
  if (parameters.block != 0) attributes.integer("block_size", parameters.block);
}

}  // namespace

Status OnnxWriter::quantize(ValueId id, const std::string& node_name, const std::string& input, const std::string& output) {
  const Value& value = graph_.value(id);
  HT_ASSIGN(const Parameters parameters, this->parameters(id));
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
  HT_ASSIGN(const Parameters parameters, this->parameters(id));
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
