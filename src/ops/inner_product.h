// SPDX-License-Identifier: Apache-2.0
// The integers of operators that multiply by constant weights: convolution and matrix products.
#pragma once

#include <optional>

#include "ops/steps.h"

namespace ht {

inline constexpr int kMostMultiple = 16;  // times weights of 4 bits that is 8 bits

// sum over taps t of weights[o][t] * q[channel(o, t)] + bias[o], in integers. Sums of 8-bit inputs fit into 32 bits, those of 16-bit
// inputs into 48.
//
// The scales of one output's taps (input scale times weight scale) are small multiples of one number, the sum's scale: weights in
// groups have such. The weights are multiplied by these, so that a sum has one scale.
struct InnerProduct {
  bool wide_input = false;       // of 16 bits
  Tensor constant;               // the graph's, whose memory a plan shares where the kernel's weights are the same bytes
  std::vector<int8_t> weights;   // [outputs][taps], less their zero points, times their scales' multiples
  bool four_bits = false;        // so many are enough for weights without multiples, as the graph says
  std::vector<uint8_t> multiples;  // [outputs][taps] of weights of four bits; empty where all are 1
  std::vector<int16_t> wide;     // the same, in place of `weights` where they do not fit into 8 bits
  int64_t outputs = 0, taps = 0;
  std::vector<float> sum_scale;  // of output o's sum
  std::vector<int64_t> bias;     // zero points folded in
  std::vector<float> rest;       // what rounding took from a bias of real numbers; empty where that is nothing
  std::vector<int32_t> padding;  // the zero point of each input channel
};

// What the weights say about their input: tap t of output o reads input channel channel_of(o, t).
struct TapChannels {
  int64_t input_channels, channels_per_group, outputs_per_group, spatial_taps;
  // Taps are ordered [channel within the group][spatial], as ONNX stores weights.
  int64_t channel_of(int64_t output, int64_t tap) const { return output / outputs_per_group * channels_per_group + tap / spatial_taps; }
};

// The integer form of a product with these (constant, quantized) weights laid out [outputs][taps], or nothing where it does not
// exist: weights of more than 8 bits, an input whose scales vary along another axis, scales that do not agree within an output's sum,
// sums that could leave their bits, a bias that is not constant. Then the product is computed in float. `input` is the type of an input in integers (is_stored), whose channels lie
// along `axis`.
std::optional<InnerProduct> integer_product(const Tensor& weights, const Affine& weight_affine, const TensorType& input, size_t axis,
                                            const TapChannels& channels, const Value* bias);

// How the node's sums leave the kernel, and into which buffer: integers under the output's parameters, through the activation that
// reads the output where nothing is quantized between them (that node is then absorbed), or float.
struct ProductOutput {
  EpilogueData epilogue;
  BufferId buffer;
  std::vector<int16_t> zero_point, minimum, maximum;  // of 16-bit outputs
  BufferId finished;                                  // where `rest` is still to be added to the buffer; else invalid
  std::vector<float> rest;
};
Result<ProductOutput> product_output(PrepareContext& context, const InnerProduct& product, Layout layout);

// Adds the product's call and what must follow it. `params` are the geometry; weights are [outputs][kernel taps][channels], or for
// depthwise geometry [taps][outputs].
void add_product(PrepareContext& context, ht_conv_params params, InnerProduct product, ProductOutput output, BufferId input, int64_t macs);
void add_product(PrepareContext& context, ht_depthwise_params params, InnerProduct product, ProductOutput output, BufferId input, int64_t macs);

}  // namespace ht
