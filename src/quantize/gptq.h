// SPDX-License-Identifier: Apache-2.0
// Rounding weights so that the errors of a convolution's sum cancel on the inputs it sees.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "quantize/weights.h"

namespace ht {

// Of the integers (q - zero point) that a convolution's taps read at sampled outputs: sums of products of each two. Exact, since
// they are sums of integers below 2^53, so neither order nor threads matter.
struct InputMoments {
  int64_t groups = 0, size = 0;  // size: input channels a group times taps, in the order of the weights
  std::vector<double> sums;      // [groups, size, size]
};

// A convolution whose input is quantized.
struct ObservedProduct {
  std::string node, input;
  TensorType input_type;  // quantized
  Conv conv;
  Shape weights, output;
};

// By the node's name; convolutions with more than kMostTaps taps a group are left out.
using MeasureMoments = std::function<Result<std::map<std::string, InputMoments>>(std::span<const ObservedProduct> products)>;
inline constexpr int64_t kMostTaps = 1152;

// Chooses the integers of `quantized` anew, scales staying as they are, where that lowers the mean squared error of the sums: weights
// are rounded one after the other, those that read the strongest inputs first, and the rest takes up each error as far as the inputs
// are correlated (Frantar et al., GPTQ, 2023; damping 1 % of the mean square). For weights [outputs, inputs a group, taps...].
void round_by_moments(std::span<const float> weights, const WeightRequest& request, const InputMoments& moments, QuantizedWeights& quantized);

}  // namespace ht
