// SPDX-License-Identifier: Apache-2.0
// Weight scales whose requantization multipliers are short numbers, and biases that are short numbers of their units: a
// microcontroller then stores some two bytes an output for both.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ht {

// significand * 2^exponent.
struct ShortMultiplier {
  int significand = 1;
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
  int bits = 1;  // of each significand
};

// The least weight scales of short multipliers that are not less than those wanted, mostly a quarter larger at most but where a
// multiplier would be less than an eighth of the layer's largest: there outputs' steps are so coarse that weights of full
// precision do not show. Multipliers are those of float arithmetic, as ops/inner_product.cpp computes them, which does not give
// every significand: they have three bits or, where no such one can be had, up to six. Nothing where there are none.
std::optional<ShortScales> short_scales(std::span<const float> wanted, const ProductScales& scales);

// Rounds biases so that each, less its offset, is a multiple of 2^(k - exponent of its multiplier), with one k for all as large
// as can be with which that is a quarter of an output's step at most.
void shorten_biases(std::span<const int64_t> offsets, const ShortScales& scales, std::span<int32_t> biases);

}  // namespace ht
