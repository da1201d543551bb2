// SPDX-License-Identifier: Apache-2.0
#include "quantize/short_multipliers.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ht {
namespace {

constexpr int kOctaves = 4;  // that multipliers of a layer span

// Those of multipliers with so many bits.
int least_significand(int bits) { return 1 << (bits - 1); }
int most_significand(int bits) { return (1 << bits) - 1; }

// The multiplier of an output with such a weight scale.
float multiplier_of(float scale, float input, float output, bool absorbs) {
  // A file holds an absorbed scale divided by the first input's.
  const float sum = absorbs ? input * (scale / input) : input * scale;
  return sum / output;
}

ShortMultiplier at_least(double ratio, int bits) {
  constexpr double kTolerance = 1 - 1e-6;
  int exponent = 0;
  const double fraction = std::frexp(ratio, &exponent);  // [0.5, 1)
  const int significand = static_cast<int>(std::ceil(std::ldexp(fraction * kTolerance, bits)));
  exponent -= bits;
  if (significand > most_significand(bits)) return {least_significand(bits), exponent + 1};
  return {std::max(significand, least_significand(bits)), exponent};
}

ShortMultiplier next(ShortMultiplier multiplier, int bits) {
  if (multiplier.significand == most_significand(bits)) return {least_significand(bits), multiplier.exponent + 1};
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

// The scales with multipliers of so many bits; nothing where some cannot be had.
std::optional<ShortScales> scales_of_bits(std::span<const float> wanted, const ProductScales& scales, int bits) {
  ShortScales found{{wanted.begin(), wanted.end()}, std::vector<ShortMultiplier>(wanted.size()), scales.varies, bits};
  // The least that can be had from this one on. Whether it can depends on the significand alone.
  const auto settle = [&](size_t o, ShortMultiplier multiplier) {
    for (int i = least_significand(bits); i <= most_significand(bits); ++i, multiplier = next(multiplier, bits)) {
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
    if (!settle(o, at_least(sum / scales.output[o], bits))) return std::nullopt;
    top = std::max(top.value_or(found.multipliers[o].exponent), found.multipliers[o].exponent);
  }
  for (size_t o = 0; o < wanted.size(); ++o)
    if (scales.varies[o] && found.multipliers[o].exponent <= *top - kOctaves &&
        !settle(o, {least_significand(bits), *top - kOctaves + 1}))
      return std::nullopt;
  return found;
}

}  // namespace

std::optional<ShortScales> short_scales(std::span<const float> wanted, const ProductScales& scales) {
  constexpr int kFewestBits = 3, kMostBits = 6;
  std::optional<ShortScales> found;
  for (int bits = kFewestBits; bits <= kMostBits && !found; ++bits) found = scales_of_bits(wanted, scales, bits);
  return found;
}

void shorten_biases(std::span<const int64_t> offsets, const ShortScales& scales, std::span<int32_t> biases) {
  constexpr double kCoarsest = 0.25;
  std::optional<int> top;
  for (size_t o = 0; o < biases.size(); ++o)
    if (scales.varies[o]) top = std::max(top.value_or(scales.multipliers[o].exponent), scales.multipliers[o].exponent);
  if (!top || std::ldexp(most_significand(scales.bits), *top) > kCoarsest) return;
  int bits = 0;
  while (std::ldexp(most_significand(scales.bits), *top + bits + 1) <= kCoarsest) ++bits;
  for (size_t o = 0; o < biases.size(); ++o) {
    if (!scales.varies[o]) continue;
    const int own = bits + *top - scales.multipliers[o].exponent;
    const double whole = std::ldexp(in_units(biases[o], offsets[o], own), own) + static_cast<double>(offsets[o]);
    if (std::abs(whole) <= INT32_MAX) biases[o] = static_cast<int32_t>(whole);
  }
}

}  // namespace ht
