// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/common.h"
#include "ops/reduce/reduce.h"

namespace ht {
namespace {

bool takes_integers(ReduceKind kind) {
  return kind == ReduceKind::kSum || kind == ReduceKind::kMean || kind == ReduceKind::kMax || kind == ReduceKind::kMin ||
         kind == ReduceKind::kProd || kind == ReduceKind::kL1 || kind == ReduceKind::kSumSquare;
}

}  // namespace

Result<Types> infer(const Reduce& reduce, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  const TensorType& x = *inputs[0].type;
  const bool is_extreme = reduce.kind == ReduceKind::kMax || reduce.kind == ReduceKind::kMin;
  if (!is_float(x.dtype) && !(is_integer(x.dtype) && takes_integers(reduce.kind)) && !(x.dtype == DType::kBool && is_extreme))
    return unsupported("is not defined for the element type {}", dtype_name(x.dtype));
  if (reduce.axes.empty() || !std::ranges::is_sorted(reduce.axes) || std::ranges::adjacent_find(reduce.axes) != reduce.axes.end())
    return input_error("the axes must be given in order, each once");
  HT_TRY(check_entries("axes", reduce.axes, reduce.axes.size(), 0, static_cast<int64_t>(x.shape.size()) - 1));
  Shape shape;
  for (size_t axis = 0; axis < x.shape.size(); ++axis) {
    if (!std::ranges::binary_search(reduce.axes, static_cast<int64_t>(axis)))
      shape.push_back(x.shape[axis]);
    else if (reduce.keep_dims)
      shape.push_back(1);
  }
  return one_output(x.dtype, std::move(shape));
}

QuantRule quant_rule(const Reduce&) { return {}; }

}  // namespace ht
