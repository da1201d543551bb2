// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/pool/pool.h"

namespace ht {

Result<Windows> windows_of(const Pool& pool, const Shape& input) {
  if (pool.global) {
    const size_t rank = input.size() < 2 ? 0 : input.size() - 2;
    const Ints ones(rank, 1), zeros(2 * rank, 0);
    return make_windows(input, std::span(input).last(rank), ones, ones, zeros, false);
  }
  return make_windows(input, pool.kernel, pool.strides, pool.dilations, pool.pads, pool.ceil_mode);
}

Result<Types> infer(const Pool& pool, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  const DType dtype = inputs[0].type->dtype;
  if (!is_float(dtype) && !(pool.kind == PoolKind::kMax && is_integer(dtype)))
    return unsupported("is not defined for the element type {}", dtype_name(dtype));
  if (pool.global && !(pool.kernel.empty() && pool.strides.empty() && pool.dilations.empty() && pool.pads.empty()))
    return input_error("is global and has a window of its own");
  const Shape& x = inputs[0].type->shape;
  HT_ASSIGN(const Windows windows, windows_of(pool, x));
  for (size_t i = 0; i < pool.kernel.size(); ++i) {
    const int64_t span = (pool.kernel[i] - 1) * pool.dilations[i] + 1;
    if (pool.pads[i] >= span || pool.pads[pool.kernel.size() + i] >= span)
      return input_error("the padding of spatial axis {} is not smaller than the window, which spans {}", i, span);
  }
  Shape shape = {x[0], x[1]};
  for (size_t axis = Windows::kAxes - (x.size() - 2); axis < Windows::kAxes; ++axis) shape.push_back(windows.axes[axis].out);
  return one_output(dtype, std::move(shape));
}

QuantRule quant_rule(const Pool& pool) { return {pool.kind == PoolKind::kMax ? QuantKind::kMove : QuantKind::kArithmetic, true}; }

}  // namespace ht
