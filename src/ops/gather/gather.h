// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Gather&, InferInputs inputs);
Status reference(const Gather&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Gather&);

// All in [-size, size).
Status check_indices(std::span<const int64_t> indices, int64_t size);

}  // namespace ht
