// SPDX-License-Identifier: Apache-2.0
// Weights of one output in blocks, whose scales are small multiples of the output's.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ht {

inline double round_half_even(double x) {
  constexpr double kMagic = 0x1.8p52;
  return (x + kMagic) - kMagic;
}

struct WeightBlock {
  std::vector<double> values, importances;  // importances: of the squares of the values' errors
};

struct BlockScales {
  float scale = 0;
  std::vector<uint8_t> multiples;  // one a block
};

// The least scale at which nothing of it saturates.
double covering_scale(const WeightBlock& block, double least, double greatest);

// sum of importance * (round(value / scale), within [least, greatest], * scale - value)^2
double rounding_error(const WeightBlock& block, double scale, double least, double greatest);

// The scale and the multiples (up to kMostMultiple, with no common divisor) that make the least error; or, where nothing may saturate,
// those of the least scale at which all blocks are covered. Scales have so few bits that multiples of them are exact floats.
BlockScales least_error_multiples(std::span<const WeightBlock> blocks, double least, double greatest);
BlockScales covering_multiples(std::span<const WeightBlock> blocks, double least, double greatest);

// The nearest scale with so few bits.
float short_scale(double scale);

}  // namespace ht
