// SPDX-License-Identifier: Apache-2.0
// Weights and biases by what their product's inputs are once everything before it is quantized.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "quantize/moments.h"
#include "quantize/row_rounding.h"
#include "quantize/weights.h"

namespace ht {

// Products with more weights an output than this have their biases corrected and their weights rounded to the nearest.
inline constexpr int64_t kMostSquares = 1152;

// The place in the weights' tensor of weight i of output o, in the order of ObservedProduct: outputs and then the rest, or for matrices with
// outputs behind (output_axis 1) the transpose.
size_t weight_position(const Shape& weights, size_t output_axis, size_t output, size_t i);

// The product as samples are to see it, or nothing where it is none whose integers could be summed. `input_scales`: of each channel of the
// whole input, or one for all.
std::optional<ObservedProduct> observed_product(const Graph& graph, const Node& node, std::span<const float> weights, std::span<const float> bias,
                                                const WeightRequest& request, std::span<const float> input_scales);

// Puts the products into an order in which none stands behind one that comes later, and cuts that into parts, each of which is to be measured when those
// before it have been rounded. Products do not stand behind others of their part either, since they would be fitted to errors that these then no
// longer make. Gives how many products each part has.
std::vector<size_t> sort_into_parts(const Graph& graph, std::vector<ObservedProduct>& products);

// Gives the product the integers and scales of `quantized` anew, and where it has a bias and that may be corrected the one with which each
// output's mean over the inputs there are is what the exact weights and bias make of them; where a photo has one place, what the float network has.
void refine_product(const ObservedProduct& product, const ObservedMoments& moments, std::span<const float> weights, const Shape& shape,
                    const WeightRequest& request, std::span<const float> input_scales, const RefineRequest& how, QuantizedWeights& quantized,
                    std::vector<float>& bias);

}  // namespace ht
