// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bundle.h"

namespace ht {

// Layers as a detector's first ones, with windows of every kind.
class RowNet : public Net {
 public:
  using Net::Net;

  ValueId window(ValueId x, int64_t outputs, int64_t groups) {
    const Window w = draw(x);
    const ValueId weights = constant(DType::kInt8, {outputs, shape(x)[1] / groups, w.kernel[0], w.kernel[1]}, *Affine::per_tensor(0.01f));
    return add(Conv{w.strides, w.dilations, w.pads, groups}, {x, weights});
  }
  ValueId pool(ValueId x) {
    const Window w = draw(x);
    Pool op{below(2) == 0 ? PoolKind::kMax : PoolKind::kAverage, w.kernel, w.strides, w.dilations, w.pads};
    for (size_t i = 0; i < 4; ++i) op.pads[i] = std::min(op.pads[i], w.kernel[i % 2] - 1);
    if (op.kind == PoolKind::kAverage) op.dilations = {1, 1};
    op.count_include_pad = below(2) == 0;
    return add(op, {x});
  }
  ValueId any_layer(ValueId x) {
    const int64_t channels = shape(x)[1];
    switch (below(6)) {
      case 0:
        return window(x, 1 + below(12), 1);
      case 1:
        return conv(x, 1 + below(12), 1);
      case 2:
        return window(x, channels, channels);
      case 3:
        return pool(x);
      case 4:
        return add(Unary{UnaryKind::kRelu, 0, 0}, {x});
      default: {
        const ValueId y = conv(depthwise(conv(x, 6, 1), 3), channels, 1);
        return add(Binary{BinaryKind::kAdd}, below(2) == 0 ? std::vector{x, y} : std::vector{y, x});
      }
    }
  }

 private:
  struct Window {
    Ints kernel, strides, dilations, pads;
  };
  // At least one output pixel.
  Window draw(ValueId x) {
    for (;;) {
      const Window w{{1 + below(4), 1 + below(3)}, {1 + below(3), 1 + below(2)}, {1 + below(2), 1 + below(2)}, {below(4), below(2), below(4), below(2)}};
      bool fits = true;
      for (size_t i = 0; i < 2; ++i) fits = fits && (w.kernel[i] - 1) * w.dilations[i] + 1 <= shape(x)[2 + i] + w.pads[i] + w.pads[2 + i];
      if (fits) return w;
    }
  }
};

inline RowNet any_row_net(uint64_t seed) {
  RowNet net(seed);
  ValueId x = net.input({1, 1 + net.below(4), 8 + net.below(30), 3 + net.below(7)});
  std::vector<ValueId> layers;
  for (int64_t count = 2 + net.below(6); count > 0; --count) layers.push_back(x = net.any_layer(x));
  const ValueId other = layers[static_cast<size_t>(net.below(static_cast<int64_t>(layers.size())))];
  const ValueId joined = net.below(3) == 0 ? net.add(Concat{1}, {net.conv(x, 3, 1), net.depthwise(x, 3), x}) : x;
  net.graph.outputs = {net.conv(joined, 2, 3)};
  if (net.below(3) == 0 && other != x) net.graph.outputs.push_back(other);
  return net;
}

}  // namespace ht
