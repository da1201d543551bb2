// SPDX-License-Identifier: Apache-2.0
// Functions of one element; those that the file's opset has not are written with others. The last node of such a group has the
// name of the whole.
#include <algorithm>
#include <array>
#include <limits>

#include "export/onnx/writer.h"

namespace ht {
namespace {

// A group of nodes that replaces one.
class Group {
 public:
  Group(OnnxWriter& writer, const std::string& name, const std::string& input, const std::string& output)
      : writer_(writer), name_(name), input_(input), output_(output) {}

  const std::string& input() const { return input_; }
  std::string step(std::string_view op, const std::vector<std::string>& inputs) {
    const std::string suffix = "_" + std::string(op);
    std::string result = writer_.fresh(output_ + suffix);
    writer_.node(op, writer_.fresh(name_ + suffix), inputs, result);
    return result;
  }
  void last(std::string_view op, const std::vector<std::string>& inputs) { writer_.node(op, name_, inputs, output_); }
  std::string number(std::string_view what, float value) {
    return writer_.constant_float(name_ + "_" + std::string(what), value);
  }

 private:
  OnnxWriter& writer_;
  const std::string &name_, &input_, &output_;
};

void write_hard_swish(OnnxWriter& writer, const std::string& name, const std::string& input, const std::string& output) {
  const std::string gate = writer.fresh(output + "_HardSigmoid");
  writer.node("HardSigmoid", writer.fresh(name + "_HardSigmoid"), {input}, gate).number("alpha", 1.0f / 6).number("beta", 0.5f);
  writer.node("Mul", name, {input, gate}, output);
}

// x / 2 * (1 + erf(x / sqrt 2))
void write_gelu(Group group) {
  const std::string scaled = group.step("Div", {group.input(), group.number("sqrt2", 1.41421356f)});
  const std::string shifted = group.step("Add", {group.step("Erf", {scaled}), group.number("one", 1)});
  group.last("Mul", {group.step("Mul", {group.input(), shifted}), group.number("half", 0.5f)});
}

// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
void write_gelu_tanh(Group group) {
  const std::string cube = group.step("Pow", {group.input(), group.number("three", 3)});
  const std::string sum = group.step("Add", {group.input(), group.step("Mul", {cube, group.number("cubic", 0.044715f)})});
  const std::string curve = group.step("Tanh", {group.step("Mul", {sum, group.number("sqrt2_pi", 0.797884561f)})});
  const std::string shifted = group.step("Add", {curve, group.number("one", 1)});
  group.last("Mul", {group.step("Mul", {group.input(), shifted}), group.number("half", 0.5f)});
}

Tensor bound(DType dtype, float value) {
  if (dtype == DType::kFloat32) return Tensor::of_floats({}, std::span(&value, 1));
  const auto [low, high] = integer_range(dtype);
  const auto whole = static_cast<int64_t>(std::clamp(static_cast<double>(value), -9.2e18, 9.2e18));
  const int64_t integer = std::clamp(whole, low, high);
  Tensor tensor = Tensor::zeros(dtype, {});
  const auto bytes = tensor.mutable_data<uint8_t>();
  std::copy_n(reinterpret_cast<const uint8_t*>(&integer), bytes.size(), bytes.begin());  // little-endian
  return tensor;
}

void write_clip(OnnxWriter& writer, const Unary& unary, const std::string& name, const std::string& input,
                const std::string& output, DType dtype) {
  std::string low, high;
  if (unary.alpha > std::numeric_limits<float>::lowest()) low = writer.constant(name + "_min", bound(dtype, unary.alpha));
  if (unary.beta < std::numeric_limits<float>::max()) high = writer.constant(name + "_max", bound(dtype, unary.beta));
  writer.node("Clip", name, {input, low, high}, output);
}

}  // namespace

void write_unary(OnnxWriter& writer, const Unary& unary, const std::string& name, const std::string& input,
                 const std::string& output, DType dtype) {
  const std::string_view op = kUnaryNames[static_cast<size_t>(unary.kind)];
  Group group(writer, name, input, output);
  switch (unary.kind) {
    case UnaryKind::kSilu:
      group.last("Mul", {input, group.step("Sigmoid", {input})});
      return;
    case UnaryKind::kHardSwish:
      if (writer.opset() >= 14) break;
      write_hard_swish(writer, name, input, output);
      return;
    case UnaryKind::kMish:
      if (writer.opset() >= 18) break;
      group.last("Mul", {input, group.step("Tanh", {group.step("Softplus", {input})})});
      return;
    case UnaryKind::kGelu:
    case UnaryKind::kGeluTanh: {
      const bool is_tanh = unary.kind == UnaryKind::kGeluTanh;
      if (writer.opset() >= 20)
        writer.node("Gelu", name, {input}, output).text("approximate", is_tanh ? "tanh" : "none");
      else if (is_tanh)
        write_gelu_tanh(group);
      else
        write_gelu(group);
      return;
    }
    case UnaryKind::kClip:
      write_clip(writer, unary, name, input, output, dtype);
      return;
    case UnaryKind::kLeakyRelu:
    case UnaryKind::kElu:
    case UnaryKind::kCelu:
      writer.node(op, name, {input}, output).number("alpha", unary.alpha);
      return;
    case UnaryKind::kHardSigmoid:
      writer.node(op, name, {input}, output).number("alpha", unary.alpha).number("beta", unary.beta);
      return;
    case UnaryKind::kSelu:
      writer.node(op, name, {input}, output).number("alpha", unary.alpha).number("gamma", unary.beta);
      return;
    case UnaryKind::kRelu:
    case UnaryKind::kSigmoid:
    case UnaryKind::kTanh:
    case UnaryKind::kErf:
    case UnaryKind::kSoftplus:
    case UnaryKind::kSoftsign:
    case UnaryKind::kExp:
    case UnaryKind::kLog:
    case UnaryKind::kSqrt:
    case UnaryKind::kNeg:
    case UnaryKind::kAbs:
    case UnaryKind::kFloor:
    case UnaryKind::kCeil:
    case UnaryKind::kRound:
    case UnaryKind::kReciprocal:
    case UnaryKind::kSin:
    case UnaryKind::kCos:
    case UnaryKind::kSign:
    case UnaryKind::kNot:
      break;
  }
  group.last(op, {input});
}

}  // namespace ht
