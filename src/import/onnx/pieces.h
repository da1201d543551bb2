// SPDX-License-Identifier: Apache-2.0
// Small constants and steps that converters are put together from.
#pragma once

#include "import/onnx/import_node.h"

namespace ht {

// The element type that operators see: real numbers of a quantized value.
DType element_of(const ImportNode& node, size_t input);
// Whether a constant of so many elements, which the file only describes, may be made beside those before it.
Status check_made(ImportNode& node, int64_t count, DType dtype);
// A scalar of the type.
ValueId scalar_beside(ImportNode& node, DType dtype, double value, std::string_view suffix);
// 0, 1, .. along one axis of a tensor with that many axes, all others being 1.
ValueId counting_beside(ImportNode& node, int64_t count, size_t axis, size_t rank, int64_t first, std::string_view suffix);

Result<ValueId> unary_step(ImportNode& node, UnaryKind kind, ValueId x, std::string_view suffix);
Result<ValueId> binary_step(ImportNode& node, BinaryKind kind, ValueId a, ValueId b, std::string_view suffix);
Result<ValueId> reshape_step(ImportNode& node, ValueId x, Shape shape, std::string_view suffix);
// The value itself where it has the type.
Result<ValueId> cast_step(ImportNode& node, ValueId x, DType to, std::string_view suffix);

}  // namespace ht
