// SPDX-License-Identifier: Apache-2.0
// What an operator family offers, in the types that the families' headers and the dispatchers share.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "ir/graph.h"

namespace ht {

// An operator's input as shape inference sees it: quantized values count as f32. Absent optional inputs are null.
struct InferInput {
  const TensorType* type = nullptr;
  const Tensor* constant = nullptr;  // where the value is known
};
using InferInputs = std::span<const InferInput>;
using Types = std::vector<TensorType>;

// Inputs and outputs of a reference computation. Absent optional inputs are null; outputs come as zeros of their types.
using InputTensors = std::span<const Tensor* const>;
using OutputTensors = std::span<Tensor>;

// What quantization may do with an operator: data for quantize, which targets may only narrow.
enum class QuantKind : uint8_t {
  kFloat,       // computed in float only
  kWeighted,    // integer inner products: input, constant weights (zero point 0), int32 bias
  kMove,        // moves or selects elements: inputs and output share their parameters
  kArithmetic,  // each input and the output has parameters of its own
  kTable,       // a function of one 8-bit value: input and output have parameters of their own
};

struct QuantRule {
  QuantKind kind = QuantKind::kFloat;
  // Output channel c (axis 1) depends on input channel c alone and every channel is treated alike, so that parameters a
  // channel pass through.
  bool keeps_channels = false;
};

}  // namespace ht
