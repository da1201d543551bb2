// SPDX-License-Identifier: Apache-2.0
#include "ops/binary/binary.h"
#include "ops/common.h"

namespace ht {
namespace {

bool is_comparison(BinaryKind kind) {
  return kind == BinaryKind::kEqual || kind == BinaryKind::kLess || kind == BinaryKind::kLessOrEqual ||
         kind == BinaryKind::kGreater || kind == BinaryKind::kGreaterOrEqual;
}

bool is_logical(BinaryKind kind) { return kind == BinaryKind::kAnd || kind == BinaryKind::kOr || kind == BinaryKind::kXor; }

bool is_defined(BinaryKind kind, DType dtype) {
  if (is_logical(kind)) return dtype == DType::kBool;
  if (kind == BinaryKind::kMod) return is_integer(dtype);
  if (kind == BinaryKind::kEqual) return true;
  return dtype != DType::kBool;
}

}  // namespace

Result<Types> infer(const Binary& binary, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 2));
  if (binary.kind != BinaryKind::kPow) HT_TRY(check_same_dtype(inputs));
  const DType dtype = inputs[0].type->dtype;
  for (const InferInput& input : inputs)
    if (!is_defined(binary.kind, input.type->dtype))
      return unsupported("is not defined for the element type {}", dtype_name(input.type->dtype));
  HT_ASSIGN(Shape shape, broadcast_shapes(inputs[0].type->shape, inputs[1].type->shape));
  if (binary.kind == BinaryKind::kPRelu && shape != inputs[0].type->shape)
    return input_error("the slope's shape {} does not broadcast to the input's {}", shape_text(inputs[1].type->shape),
                       shape_text(inputs[0].type->shape));
  return one_output(is_comparison(binary.kind) ? DType::kBool : dtype, std::move(shape));
}

QuantRule quant_rule(const Binary& binary) {
  const bool is_arithmetic =
      binary.kind == BinaryKind::kAdd || binary.kind == BinaryKind::kSub || binary.kind == BinaryKind::kMul;
  return {is_arithmetic ? QuantKind::kArithmetic : QuantKind::kFloat, false};
}

}  // namespace ht
