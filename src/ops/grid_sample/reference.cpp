// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>

#include "ops/common.h"
#include "ops/grid_sample/grid_sample.h"

namespace ht {
namespace {

constexpr int64_t kOutside = -1;

struct Tap {
  int64_t index;  // or kOutside
  double weight;
};

double reflect(double x, double low, double high) {
  const double range = high - low;
  if (range <= 0) return low;
  const double phase = std::fmod(std::abs(x - low), 2 * range);
  return low + (phase <= range ? phase : 2 * range - phase);
}

double cubic(double distance) {
  constexpr double a = -0.75;
  const double d = std::abs(distance);
  return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

class Axis {
 public:
  Axis(const GridSample& sample, int64_t size)
      : sample_(sample),
        size_(size),
        low_(sample.align_corners ? 0 : -0.5),
        high_(sample.align_corners ? static_cast<double>(size) - 1 : static_cast<double>(size) - 0.5) {}

  std::vector<Tap> taps(float place) const {
    // In single precision like every implementation, so that the same pixels are nearest.
    const auto size = static_cast<float>(size_);
    const float coordinate = sample_.align_corners ? (place + 1) / 2 * (size - 1) : ((place + 1) * size - 1) / 2;
    constexpr double kFar = 16777216;
    double x = coordinate > -kFar ? std::min(static_cast<double>(coordinate), kFar) : -kFar;
    if (sample_.mode == ResizeMode::kNearest) x = std::nearbyint(x);
    if (sample_.mode == ResizeMode::kNearest) return {{pixel(std::nearbyint(x)), 1}};
    const double below = std::floor(x), part = x - below;
    if (sample_.mode == ResizeMode::kLinear) return {{pixel(below), 1 - part}, {pixel(below + 1), part}};
    std::vector<Tap> taps;
    for (int offset = -1; offset <= 2; ++offset) taps.push_back({pixel(below + offset), cubic(part - offset)});
    return taps;
  }

 private:
  int64_t pixel(double x) const {
    const bool is_inside = x >= 0 && x < static_cast<double>(size_);
    if (!is_inside && sample_.padding == GridPadding::kZeros) return kOutside;
    if (!is_inside && sample_.padding == GridPadding::kReflection) x = reflect(x, low_, high_);
    return std::clamp<int64_t>(static_cast<int64_t>(x), 0, size_ - 1);
  }

  const GridSample& sample_;
  int64_t size_;
  double low_, high_;
};

}  // namespace

Status reference(const GridSample& sample, InputTensors inputs, OutputTensors outputs) {
  const Shape& shape = inputs[0]->shape();
  const Shape& to = outputs[0].shape();
  const int64_t channels = shape[1], height = shape[2], width = shape[3], places = to[2] * to[3];
  const auto x = inputs[0]->to_doubles();
  const auto grid = inputs[1]->to_floats();
  const Axis across(sample, width), down(sample, height);
  std::vector<double> out(static_cast<size_t>(outputs[0].size()));
  for (int64_t n = 0; n < shape[0]; ++n)
    for (int64_t place = 0; place < places; ++place) {
      const size_t at = static_cast<size_t>(n * places + place) * 2;
      const auto columns = across.taps(grid[at]), rows = down.taps(grid[at + 1]);
      for (int64_t c = 0; c < channels; ++c)
        for (const Tap& row : rows)
          for (const Tap& column : columns) {
            if (row.index == kOutside || column.index == kOutside) continue;
            const auto from = static_cast<size_t>(((n * channels + c) * height + row.index) * width + column.index);
            out[static_cast<size_t>((n * channels + c) * places + place)] += row.weight * column.weight * x[from];
          }
    }
  store(outputs[0], out);
  return {};
}

}  // namespace ht
