// SPDX-License-Identifier: Apache-2.0
// A plan whose first steps run by bands of rows computes what the plan does.
#include "plan/bands.h"

#include <gtest/gtest.h>

#include "bundle.h"

namespace ht {
namespace {

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

RowNet any_row_net(uint64_t seed) {
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

// A network that is given no more of its inputs before each band than the rows which that one reads.
std::vector<Tensor> run_with_rows(const BandedPlan& cut, const std::shared_ptr<const Plan>& plan, const std::vector<Tensor>& inputs) {
  ArenaOptions options;
  options.own_inputs = false;
  Bundle bundle(plan, options);
  size_t band = 0;
  bundle.before_step = [&](size_t step) {
    if (band == cut.bands.size() || cut.bands[band].first_step != step) return;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const RowRange rows = cut.bands[band].input_rows[i];
      const Shape& shape = plan->buffer(plan->inputs[i]).shape;
      uint8_t* memory = bundle.memory_of(plan->inputs[i]);
      for (int64_t at = 0; at < element_count(shape); ++at) {
        const int64_t row = at / shape[3] % shape[2];
        memory[at] = row >= rows.first && row < rows.last ? inputs[i].bytes()[static_cast<size_t>(at)] : 0x33;
      }
    }
    ++band;
  };
  return bundle.run(inputs);
}

TEST(Bands, AnyNetworkComputesTheSame) {
  int banded = 0, repeated = 0, kept = 0;
  for (uint64_t seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(seed);
    RowNet net = any_row_net(seed);
    const auto plan = plan_of(net);
    const std::vector<Tensor> inputs = inputs_of(net);
    const auto expected = Session(Placement::make(plan, Isa::kBest), 1).run(inputs);
    ASSERT_TRUE(expected);
    const size_t most = steps_by_rows(*plan);
    BandChoice choice{static_cast<size_t>(net.below(static_cast<int64_t>(most) + 1)), 1 + net.below(6), {}};
    if (seed % 2 == 0)
      for (size_t i = 0; i < plan->buffers.size(); ++i) choice.repeat.push_back(net.below(2) == 0);
    const auto cut = cut_into_bands(*plan, choice);
    if (!cut) continue;
    banded += cut->bands.size() > 1;
    repeated += cut->extra_macs > 0;
    kept += cut->kept_bytes > 0;
    if (choice.repeat.empty()) {
      EXPECT_LE(cut->extra_macs, 0);
    }
    const auto cut_plan = std::make_shared<const Plan>(cut->plan);
    const auto placement = Placement::make(cut_plan, Isa::kBest);
    for (int threads : {1, 2}) {
      const auto found = Session(placement, threads).run(inputs);
      ASSERT_TRUE(found);
      EXPECT_TRUE(*found == *expected) << threads;
    }
    ArenaOptions options;
    options.overlap = true;
    options.reorder = seed % 3 == 0;
    options.alignment = seed % 4 == 0 ? 1 : 16;
    options.effort = 50'000;
    Bundle bundle(cut_plan, options);
    EXPECT_TRUE(bundle.run(inputs) == *expected);
    EXPECT_TRUE(bundle.guard_holds());
    if (choice.steps == most) {
      EXPECT_TRUE(run_with_rows(*cut, cut_plan, inputs) == *expected);
    }
    if (HasFailure()) break;
  }
  EXPECT_GT(banded, 300);
  EXPECT_GT(repeated, 50);
  EXPECT_GT(kept, 100);
}

}  // namespace
}  // namespace ht
