// SPDX-License-Identifier: Apache-2.0
// Weight scales whose requantization multipliers are short numbers, and biases that are short numbers of their units: a microcontroller then
// stores three bytes an output for both.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ht {

// significand * 2^exponent, with the significand in [32, 63].
struct ShortMultiplier {
  int significand = 32;
  int exponent = 0;
};

// Of the outputs of a product: the scale of the input that each one's first weight reads, and that of what it is stored as.
struct ProductScales {
  std::span<const float> input, output;
  bool absorbs = false;  // whether weight scales are those of the weights times their inputs' scales
  std::vector<bool> varies;  // false for an output that is one number whatever the input is, which needs no multiplier
};

struct ShortScales {
  std::vector<float> scales;                 // those wanted of outputs that do not vary
  std::vector<ShortMultiplier> multipliers;  // of those that vary
  std::vector<bool> varies;
};

// The least weight scales of short multipliers that are not less than those wanted, a 32nd larger at most but where a multiplier would be less than a 128th of
// the layer's largest: there outputs' steps are so coarse that weights of full precision do not show. Multipliers are those of float arithmetic, as
// ops/inner_product.cpp computes them. Nothing where there are none.
std::optional<ShortScales> short_scales(std::span<const float> wanted, const ProductScales& scales);

// Rounds biases so that each, less its offset, is 16 bits times 2^(k - exponent of its multiplier), with one k for all as small as can be; leaves them
// where that would be coarser than a quarter of an output's step.
void shorten_biases(std::span<const int64_t> offsets, const ShortScales& scales, std::span<int32_t> biases);

}  // namespace ht
