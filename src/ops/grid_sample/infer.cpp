// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/grid_sample/grid_sample.h"

namespace ht {

Result<Types> infer(const GridSample&, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 2));
  HT_TRY(check_float(inputs));
  const Shape& x = inputs[0].type->shape;
  const Shape& grid = inputs[1].type->shape;
  if (x.size() != 4)
    return unsupported("samples a tensor of shape {}; only pictures [N, C, height, width] can be sampled", shape_text(x));
  if (grid.size() != 4 || grid[0] != x[0] || grid[3] != 2)
    return input_error("the grid has the shape {} and needs [{}, height, width, 2]", shape_text(grid), x[0]);
  if (element_count(x) == 0) return input_error("samples a picture without pixels");
  return one_output(inputs[0].type->dtype, {x[0], x[1], grid[1], grid[2]});
}

QuantRule quant_rule(const GridSample&) { return {}; }

}  // namespace ht
