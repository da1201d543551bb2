// SPDX-License-Identifier: Apache-2.0
// Weights that one scale for all suits, by factors moved between layers (Nagel et al., Data-Free Quantization Through Weight Equalization and
// Bias Correction, 2019).
#pragma once

#include <span>
#include <vector>

#include "quantize/ranges.h"

namespace ht {

// Of a value between layers, `making` and `reading` are the greatest magnitudes of the weights that make and that read each channel. With its
// channels divided by these factors, and the weights that read them multiplied, both are sqrt(making * reading): sqrt(making / reading). 1
// where either is zero.
std::vector<double> cross_layer_factors(std::span<const double> making, std::span<const double> reading);

// What of a channel with this mean and variance a ReLU behind it lets through nearly always: three standard deviations below the mean, or 0.
double absorbed_bias(double mean, double variance);

// Evens out the weights of convolutions that follow each other with a ReLU or nothing between. With `absorb_biases` those that read a value
// without padding have in their bias what absorbed_bias() says of it, which is nearly exact. The values that changed get the range from the
// least to the greatest that was observed. Says what it did in `notes`.
Result<Equalizations> equalize_layers(Graph& graph, const std::vector<Role>& roles, const Statistics& statistics, const QuantizeRequest& request,
                                      bool absorb_biases, std::vector<std::string>& notes);

}  // namespace ht
