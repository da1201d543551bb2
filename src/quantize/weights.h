// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "ir/type.h"

namespace ht {

enum class WeightScale { kMax, kMse };  // the greatest magnitude, or the least squared error

// The greatest integer of symmetric weights of so many bits.
constexpr int32_t weight_limit(int bits) { return (1 << (bits - 1)) - 1; }

struct WeightRequest {
  WeightScale scale = WeightScale::kMse;
  bool per_channel = true;               // a scale an index of the output axis, or one for all
  int32_t least = -127, greatest = 127;  // symmetric about zero, or one more below it
  size_t output_axis = 0, input_axis = 1;
  int64_t groups = 1;  // of a grouped convolution: the input axis indexes the channels of one group
  // Scales of the input's channels that the weights absorb: W * s is quantized instead of W. One a channel of the whole
  // input (groups times the input axis), or empty.
  std::span<const float> input_scales = {};
  // Mean square of each channel of the whole input, which says how much the error of its weights matters to kMse; empty: all alike.
  std::span<const double> input_energies = {};
  // Scales that the result has, one an output; empty: they are searched.
  std::span<const float> scales = {};
  // Of inputs whose weights share a scale, at each of the axes behind output and input; the last block may be shorter. 0: all do.
  // Needs per_channel.
  int64_t block = 0;
};

struct QuantizedWeights {
  std::vector<float> scales;   // one an output channel, or one; of W * input scale
  std::vector<int8_t> values;  // in the weights' own order: round(W * input scale / scale), half to even, saturated
  // Where weights are in blocks, what their output's scale is multiplied by for each, in their own order; else empty.
  std::vector<uint8_t> multiples;

  double multiple(size_t weight) const { return multiples.empty() ? 1 : multiples[weight]; }
};

// Weights must be finite. A channel of zeros takes the scale that all weights together would have.
Result<QuantizedWeights> quantize_weights(std::span<const float> weights, const Shape& shape, const WeightRequest& request);

}  // namespace ht
