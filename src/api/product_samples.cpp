// SPDX-License-Identifier: Apache-2.0
#include "api/product_samples.h"

#include <algorithm>
#include <cmath>

namespace ht {
namespace {

constexpr int64_t kPlaces = 192;  // sampled a photo

// How a value of a product is walked: one axis of channels, and places counted over the other axes, the last one fastest. Of a convolution's
// batch the first alone.
struct Walk {
  Walk(const Op& op, const Shape& shape, const Shape& strides) {
    const bool is_conv = std::holds_alternative<Conv>(op);
    const size_t axis = is_conv ? 1 : shape.size() - 1;
    channel_step = strides[axis];
    channels = shape[axis];
    for (size_t i = is_conv ? 2 : 0; i < shape.size(); ++i) {
      if (i == axis) continue;
      sizes.push_back(shape[i]);
      steps.push_back(strides[i]);
    }
  }
  int64_t channels, channel_step;
  Shape sizes, steps;  // of the places' axes
};

int64_t places_of(const ObservedProduct& product) {
  const Walk walk(product.op, product.output_shape, strides_of(product.output_shape));
  return element_count(walk.sizes);
}

// Of each tap's element of channel 0 of a convolution's input, or -1 in the padding.
std::vector<int64_t> tap_offsets(const ObservedProduct& product, const Conv& conv, const Walk& input, int64_t place) {
  const Shape& weights = product.weights;
  const int64_t taps = element_count(weights) / (weights[0] * weights[1]);
  std::vector<int64_t> offsets;
  for (int64_t tap = 0; tap < taps; ++tap) {
    int64_t left_place = place, left_tap = tap, offset = 0;
    bool is_inside = true;
    for (size_t axis = input.sizes.size(); axis-- > 0;) {
      const int64_t extent = product.output_shape[axis + 2], kernel = weights[axis + 2];
      const int64_t at = left_place % extent * conv.strides[axis] - conv.pads[axis] + left_tap % kernel * conv.dilations[axis];
      is_inside = is_inside && at >= 0 && at < input.sizes[axis];
      offset += at * input.steps[axis];
      left_place /= extent;
      left_tap /= kernel;
    }
    offsets.push_back(is_inside ? offset : -1);
  }
  return offsets;
}

int64_t offset_of(const Walk& walk, int64_t place) {
  int64_t offset = 0;
  for (size_t axis = walk.sizes.size(); axis-- > 0; place /= walk.sizes[axis]) offset += place % walk.sizes[axis] * walk.steps[axis];
  return offset;
}

template <class Integer>
void read_rows(const ObservedProduct& product, const Walk& walk, std::span<const int64_t> places, const Integer* data,
               const std::vector<int32_t>& zero_points, double* rows) {
  const auto* conv = std::get_if<Conv>(&product.op);
  for (int64_t place : places) {
    const std::vector<int64_t> offsets = conv ? tap_offsets(product, *conv, walk, place) : std::vector<int64_t>{offset_of(walk, place)};
    for (int64_t c = 0; c < walk.channels; ++c)
      for (int64_t offset : offsets) *rows++ = offset < 0 ? 0.0 : data[offset + c * walk.channel_step] - zero_points[static_cast<size_t>(c)];
  }
}

}  // namespace

ProductSamples::ProductSamples(const ObservedProduct& product, int64_t photo) : product_(product) {
  const int64_t all = places_of(product), count = std::min(kPlaces, all);
  for (int64_t s = 0; s < count; ++s) {
    // Steps of the golden ratio spread evenly over any shape.
    const uint64_t step = static_cast<uint64_t>(photo * kPlaces + s) * 0x9e3779b97f4a7c15u;
    places_.push_back(count == all ? s : static_cast<int64_t>((step >> 32) * static_cast<uint64_t>(all) >> 32));
  }
}

std::vector<double> ProductSamples::outputs(const Buffer& buffer, std::span<const uint8_t> bytes) const {
  const Walk walk(product_.op, buffer.shape, layout_strides(buffer.shape, buffer.layout));
  const auto* data = reinterpret_cast<const float*>(bytes.data());
  std::vector<double> values;
  for (int64_t place : places_) {
    const int64_t offset = offset_of(walk, place);
    for (int64_t o = 0; o < walk.channels; ++o) {
      const double value = data[offset + o * walk.channel_step] / product_.output_units[static_cast<size_t>(o)];
      values.push_back(std::nearbyint(std::clamp(value, -kMostOutput, kMostOutput)));
    }
  }
  return values;
}

std::vector<double> ProductSamples::inputs(const Buffer& buffer, std::span<const uint8_t> bytes) const {
  const Walk walk(product_.op, buffer.shape, layout_strides(buffer.shape, buffer.layout));
  const size_t axis = std::holds_alternative<Conv>(product_.op) ? 1 : buffer.shape.size() - 1;
  const std::vector<int32_t> zero_points = buffer.affine->zero_points_along(axis, walk.channels);
  std::vector<double> rows(count() * static_cast<size_t>(product_.groups * product_.size));
  if (dtype_size(buffer.dtype) == 1) {
    read_rows(product_, walk, places_, reinterpret_cast<const int8_t*>(bytes.data()), zero_points, rows.data());
  } else {
    read_rows(product_, walk, places_, reinterpret_cast<const int16_t*>(bytes.data()), zero_points, rows.data());
  }
  return rows;
}

}  // namespace ht
