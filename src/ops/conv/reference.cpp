// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/conv/conv.h"

namespace ht {
namespace {

// Adds one channel's convolution with one kernel to the output plane.
void accumulate(const Windows& windows, const double* x, const double* weights, double* out) {
  const auto& [d, h, w] = windows.axes;
  for (int64_t od = 0; od < d.out; ++od)
    for (int64_t oh = 0; oh < h.out; ++oh)
      for (int64_t ow = 0; ow < w.out; ++ow, ++out) {
        const double* weight = weights;
        for (int64_t kd = 0; kd < d.kernel; ++kd)
          for (int64_t kh = 0; kh < h.kernel; ++kh)
            for (int64_t kw = 0; kw < w.kernel; ++kw, ++weight) {
              const int64_t id = d.position(od, kd), ih = h.position(oh, kh), iw = w.position(ow, kw);
              if (d.is_inside(id) && h.is_inside(ih) && w.is_inside(iw)) *out += *weight * x[(id * h.in + ih) * w.in + iw];
            }
      }
}

}  // namespace

Status reference(const Conv& conv, InputTensors inputs, OutputTensors outputs) {
  const Shape& shape = inputs[0]->shape();
  const Shape& kernel = inputs[1]->shape();
  HT_ASSIGN(const Windows windows,
            make_windows(shape, std::span(kernel).subspan(2), conv.strides, conv.dilations, conv.pads, false));
  const auto x = inputs[0]->to_doubles(), weights = inputs[1]->to_doubles();
  const auto bias = inputs.size() == 3 && inputs[2] ? inputs[2]->to_doubles() : std::vector<double>();
  const int64_t channels = kernel[0], depth = kernel[1], channels_a_group = channels / conv.groups;
  std::vector<double> out(static_cast<size_t>(outputs[0].size()));
  double* plane = out.data();
  for (int64_t n = 0; n < shape[0]; ++n)
    for (int64_t m = 0; m < channels; ++m, plane += windows.out_size()) {
      if (!bias.empty()) std::fill_n(plane, windows.out_size(), bias[static_cast<size_t>(m)]);
      const int64_t first = m / channels_a_group * depth;
      for (int64_t c = 0; c < depth; ++c)
        accumulate(windows, x.data() + (n * shape[1] + first + c) * windows.in_size(),
                   weights.data() + (m * depth + c) * windows.kernel_size(), plane);
    }
  store(outputs[0], out);
  return {};
}

}  // namespace ht
