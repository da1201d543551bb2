// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Resize&, InferInputs inputs);
Status reference(const Resize&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Resize&);

// How one output position of an axis is made: the sum of input positions times weights.
struct ResizeTap {
  int64_t index;
  double weight;
};
// The taps of every output position along one axis with `in` elements, in increasing order of their unclamped positions
// (those beyond the border stand at the border). Coordinates are computed in single precision, as ONNX Runtime does.
std::vector<std::vector<ResizeTap>> resize_taps(const Resize& resize, size_t axis, int64_t in);

}  // namespace ht
