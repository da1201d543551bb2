// SPDX-License-Identifier: Apache-2.0
// Weights, biases and other constants of integer nodes.
#pragma once

#include "quantize/ranges.h"

namespace ht {

// Gives the constants of every integer node whose data inputs are quantized their integer types. A constant that several nodes
// read becomes one constant a node. Biases take up what the rounding of weights shifts the mean of a convolution's output by.
Status quantize_constants(Graph& graph, const std::vector<Role>& roles, const Statistics& statistics, const QuantizeRequest& request,
                          const Equalizations& equalized);

}  // namespace ht
