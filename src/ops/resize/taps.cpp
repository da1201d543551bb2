// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "ops/resize/resize.h"

namespace ht {
namespace {

float source_coordinate(Coordinates coordinates, float x, float scale, float in, float out) {
  switch (coordinates) {
    case Coordinates::kHalfPixel:
      return (x + 0.5f) / scale - 0.5f;
    case Coordinates::kHalfPixelSymmetric: {
      const float offset = in / 2 * (1 - out / (in * scale));
      return offset + (x + 0.5f) / scale - 0.5f;
    }
    case Coordinates::kPytorchHalfPixel:
      return out > 1 ? (x + 0.5f) / scale - 0.5f : 0;
    case Coordinates::kAlignCorners:
      return out == 1 ? 0 : x * (in - 1) / (out - 1);
    case Coordinates::kAsymmetric:
      return x / scale;
    case Coordinates::kTfHalfPixelForNn:
      return (x + 0.5f) / scale;
  }
  return x;
}

int64_t nearest_index(NearestMode mode, float x, int64_t in) {
  float index = x;
  switch (mode) {
    case NearestMode::kRoundPreferFloor:
      index = std::ceil(x - 0.5f);
      break;
    case NearestMode::kRoundPreferCeil:
      index = std::floor(x + 0.5f);
      break;
    case NearestMode::kFloor:
      index = std::floor(x);
      break;
    case NearestMode::kCeil:
      index = std::ceil(x);
      break;
  }
  return static_cast<int64_t>(std::clamp(double{index}, 0.0, static_cast<double>(in - 1)));
}

// The interpolation's kernel as a function of the distance to the source position.
double kernel(const Resize& resize, double distance) {
  const double t = std::abs(distance);
  if (resize.mode == ResizeMode::kLinear) return std::max(0.0, 1 - t);
  const double a = resize.cubic_a;
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

// With antialiasing a reduction stretches the kernel, so that it sees every input element.
std::vector<ResizeTap> weighted_taps(const Resize& resize, float source, float scale, int64_t in) {
  const double coordinate = std::clamp(double{source}, -1.0, static_cast<double>(in));
  const double stretch = resize.antialias ? std::min(1.0, double{scale}) : 1;
  const double reach = (resize.mode == ResizeMode::kLinear ? 1 : 2) / stretch;
  const auto first = static_cast<int64_t>(std::floor(coordinate - reach)) + 1;
  const auto last = static_cast<int64_t>(std::ceil(coordinate + reach)) - 1;
  std::vector<ResizeTap> taps;
  double sum = 0;
  for (int64_t i = first; i <= last; ++i) {
    if (resize.exclude_outside && (i < 0 || i >= in)) continue;
    const double weight = kernel(resize, (static_cast<double>(i) - coordinate) * stretch);
    if (weight == 0) continue;
    taps.push_back({std::clamp<int64_t>(i, 0, in - 1), weight});
    sum += weight;
  }
  if (sum == 0) return {{std::clamp<int64_t>(first, 0, in - 1), 1.0}};
  if (resize.antialias || resize.exclude_outside)
    for (ResizeTap& tap : taps) tap.weight /= sum;
  return taps;
}

}  // namespace

std::vector<std::vector<ResizeTap>> resize_taps(const Resize& resize, size_t axis, int64_t in) {
  const int64_t out = resize.sizes[axis];
  const float scale = resize.scales[axis];
  std::vector<std::vector<ResizeTap>> all;
  all.reserve(static_cast<size_t>(out));
  for (int64_t x = 0; x < out; ++x) {
    if (scale == 1 && in == out) {
      all.push_back({{x, 1.0}});
      continue;
    }
    const float coordinate =
        source_coordinate(resize.coordinates, static_cast<float>(x), scale, static_cast<float>(in), static_cast<float>(out));
    if (resize.mode == ResizeMode::kNearest)
      all.push_back({{nearest_index(resize.nearest, coordinate, in), 1.0}});
    else
      all.push_back(weighted_taps(resize, coordinate, scale, in));
  }
  return all;
}

}  // namespace ht
