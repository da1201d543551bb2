// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/pieces.h"

#include <numeric>

#include "ops/common.h"

namespace ht {

DType element_of(const ImportNode& node, size_t input) {
  const TensorType type = node.type(input);
  return type.is_quantized() ? DType::kFloat32 : type.dtype;
}

Status check_made(ImportNode& node, int64_t count, DType dtype) {
  constexpr int64_t kMost = int64_t{1} << 28;
  if (count > kMost) return unsupported("needs a constant of {} elements, which is too large", count);
  if (!node.builder().afford(count, count * dtype_size(dtype)))
    return unsupported("needs a constant of {} elements, which is too large beside those before it", count);
  return {};
}

ValueId scalar_beside(ImportNode& node, DType dtype, double value, std::string_view suffix) {
  Tensor tensor = Tensor::zeros(dtype, {});
  store(tensor, std::span<const double>(&value, 1));
  return node.constant_beside(std::move(tensor), suffix);
}

ValueId counting_beside(ImportNode& node, int64_t count, size_t axis, size_t rank, int64_t first, std::string_view suffix) {
  Ints numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), first);
  Shape shape(rank, 1);
  shape[axis] = count;
  return node.constant_beside(Tensor::of_int64s(numbers).reshaped(std::move(shape)), suffix);
}

Result<ValueId> unary_step(ImportNode& node, UnaryKind kind, ValueId x, std::string_view suffix) {
  return node.intermediate(Unary{kind, 0, 0}, {x}, suffix);
}

Result<ValueId> binary_step(ImportNode& node, BinaryKind kind, ValueId a, ValueId b, std::string_view suffix) {
  return node.intermediate(Binary{kind}, {a, b}, suffix);
}

Result<ValueId> reshape_step(ImportNode& node, ValueId x, Shape shape, std::string_view suffix) {
  if (node.builder().value(x).type.shape == shape) return x;
  return node.intermediate(Reshape{std::move(shape)}, {x}, suffix);
}

Result<ValueId> cast_step(ImportNode& node, ValueId x, DType to, std::string_view suffix) {
  const TensorType& type = node.builder().value(x).type;
  if ((type.is_quantized() ? DType::kFloat32 : type.dtype) == to) return x;
  return node.intermediate(Cast{to}, {x}, suffix);
}

}  // namespace ht
