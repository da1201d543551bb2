// SPDX-License-Identifier: Apache-2.0
#include "quantize/weight_blocks.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ops/inner_product.h"

namespace ht {
namespace {

// Without the multiples' common divisor, which the scale takes up.
BlockScales reduced(float scale, std::vector<uint8_t> multiples) {
  int divisor = 0;
  for (uint8_t multiple : multiples) divisor = std::gcd(divisor, int{multiple});
  for (uint8_t& multiple : multiples) multiple = static_cast<uint8_t>(multiple / divisor);
  return {scale * static_cast<float>(divisor), std::move(multiples)};
}

}  // namespace

double covering_scale(const WeightBlock& block, double least, double greatest) {
  double scale = 0;
  for (double w : block.values) scale = std::max(scale, w / (w < 0 ? least : greatest));
  return scale;
}

double rounding_error(const WeightBlock& block, double scale, double least, double greatest) {
  const double inverse = 1 / scale;
  double sum = 0;
  for (size_t i = 0; i < block.values.size(); ++i) {
    const double w = block.values[i];
    const double error = round_half_even(std::clamp(w * inverse, least, greatest)) * scale - w;
    sum += block.importances[i] * error * error;
  }
  return sum;
}

float short_scale(double scale) {
  constexpr int kBits = std::numeric_limits<float>::digits - 5;  // a multiple has up to five
  int exponent = 0;
  const double fraction = std::frexp(scale, &exponent);
  return static_cast<float>(std::ldexp(round_half_even(std::ldexp(fraction, kBits)), exponent - kBits));
}

BlockScales least_error_multiples(std::span<const WeightBlock> blocks, double least, double greatest) {
  // Of the scale at which the widest block has the greatest multiple: where candidates begin and end, and of a block's covering scale: how
  // much less may be best.
  constexpr double kFirst = 0.5, kLast = 2, kLeastShare = 0.4;
  constexpr int kCandidates = 96;
  std::vector<double> covering;
  for (const WeightBlock& block : blocks) covering.push_back(covering_scale(block, least, greatest));
  const double widest = std::ranges::max(covering) / kMostMultiple;
  BlockScales best;
  double least_error = std::numeric_limits<double>::infinity();
  for (int candidate = 0; candidate <= kCandidates; ++candidate) {
    const float scale = short_scale(widest * (kFirst + (kLast - kFirst) * candidate / kCandidates));
    std::vector<uint8_t> multiples;
    double sum = 0;
    for (size_t b = 0; b < blocks.size() && sum < least_error; ++b) {
      const auto last = static_cast<int>(std::clamp(std::ceil(covering[b] / scale), 1.0, double{kMostMultiple}));
      const auto first = static_cast<int>(std::clamp(std::floor(kLeastShare * covering[b] / scale), 1.0, double{kMostMultiple}));
      double block_error = std::numeric_limits<double>::infinity();
      uint8_t chosen = 1;
      for (int multiple = first; multiple <= last; ++multiple) {
        const double error = rounding_error(blocks[b], static_cast<double>(scale) * multiple, least, greatest);
        if (error < block_error) block_error = error, chosen = static_cast<uint8_t>(multiple);
      }
      sum += block_error;
      multiples.push_back(chosen);
    }
    if (sum < least_error) least_error = sum, best = {scale, std::move(multiples)};
  }
  return reduced(best.scale, std::move(best.multiples));
}

BlockScales covering_multiples(std::span<const WeightBlock> blocks, double least, double greatest) {
  std::vector<double> covering;
  for (const WeightBlock& block : blocks) covering.push_back(covering_scale(block, least, greatest));
  constexpr double kRoundedUp = 1 + 0x1p-18;  // so that the short scale still covers
  const float scale = short_scale(std::ranges::max(covering) / kMostMultiple * kRoundedUp);
  std::vector<uint8_t> multiples;
  for (double wanted : covering) multiples.push_back(static_cast<uint8_t>(std::clamp(std::ceil(wanted / scale), 1.0, double{kMostMultiple})));
  return reduced(scale, std::move(multiples));
}

}  // namespace ht
