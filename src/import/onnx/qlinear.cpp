// SPDX-License-Identifier: Apache-2.0
// Operators on integers with scales and zero points among their inputs: the same operators on quantized values.
#include "import/onnx/quantization.h"

namespace ht {
namespace {

// Input `data`, whose scales and zero points are the two inputs behind it.
Result<ValueId> quantized_input(ImportNode& node, size_t data, int64_t axis = 0) {
  if (!node.has_input(data)) return input_error("its input {} is missing", data);
  const DType dtype = node.type(data).dtype;
  if (dtype != DType::kInt8 && dtype != DType::kUint8)
    return input_error("its input {} is of type {}; it must be 8-bit integers", data, dtype_name(dtype));
  HT_ASSIGN(const Affine affine, read_parameters(node, {data + 1, data + 2, axis}, dtype, node.shape(data)));
  return read_quantized(node, data, affine);
}

// How the output is quantized.
struct Made {
  DType dtype;
  Affine affine;
};

// Scale and zero point of the output, the same for all of it.
Result<Made> made_integers(ImportNode& node, size_t scale, size_t data = 0) {
  const DType dtype = node.has_input(scale + 1) ? node.type(scale + 1).dtype : node.type(data).dtype;
  if (!node.has_input(scale)) return input_error("its input {} is missing", scale);
  if (element_count(node.shape(scale)) != 1)
    return unsupported("makes a tensor with {} scales; it must be quantized with one", element_count(node.shape(scale)));
  HT_ASSIGN(Affine affine, read_parameters(node, {scale, scale + 1}, dtype, {}));
  return Made{dtype, std::move(affine)};
}

// The operator of ONNX that computes the same from real numbers.
Status compute(ImportNode& node, std::string_view op_type, int64_t opset, std::vector<ValueId> inputs,
               const std::optional<Made>& made) {
  const OnnxRow* row = find_onnx_row("", op_type, opset);
  if (!row) return unsupported("computes {} of opset {}, which Halftone does not know", op_type, opset);
  std::vector<Operand> operands;
  for (ValueId input : inputs) operands.push_back({input});
  node.become(op_type, opset, std::move(operands));
  HT_TRY(row->convert(node));
  return made ? make_integers(node, made->dtype, made->affine) : Status();
}

// "Add" of "QLinearAdd"
std::string plain_name(const ImportNode& node) {
  constexpr std::string_view kPrefix = "QLinear";
  return node.op_type().substr(kPrefix.size());
}

// int32 of a bias in units of the products' sums: for each output channel the product of the scales.
Result<ValueId> quantized_bias(ImportNode& node, size_t bias, ValueId x, ValueId weights, float factor, size_t axis) {
  if (!node.has_input(bias)) return ValueId();
  const Affine& input = *node.builder().value(x).type.affine;
  const Affine& weight = *node.builder().value(weights).type.affine;
  const TensorType type = node.type(bias);
  if (type.dtype != DType::kInt32) return input_error("its bias is of type {}; it must be i32", dtype_name(type.dtype));
  if (!input.is_per_tensor()) return unsupported("has a bias and an input with several scales");
  std::vector<float> scales = weight.scales();
  for (float& scale : scales) scale *= input.scales()[0] * factor;
  if (scales.size() == 1) {
    HT_ASSIGN(const Affine affine, Affine::per_tensor(scales[0]));
    return read_quantized(node, bias, affine);
  }
  if (axis >= type.shape.size() || type.shape[axis] != static_cast<int64_t>(scales.size()))
    return input_error("its bias has the shape {}, but its weights have {} scales", shape_text(type.shape), scales.size());
  HT_ASSIGN(const Affine affine, Affine::per_axis(std::move(scales), {}, axis, type.shape.size()));
  return read_quantized(node, bias, affine);
}

Status refuse_channels_last(ImportNode& node) {
  if (!node.flag("channels_last")) return {};
  return unsupported("has channels as the last axis, as ONNX Runtime's optimizer writes it; use the model as it was quantized");
}

// The axis of one scale a row or column; a vector has none.
int64_t matrix_axis(const Shape& shape, int64_t from_last) {
  return shape.size() < 2 ? 0 : static_cast<int64_t>(shape.size()) - from_last;
}

}  // namespace

Status import_qlinear_function(ImportNode& node) {
  constexpr int64_t kAxesAsAttribute = 13;  // of ReduceMean
  HT_ASSIGN(const Made made, made_integers(node, 3));
  HT_ASSIGN(const ValueId x, quantized_input(node, 0));
  return compute(node, plain_name(node), std::min(node.opset(), kAxesAsAttribute), {x}, made);
}

Status import_qlinear_pool(ImportNode& node) {
  HT_TRY(refuse_channels_last(node));
  HT_ASSIGN(const Made made, made_integers(node, 3));
  HT_ASSIGN(const ValueId x, quantized_input(node, 0));
  return compute(node, plain_name(node), node.opset(), {x}, made);
}

Status import_qlinear_softmax(ImportNode& node) {
  const int64_t opset = node.integer("opset", node.opset());
  HT_ASSIGN(const Made made, made_integers(node, 3));
  HT_ASSIGN(const ValueId x, quantized_input(node, 0));
  return compute(node, plain_name(node), opset, {x}, made);
}

Status import_qlinear_binary(ImportNode& node) {
  HT_ASSIGN(const Made made, made_integers(node, 6));
  HT_ASSIGN(const ValueId a, quantized_input(node, 0));
  HT_ASSIGN(const ValueId b, quantized_input(node, 3));
  return compute(node, plain_name(node), node.opset(), {a, b}, made);
}

Status import_qlinear_concat(ImportNode& node) {
  constexpr size_t kFirst = 2, kEach = 3;
  const size_t parts = node.input_count() - kFirst;
  // A zero point that is not there at the very end does not count as an input.
  if (parts % kEach == 1) return input_error("has {} inputs, which are not three for each part", node.input_count());
  HT_ASSIGN(const Made made, made_integers(node, 0, kFirst));
  std::vector<ValueId> inputs;
  for (size_t i = kFirst; i < node.input_count(); i += kEach) {
    HT_ASSIGN(const ValueId part, quantized_input(node, i));
    inputs.push_back(part);
  }
  return compute(node, plain_name(node), node.opset(), std::move(inputs), made);
}

Status import_qlinear_where(ImportNode& node) {
  HT_ASSIGN(const Made made, made_integers(node, 7, 1));
  HT_ASSIGN(const ValueId a, quantized_input(node, 1));
  HT_ASSIGN(const ValueId b, quantized_input(node, 4));
  return compute(node, plain_name(node), node.opset(), {node.input(0), a, b}, made);
}

Status import_qlinear_conv(ImportNode& node) {
  HT_ASSIGN(const Made made, made_integers(node, 6));
  HT_ASSIGN(const ValueId x, quantized_input(node, 0, 1));
  HT_ASSIGN(const ValueId weights, quantized_input(node, 3));
  HT_ASSIGN(const ValueId bias, quantized_bias(node, 8, x, weights, 1, 0));
  return compute(node, "Conv", node.opset(), {x, weights, bias}, made);
}

Status import_qlinear_matmul(ImportNode& node) {
  HT_ASSIGN(const Made made, made_integers(node, 6));
  HT_ASSIGN(const ValueId a, quantized_input(node, 0, matrix_axis(node.shape(0), 2)));
  HT_ASSIGN(const ValueId b, quantized_input(node, 3, matrix_axis(node.shape(3), 1)));
  return compute(node, "MatMul", node.opset(), {a, b}, made);
}

Status import_qgemm(ImportNode& node) {
  std::optional<Made> made;  // without parameters the result stays real
  if (node.has_input(7)) {
    HT_ASSIGN(made, made_integers(node, 7));
  }
  HT_ASSIGN(const ValueId a, quantized_input(node, 0));
  HT_ASSIGN(const ValueId b, quantized_input(node, 3, node.flag("transB") ? 0 : 1));
  const size_t columns = node.has_input(6) && node.shape(6).size() == 2 ? 1 : 0;
  HT_ASSIGN(const ValueId bias, quantized_bias(node, 6, a, b, node.number("alpha", 1), columns));
  return compute(node, "Gemm", std::max<int64_t>(node.opset(), 11), {a, b, bias}, made);
}

}  // namespace ht
