// SPDX-License-Identifier: Apache-2.0
// Operators whose results are known at import, and those that pass their input on.
#include <algorithm>
#include <array>
#include <cmath>

#include "import/onnx/pieces.h"
#include "import/onnx/table.h"
#include "import/onnx/tensor_data.h"
#include "ops/common.h"

namespace ht {
namespace {

constexpr double kLongestRange = int64_t{1} << 28;

}  // namespace

Status import_constant(ImportNode& node) {
  constexpr std::array<std::string_view, 7> kForms = {"value",        "value_int",    "value_ints",   "value_float",
                                                      "value_floats", "value_string", "value_strings"};
  if (node.has_attribute("sparse_value")) return unsupported("its value is a sparse tensor; store it dense");
  if (std::ranges::count_if(kForms, [&](std::string_view form) { return node.has_attribute(form); }) != 1)
    return input_error("must have exactly one attribute that says its value");
  if (node.has_attribute("value_int")) {
    const int64_t value = node.integer("value_int", 0);
    node.emit_constant(Tensor::of(DType::kInt64, {}, std::span(&value, 1)));
  } else if (node.has_attribute("value_ints")) {
    node.emit_constant(Tensor::of_int64s(node.integers("value_ints", {})));
  } else if (node.has_attribute("value_float")) {
    const float value = node.number("value_float", 0);
    node.emit_constant(Tensor::of_floats({}, std::span(&value, 1)));
  } else if (node.has_attribute("value_floats")) {
    const Floats values = node.numbers("value_floats");
    node.emit_constant(Tensor::of_floats({static_cast<int64_t>(values.size())}, values));
  } else if (node.has_attribute("value")) {
    node.emit_constant(node.tensor("value", Tensor::zeros(DType::kFloat32, {})));
  } else {
    return unsupported("its value is text, which no tensor of Halftone holds");
  }
  return {};
}

Status import_constant_of_shape(ImportNode& node) {
  HT_ASSIGN(const Ints shape, node.constant_ints(0, "shape"));
  HT_ASSIGN(const int64_t count, checked_element_count(shape));
  if (shape.size() > 8) return unsupported("makes a tensor of {} axes; at most 8 are supported", shape.size());
  const Tensor value = node.tensor("value", Tensor::zeros(DType::kFloat32, {1}));
  if (value.size() != 1) return node.wrong_attribute("value", "must hold one element");
  HT_TRY(check_made(node, count, value.dtype()));
  Tensor filled = Tensor::zeros(value.dtype(), shape);
  const auto element = value.bytes();
  const auto bytes = filled.mutable_data<uint8_t>();
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = element[i % element.size()];
  node.emit_constant(std::move(filled));
  return {};
}

Status import_shape(ImportNode& node) {
  const Shape shape = node.shape(0);
  const auto rank = static_cast<int64_t>(shape.size());
  int64_t start = 0, end = rank;
  if (node.opset() >= 15) {
    start = node.integer("start", 0);
    end = node.integer("end", rank);
  }
  const auto clamp = [rank](int64_t i) { return i < 0 ? std::max<int64_t>(i, -rank) + rank : std::min(i, rank); };
  const int64_t first = clamp(start), last = std::max(first, clamp(end));
  node.emit_constant(Tensor::of_int64s(Ints(shape.begin() + first, shape.begin() + last)));
  return {};
}

Status import_size(ImportNode& node) {
  const int64_t count = element_count(node.shape(0));
  node.emit_constant(Tensor::of(DType::kInt64, {}, std::span(&count, 1)));
  return {};
}

Status import_range(ImportNode& node) {
  if (node.opset() >= 27) node.ignore("stash_type");
  std::array<Tensor, 3> bounds;
  constexpr std::array<std::string_view, 3> kNames = {"start", "limit", "step"};
  for (size_t i = 0; i < 3; ++i) {
    HT_ASSIGN(bounds[i], node.constant(i, kNames[i]));
    if (bounds[i].size() != 1 || bounds[i].dtype() != bounds[0].dtype())
      return input_error("start, limit and step must be single numbers of one type");
  }
  const double start = bounds[0].to_doubles()[0], limit = bounds[1].to_doubles()[0], step = bounds[2].to_doubles()[0];
  const double count = std::max(0.0, std::ceil((limit - start) / step));
  if (step == 0 || !(count <= kLongestRange))
    return input_error("the range from {} to {} in steps of {} is endless or too long", start, limit, step);
  const auto size = static_cast<size_t>(count);
  HT_TRY(check_made(node, static_cast<int64_t>(size), bounds[0].dtype()));
  if (bounds[0].dtype() == DType::kFloat32) {
    Floats values(size);
    for (size_t i = 0; i < size; ++i) values[i] = static_cast<float>(start + static_cast<double>(i) * step);
    node.emit_constant(Tensor::of_floats({static_cast<int64_t>(size)}, values));
    return {};
  }
  const auto first = bounds[0].to_int64s()[0], by = bounds[2].to_int64s()[0];
  Tensor values = Tensor::zeros(bounds[0].dtype(), {static_cast<int64_t>(size)});
  const auto fill = [&](auto elements) {
    using Element = typename decltype(elements)::element_type;
    for (size_t i = 0; i < size; ++i) elements[i] = static_cast<Element>(first + static_cast<int64_t>(i) * by);
  };
  switch (bounds[0].dtype()) {
    case DType::kInt64:
      fill(values.mutable_data<int64_t>());
      break;
    case DType::kInt32:
      fill(values.mutable_data<int32_t>());
      break;
    case DType::kInt16:
      fill(values.mutable_data<int16_t>());
      break;
    default:
      return unsupported("ranges of the type {} are not supported; use int64", dtype_name(bounds[0].dtype()));
  }
  node.emit_constant(std::move(values));
  return {};
}

Status import_eye_like(ImportNode& node) {
  const Shape shape = node.shape(0);
  if (shape.size() != 2) return input_error("its input has the shape {} and is no matrix", shape_text(shape));
  const int64_t code = node.integer("dtype", 0), diagonal = node.integer("k", 0);
  DType dtype = element_of(node, 0);
  if (code != 0) {
    const auto named = code < 0 || code > INT32_MAX ? std::nullopt : element_type(static_cast<int32_t>(code));
    if (!named) return unsupported("its attribute 'dtype' is ONNX's number {}, which Halftone does not know", code);
    dtype = *named;
  }
  HT_TRY(check_made(node, element_count(shape), DType::kInt64));
  Ints elements(static_cast<size_t>(element_count(shape)));
  for (int64_t row = 0; row < shape[0]; ++row)
    if (diagonal > -shape[0] && diagonal < shape[1] && row + diagonal >= 0 && row + diagonal < shape[1])
      elements[static_cast<size_t>(row * shape[1] + row + diagonal)] = 1;
  Tensor eye = Tensor::zeros(dtype, shape);
  store(eye, elements);
  node.emit_constant(std::move(eye));
  return {};
}

// Where the condition is known, the branch has been imported in its place.
Status import_if(ImportNode& node) {
  node.ignore("then_branch");
  node.ignore("else_branch");
  return unsupported("decides at run time, by '{}', which operators are computed; only conditions that are known can be "
                     "imported, so export the model with fixed shapes",
                     node.builder().value(node.input(0)).name);
}

Status import_identity(ImportNode& node) {
  node.forward(node.operand(0));
  return {};
}

Status import_dropout(ImportNode& node) {
  if (node.opset() < 12) node.ignore("ratio");
  if (node.opset() >= 12) node.ignore("seed");
  if (node.opset() < 12 && node.input_count() > 1)
    return input_error("has {} inputs; Dropout of opset {} has one", node.input_count(), node.opset());
  if (node.wants_output(1))
    return unsupported("its second output (the mask) is used, as in training; export the model for inference");
  if (node.has_input(2)) {
    HT_ASSIGN(const float training, node.constant_float(2, "training mode"));
    if (training != 0) return unsupported("is in training mode; export the model for inference (in PyTorch: model.eval())");
  }
  node.forward(node.operand(0));
  return {};
}

}  // namespace ht
