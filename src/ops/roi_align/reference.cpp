// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "ops/common.h"
#include "ops/roi_align/roi_align.h"

namespace ht {
namespace {

// A region along one axis, cut into cells that are sampled at even distances.
struct Side {
  double start, cell;
  int64_t samples, size;

  Side(const RoiAlign& align, double from, double to, int64_t cells, int64_t pixels) : size(pixels) {
    const double offset = align.half_pixel ? 0.5 : 0;
    start = from * align.scale - offset;
    double length = to * align.scale - offset - start;
    if (!align.half_pixel) length = std::max(length, 1.0);
    cell = length / static_cast<double>(cells);
    const double wanted = align.samples > 0 ? static_cast<double>(align.samples) : std::ceil(cell);
    samples = wanted >= 1 ? static_cast<int64_t>(std::min(wanted, static_cast<double>(RoiAlign::kMostSamples))) : 0;
  }
  double place(int64_t o, int64_t sample) const {
    return start + static_cast<double>(o) * cell + (static_cast<double>(sample) + 0.5) * cell / static_cast<double>(samples);
  }
};

// The two pixels around a place and their weights; none where it lies more than a pixel outside.
struct Taps {
  int64_t index[2] = {0, 0};
  double weight[2] = {0, 0};
};

Taps taps_at(double place, int64_t size) {
  if (!(place >= -1 && place <= static_cast<double>(size))) return {};
  place = std::clamp(place, 0.0, static_cast<double>(size - 1));
  const auto low = static_cast<int64_t>(place);
  const double part = place - static_cast<double>(low);
  return {{low, std::min(low + 1, size - 1)}, {1 - part, part}};
}

}  // namespace

Status reference(const RoiAlign& align, InputTensors inputs, OutputTensors outputs) {
  const Shape& shape = inputs[0]->shape();
  const int64_t channels = shape[1], height = shape[2], width = shape[3];
  const auto x = inputs[0]->to_doubles(), regions = inputs[1]->to_doubles();
  const auto pictures = inputs[2]->to_int64s();
  std::vector<double> out;
  for (size_t region = 0; region < pictures.size(); ++region) {
    if (pictures[region] < 0 || pictures[region] >= shape[0])
      return input_error("region {} is of picture {}, but there are {}", region, pictures[region], shape[0]);
    const double* box = &regions[region * 4];
    const Side across(align, box[0], box[2], align.width, width), down(align, box[1], box[3], align.height, height);
    const double count = static_cast<double>(std::max<int64_t>(across.samples * down.samples, 1));
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t oy = 0; oy < align.height; ++oy)
        for (int64_t ox = 0; ox < align.width; ++ox) {
          const double* plane = &x[static_cast<size_t>((pictures[region] * channels + c) * height * width)];
          double sum = 0, most = 0;
          for (int64_t sample = 0; sample < across.samples * down.samples; ++sample) {
            const Taps tx = taps_at(across.place(ox, sample % across.samples), width);
            const Taps ty = taps_at(down.place(oy, sample / across.samples), height);
            double largest = -HUGE_VAL;
            for (int j = 0; j < 2; ++j)
              for (int i = 0; i < 2; ++i) {
                const double part = ty.weight[j] * tx.weight[i] * plane[ty.index[j] * width + tx.index[i]];
                sum += part;
                largest = std::max(largest, part);
              }
            most = sample == 0 ? largest : std::max(most, largest);
          }
          out.push_back(align.maximum ? most : sum / count);
        }
  }
  store(outputs[0], out);
  return {};
}

}  // namespace ht
