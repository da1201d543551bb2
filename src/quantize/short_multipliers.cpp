// SPDX-License-Identifier: Apache-2.0
#include "quantize/short_multipliers.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ht {
namespace {

constexpr int kLeast = 32, kMost = 63;  // significands
constexpr int kOctaves = 8;             // that multipliers of a layer span

// The multiplier of an output with such a weight scale.
float multiplier_of(float scale, float input, float output, bool absorbs) {
  // A file holds an absorbed scale divided by the first input's.
  const float sum = absorbs ? input * (scale / input) : input * scale;
  return sum / output;
}

ShortMultiplier at_least(double ratio) {
  constexpr double kTolerance = 1 - 1e-6;
  int exponent = 0;
  const double fraction = std::frexp(ratio, &exponent);  // [0.5, 1)
  const int significand = static_cast<int>(std::ceil(fraction * 2 * kLeast * kTolerance));
  exponent -= 6;
  return significand > kMost ? ShortMultiplier{kLeast, exponent + 1} : ShortMultiplier{std::max(significand, kLeast), exponent};
}

ShortMultiplier next(ShortMultiplier multiplier) {
  if (multiplier.significand == kMost) return {kLeast, multiplier.exponent + 1};
  return {multiplier.significand + 1, multiplier.exponent};
}

// The weight scale that gives the multiplier exactly; not every one can be had.
std::optional<float> scale_for(ShortMultiplier multiplier, float input, float output, bool absorbs) {
  constexpr int kNeighbours = 4;
  const double ratio = std::ldexp(multiplier.significand, multiplier.exponent);
  const double scale = absorbs ? ratio * output : ratio * output / input;
  float candidate = static_cast<float>(scale);
  for (int i = 0; i < kNeighbours; ++i) candidate = std::nextafter(candidate, 0.0f);
  for (int i = -kNeighbours; i <= kNeighbours; ++i, candidate = std::nextafter(candidate, std::numeric_limits<float>::infinity()))
    if (std::isnormal(candidate) && multiplier_of(candidate, input, output, absorbs) == static_cast<float>(ratio)) return candidate;
  return std::nullopt;
}

// A bias in its unit.
double in_units(int32_t bias, int64_t offset, int bits) { return std::nearbyint(std::ldexp(static_cast<double>(bias - offset), -bits)); }

}  // namespace

std::optional<ShortScales> short_scales(std::span<const float> wanted, const ProductScales& scales) {
  constexpr int kTries = 32;
  ShortScales found{{wanted.begin(), wanted.end()}, std::vector<ShortMultiplier>(wanted.size()), scales.varies};
  // The least that can be had from this one on.
  const auto settle = [&](size_t o, ShortMultiplier multiplier) {
    for (int i = 0; i < kTries; ++i, multiplier = next(multiplier)) {
      const std::optional<float> scale = scale_for(multiplier, scales.input[o], scales.output[o], scales.absorbs);
      if (!scale) continue;
      found.scales[o] = *scale;
      found.multipliers[o] = multiplier;
      return true;
    }
    return false;
  };
  std::optional<int> top;
  for (size_t o = 0; o < wanted.size(); ++o) {
    if (!scales.varies[o]) continue;
    const double sum = scales.absorbs ? wanted[o] : static_cast<double>(wanted[o]) * scales.input[o];
    if (!settle(o, at_least(sum / scales.output[o]))) return std::nullopt;
    top = std::max(top.value_or(found.multipliers[o].exponent), found.multipliers[o].exponent);
  }
  for (size_t o = 0; o < wanted.size(); ++o)
    if (scales.varies[o] && found.multipliers[o].exponent <= *top - kOctaves && !settle(o, {kLeast, *top - kOctaves + 1})) return std::nullopt;
  return found;
}

void shorten_biases(std::span<const int64_t> offsets, const ShortScales& scales, std::span<int32_t> biases) {
  constexpr double kCoarsest = 0.25;
  std::vector<size_t> varying;
  std::optional<int> top;
  for (size_t o = 0; o < biases.size(); ++o) {
    if (!scales.varies[o]) continue;
    varying.push_back(o);
    top = std::max(top.value_or(scales.multipliers[o].exponent), scales.multipliers[o].exponent);
  }
  if (!top) return;
  const auto bits = [&](size_t o, int k) { return k + *top - scales.multipliers[o].exponent; };
  const auto fits = [&](int k) {
    return std::ranges::all_of(varying, [&](size_t o) {
      const double units = in_units(biases[o], offsets[o], bits(o, k));
      return units >= INT16_MIN && units <= INT16_MAX;
    });
  };
  int k = 0;
  while (std::ldexp(kMost, *top + k) <= kCoarsest && !fits(k)) ++k;
  if (std::ldexp(kMost, *top + k) > kCoarsest) return;
  for (size_t o : varying) {
    const double whole = std::ldexp(in_units(biases[o], offsets[o], bits(o, k)), bits(o, k)) + static_cast<double>(offsets[o]);
    if (std::abs(whole) <= INT32_MAX) biases[o] = static_cast<int32_t>(whole);
  }
}

}  // namespace ht
