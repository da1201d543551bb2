// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/unary/unary.h"

namespace ht {
namespace {

bool takes_integers(UnaryKind kind) {
  return kind == UnaryKind::kRelu || kind == UnaryKind::kClip || kind == UnaryKind::kNeg || kind == UnaryKind::kAbs ||
         kind == UnaryKind::kSign;
}

}  // namespace

Result<Types> infer(const Unary& unary, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  const DType dtype = inputs[0].type->dtype;
  const bool is_defined = unary.kind == UnaryKind::kNot ? dtype == DType::kBool
                                                        : is_float(dtype) || (is_integer(dtype) && takes_integers(unary.kind));
  if (!is_defined) return unsupported("is not defined for the element type {}", dtype_name(dtype));
  return one_output(dtype, inputs[0].type->shape);
}

QuantRule quant_rule(const Unary& unary) {
  switch (unary.kind) {
    case UnaryKind::kRelu:
    case UnaryKind::kLeakyRelu:
    case UnaryKind::kClip:
    case UnaryKind::kSigmoid:
    case UnaryKind::kHardSigmoid:
    case UnaryKind::kSilu:
    case UnaryKind::kHardSwish:
    case UnaryKind::kTanh:
    case UnaryKind::kGelu:
    case UnaryKind::kGeluTanh:
    case UnaryKind::kErf:
    case UnaryKind::kElu:
    case UnaryKind::kSelu:
    case UnaryKind::kCelu:
    case UnaryKind::kSoftplus:
    case UnaryKind::kSoftsign:
    case UnaryKind::kMish:
    case UnaryKind::kNeg:
    case UnaryKind::kAbs:
      return {QuantKind::kTable, true};
    case UnaryKind::kExp:
    case UnaryKind::kLog:
    case UnaryKind::kSqrt:
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
  return {QuantKind::kFloat, true};
}

}  // namespace ht
