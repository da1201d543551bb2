// SPDX-License-Identifier: Apache-2.0
#include "quantize/constants.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "ops/common.h"
#include "ops/steps.h"
#include "quantize/ranges.h"
#include "quantize/refine.h"
#include "quantize/short_multipliers.h"
#include "quantize/weight_blocks.h"
#include "quantize/weights.h"

namespace ht {
namespace {

// Sums of weights times int8 inputs and the bias must stay within int32, with room for the zero points' share.
constexpr double kMostBias = 1 << 30;

class ConstantQuantizer {
 public:
  ConstantQuantizer(Graph& graph, const std::vector<Role>& roles, const Statistics& statistics, const QuantizeRequest& request,
                    const Equalizations& equalized)
      : graph_(graph), floats_(graph), links_(floats_), roles_(roles), statistics_(statistics), request_(request), equalized_(equalized),
        names_(graph), uses_(graph.values.size(), 0) {
    for (const Node& node : graph.nodes)
      for (ValueId input : node.inputs)
        if (graph.is_constant(input)) ++uses_[input.index];
    for (ValueId output : graph.outputs) ++uses_[output.index];
  }

  Status run() {
    for (size_t i = 0; i < roles_.size(); ++i) {
      const Role& role = roles_[i];
      Node& node = graph_.nodes[i];
      Status status;
      if (is_product(i)) {
        status = quantize_product(i, nullptr);
      } else if (!is_weighted(graph_, node) && role.is_integer()) {
        status = quantize_operands(node, role.choice);
      }
      if (!status) return std::move(status.error()).in("node " + node.name);
    }
    return request_.measure_moments ? refine() : Status();
  }

 private:
  // What was measured of a product whose turn it is.
  struct Measured {
    const ObservedProduct& product;
    const ObservedMoments& moments;
  };

  // A product whose weights become integers now, not one whose weights were so before.
  bool is_product(size_t i) const {
    const Role& role = roles_[i];
    const Node& node = floats_.nodes[i];
    if (!is_weighted(floats_, node) || floats_.value(node.inputs[1]).type.is_quantized()) return false;
    return role.weights_only || (role.is_integer() && floats_.value(node.inputs[0]).type.is_quantized());
  }

  // Gives products their weights and biases anew, one part of the network after the other, each by what it reads when those before it have theirs.
  Status refine() {
    std::vector<ObservedProduct> products;
    std::map<std::string, size_t> nodes;
    const Links links(floats_);
    for (size_t i = 0; i < roles_.size(); ++i) {
      if (!is_product(i) || roles_[i].weights_only) continue;
      const Plain plain = plain_of(i);
      const auto weights = floats_.value(floats_.nodes[i].inputs[1]).constant->data<float>();
      auto product = observed_product(floats_, floats_.nodes[i], weights, bias_of(i), plain.wish, plain.input_scales);
      if (!product) continue;
      // The float network's outputs are those of this one times the factors.
      if (const Equalized* divided = divided_output(floats_, links, floats_.nodes[i], equalized_))
        for (size_t o = 0; o < divided->factors.size(); ++o) product->output_units[o] *= divided->factors[o];
      products.push_back(*std::move(product));
      nodes.emplace(products.back().node, i);
    }
    size_t first = 0;
    for (size_t count : sort_into_parts(floats_, products)) {
      HT_ASSIGN(const std::vector<ObservedMoments> moments, request_.measure_moments(graph_, products, first, count));
      for (size_t k = 0; k < count; ++k) {
        ObservedProduct& product = products[first + k];
        const size_t node = nodes.at(product.node);
        if (const Equalized* divided = divided_output(floats_, links, floats_.nodes[node], equalized_))
          for (size_t o = 0; o < divided->factors.size(); ++o) product.output_units[o] /= divided->factors[o];
        const Measured measured{product, moments[k]};
        auto status = quantize_product(node, &measured);
        if (!status) return std::move(status.error()).in("node " + measured.product.node);
      }
      first += count;
    }
    return {};
  }

  // Of a value's channels; empty where they were not observed.
  struct ChannelMoments {
    std::vector<double> means, mean_squares;
  };
  ChannelMoments channel_moments(ValueId value) const {
    const Equalized* equalized = find_equalized(equalized_, graph_.value(value).name);
    const auto found = statistics_.values.find(equalized ? equalized->source : graph_.value(value).name);
    if (found == statistics_.values.end() || found->second.channels() == 0 || found->second.sampled() == 0) return {};
    ChannelMoments moments{found->second.channel_means(), found->second.channel_mean_squares()};
    for (size_t c = 0; equalized && c < moments.means.size(); ++c) {
      const double factor = equalized->factors[c], offset = equalized->offsets.empty() ? 0 : equalized->offsets[c];
      const double mean = moments.means[c] / factor;
      moments.means[c] = mean - offset;
      moments.mean_squares[c] = moments.mean_squares[c] / (factor * factor) - (2 * mean - offset) * offset;
    }
    return moments;
  }

  // The constant as this node's own.
  ValueId own(Node& node, size_t input) {
    const ValueId id = node.inputs[input];
    uses_.resize(graph_.values.size(), 0);
    if (uses_[id.index] == 0 || --uses_[id.index] == 0) return id;
    Value copy = graph_.value(id);
    copy.name = names_.make(copy.name);
    node.inputs[input] = graph_.add_value(std::move(copy));
    return node.inputs[input];
  }

  void set(ValueId id, Tensor integers, Affine affine) {
    Value& value = graph_.value(id);
    value.type = {integers.dtype(), integers.shape(), std::move(affine)};
    value.constant = std::move(integers);
  }

  // How a product's weights are to be rounded, but for what statistics say.
  struct Plain {
    WeightRequest wish;
    Affine input;  // its parameters; one scale of 1 stands for an input that stays float
    std::vector<float> input_scales;  // of each channel
    bool absorbs;  // whether the weights take up the input's scales
  };

  Plain plain_of(size_t i) const {
    const Node& node = floats_.nodes[i];
    const LayerChoice& choice = roles_[i].choice;
    const Shape& shape = floats_.value(node.inputs[1]).type.shape;
    Plain plain{{}, roles_[i].is_integer() ? stored_affine(floats_.value(node.inputs[0]).type) : *Affine::per_tensor(1), {}, false};
    WeightRequest& wish = plain.wish;
    wish.scale = choice.ranges == RangeMethod::kMinMax ? WeightScale::kMax : WeightScale::kMse;
    wish.per_channel = choice.per_channel;
    wish.greatest = weight_limit(choice.weights);
    wish.least = -wish.greatest;
    wish.output_axis = output_axis(node, shape);
    wish.input_axis = 1 - wish.output_axis;
    if (const auto* conv = std::get_if<Conv>(&node.op)) wish.groups = conv->groups;
    if (choice.weights == 4 && choice.per_channel) wish.block = block_size(shape, wish, choice.group);
    if (wish.block != 0) wish.least = integer_range(DType::kInt4).min;
    plain.absorbs = !plain.input.is_per_tensor() && !is_depthwise(floats_, node);
    plain.input_scales = plain.input.scales_along(channel_axis(node), static_cast<int64_t>(shape[wish.input_axis] * wish.groups));
    return plain;
  }

  bool has_bias(size_t i) const {
    const Node& node = floats_.nodes[i];
    return node.inputs.size() > 2 && node.inputs[2].valid() && floats_.is_constant(node.inputs[2]);
  }

  // One number an output, or none where there is no bias.
  std::vector<float> bias_of(size_t i) const {
    if (!has_bias(i)) return {};
    const Node& node = floats_.nodes[i];
    const Shape& shape = floats_.value(node.inputs[1]).type.shape;
    std::vector<float> bias = floats_.value(node.inputs[2]).constant->to_floats();
    if (bias.size() == 1) bias.assign(static_cast<size_t>(shape[output_axis(node, shape)]), bias.front());
    return bias;
  }

  Status quantize_product(size_t i, const Measured* measured) {
    Node& node = graph_.nodes[i];
    const Role& role = roles_[i];
    const LayerChoice& choice = role.choice;
    const Value& weights = floats_.value(floats_.nodes[i].inputs[1]);
    const Shape& shape = weights.type.shape;
    Plain plain = plain_of(i);
    const Affine& input = plain.input;
    const std::vector<float>& input_scales = plain.input_scales;
    const bool absorbs = plain.absorbs;
    WeightRequest& wish = plain.wish;
    if (absorbs) wish.input_scales = input_scales;
    const ChannelMoments seen = channel_moments(node.inputs[0]);
    // Statistics know the channels along axis 1.
    if (channel_axis(node) == 1 && seen.mean_squares.size() == input_scales.size()) wish.input_energies = seen.mean_squares;
    const int64_t outputs = shape[wish.output_axis];
    std::vector<float> bias;
    const auto round_weights = [&]() -> Result<QuantizedWeights> {
      HT_ASSIGN(QuantizedWeights rounded, quantize_weights(weights.constant->data<float>(), shape, wish));
      rounded.scales.resize(static_cast<size_t>(outputs), rounded.scales.front());
      bias = bias_of(i);
      if (measured)
        refine_product(measured->product, measured->moments, weights.constant->data<float>(), shape, wish, input_scales, request_.refine, rounded, bias);
      return rounded;
    };
    HT_ASSIGN(QuantizedWeights quantized, round_weights());
    std::optional<ShortScales> shorter = request_.target.short_multipliers ? find_short_scales(i, plain, quantized, bias) : std::nullopt;
    if (shorter) {
      wish.scales = shorter->scales;
      HT_ASSIGN(quantized, round_weights());
    }
    auto unit = [&](int64_t o) {
      const float scale = quantized.scales[static_cast<size_t>(o)];
      if (absorbs) return scale;
      const bool varies = !input.is_per_tensor();
      return (varies ? input_scales[static_cast<size_t>(o) * input_scales.size() / static_cast<size_t>(outputs)] : input.scales()[0]) * scale;
    };
    for (size_t o = 0; o < bias.size(); ++o)
      if (!std::isfinite(bias[o])) return input_error("the bias of output {} is not finite", o);
    // ONNX has biases of at most 32 bits, which is not enough for sums of 16-bit inputs.
    const bool has_integer_bias = has_bias(i) && role.is_integer() && dtype_size(graph_.value(node.inputs[0]).type.dtype) == 1;
    const std::vector<float> scales = quantized.scales;
    if (has_integer_bias) HT_TRY(make_room_for_bias(quantized, weights.constant->data<float>(), shape, wish, bias, unit));
    for (size_t o = 0; shorter && o < scales.size(); ++o)
      if (quantized.scales[o] != scales[o]) shorter->varies[o] = false;  // its multiplier is another one now

    HT_ASSIGN(Affine affine, absorbs ? absorbed_affine(quantized, input_scales, shape, wish) : weight_affine(quantized, shape, wish));
    if (!measured && request_.refine.correct_bias && has_bias(i) && std::holds_alternative<Conv>(node.op)) correct_bias(floats_.nodes[i], quantized.values, affine, wish.groups, bias);
    set(own(node, 1), Tensor::of<int8_t>(choice.weights == 4 ? DType::kInt4 : DType::kInt8, shape, quantized.values), std::move(affine));
    if (!has_bias(i)) return {};
    if (!has_integer_bias) return set_bias(node, bias);
    std::vector<int64_t> offsets;
    if (shorter) offsets = zero_point_sums(i, quantized.values, wish);
    return quantize_bias(node, bias, choice.per_channel, outputs, unit, [&](std::span<int32_t> integers) {
      if (shorter) shorten_biases(offsets, *shorter, integers);
    });
  }

  // How a product's outputs are stored: in their own type, or in that of the clamp behind it.
  struct StoredOutput {
    const TensorType* type = nullptr;  // null: not as integers
    double least = -INFINITY, greatest = INFINITY;
  };
  StoredOutput stored_output(const Node& node) const {
    const TensorType& own = floats_.value(node.outputs[0]).type;
    if (own.is_quantized()) return {&own};
    const NodeId reader = links_.only_consumer(node.outputs[0]);
    const auto* unary = reader.valid() ? std::get_if<Unary>(&floats_.node(reader).op) : nullptr;
    if (!unary || (unary->kind != UnaryKind::kRelu && unary->kind != UnaryKind::kClip)) return {};
    const TensorType& clamped = floats_.value(floats_.node(reader).outputs[0]).type;
    if (!clamped.is_quantized()) return {};
    if (unary->kind == UnaryKind::kRelu) return {&clamped, 0};
    return {&clamped, unary->alpha, unary->beta};
  }

  // Whether what is stored of an output depends on the input: not where all its sums lie beyond a limit.
  static bool output_varies(double bias, double spread, const StoredOutput& stored, float scale, int32_t zero_point) {
    const double least = std::max(stored.least, (INT8_MIN - zero_point) * static_cast<double>(scale));
    const double greatest = std::min(stored.greatest, (INT8_MAX - zero_point) * static_cast<double>(scale));
    return spread > 0 && bias + spread > least - scale && bias - spread < greatest + scale;
  }

  // The product's weight scales enlarged to those of short multipliers; nothing where it has none.
  std::optional<ShortScales> find_short_scales(size_t i, const Plain& plain, const QuantizedWeights& quantized, const std::vector<float>& bias) const {
    const Node& node = floats_.nodes[i];
    const Role& role = roles_[i];
    const StoredOutput made = stored_output(node);
    const TensorType* stored = made.type;
    const bool has_bytes = dtype_size(floats_.value(node.inputs[0]).type.dtype) == 1 && stored && dtype_size(stored->dtype) == 1;
    if (!role.is_integer() || !has_bytes || !role.choice.per_channel || role.choice.weights != 8 || (plain.absorbs && plain.wish.groups > 1)) return std::nullopt;
    const std::vector<float>& scales = quantized.scales;
    const size_t outputs = scales.size();
    const Affine affine = stored_affine(*stored);
    const size_t axis = std::holds_alternative<Conv>(node.op) ? 1 : stored->shape.size() - 1;
    if (!affine.is_per_tensor() && stored->shape[axis] != static_cast<int64_t>(outputs)) return std::nullopt;
    const std::vector<float> output = affine.scales_along(axis, static_cast<int64_t>(outputs));
    std::vector<float> input;
    for (size_t o = 0; o < outputs; ++o) {
      const bool varies = !plain.input.is_per_tensor() && !plain.absorbs;
      input.push_back(plain.input_scales[varies ? o * plain.input_scales.size() / outputs : 0]);
    }
    const std::vector<int32_t> zero_points = affine.zero_points_along(axis, static_cast<int64_t>(outputs));
    const std::vector<int64_t> offsets = zero_point_sums(i, quantized.values, plain.wish), spreads = magnitude_sums(i, quantized.values, plain.wish);
    std::vector<bool> varies;
    for (size_t o = 0; o < outputs; ++o) {
      const double unit = plain.absorbs ? scales[o] : static_cast<double>(scales[o]) * input[o];
      const double start = (bias.empty() ? 0.0 : bias[o]) - unit * static_cast<double>(offsets[o]);
      varies.push_back(output_varies(start, 128 * unit * static_cast<double>(spreads[o]), made, output[o], zero_points[o]));
    }
    return short_scales(scales, {input, output, plain.absorbs, varies});
  }

  // Of each output's weights.
  std::vector<int64_t> magnitude_sums(size_t i, std::span<const int8_t> integers, const WeightRequest& wish) const {
    const Shape& shape = floats_.value(floats_.nodes[i].inputs[1]).type.shape;
    const Shape strides = strides_of(shape);
    std::vector<int64_t> sums(static_cast<size_t>(shape[wish.output_axis]));
    for (size_t k = 0; k < integers.size(); ++k) sums[place_of(k, shape, strides, wish).output] += std::abs(int64_t{integers[k]});
    return sums;
  }

  // Of each output's weights times their inputs' zero points, which kernels take off the bias.
  std::vector<int64_t> zero_point_sums(size_t i, std::span<const int8_t> integers, const WeightRequest& wish) const {
    const Node& node = floats_.nodes[i];
    const Shape& shape = floats_.value(node.inputs[1]).type.shape;
    const int64_t inputs = shape[wish.input_axis];
    const auto per_group = static_cast<size_t>(shape[wish.output_axis] / wish.groups);
    const std::vector<int32_t> zero_points = stored_affine(floats_.value(node.inputs[0]).type).zero_points_along(channel_axis(node), inputs * wish.groups);
    const Shape strides = strides_of(shape);
    std::vector<int64_t> sums(static_cast<size_t>(shape[wish.output_axis]));
    for (size_t k = 0; k < integers.size(); ++k) {
      const Place place = place_of(k, shape, strides, wish);
      sums[place.output] += int64_t{integers[k]} * zero_points[place.output / per_group * static_cast<size_t>(inputs) + place.input];
    }
    return sums;
  }

  // The bias as real numbers, which it was corrected to be.
  Status set_bias(Node& node, const std::vector<float>& bias) {
    Value& value = graph_.value(own(node, 2));
    const Shape shape = element_count(value.type.shape) == static_cast<int64_t>(bias.size()) ? value.type.shape : Shape{static_cast<int64_t>(bias.size())};
    value.type = {DType::kFloat32, shape, std::nullopt};
    value.constant = Tensor::of_floats(shape, bias);
    return {};
  }

  // Subtracts from the bias the mean of what rounding the weights adds to each output: E[(W_q - W) x] = (W_q - W) E[x], borders
  // aside (Nagel et al., Data-Free Quantization, 2019).
  void correct_bias(const Node& node, std::span<const int8_t> integers, const Affine& affine, int64_t groups, std::vector<float>& bias) const {
    const std::vector<double> means = channel_moments(node.inputs[0]).means;
    if (means.empty()) return;
    const Value& weights = floats_.value(node.inputs[1]);
    const auto real = weights.constant->data<float>();
    const int64_t outputs = weights.type.shape[0], per_group = weights.type.shape[1];
    const int64_t taps = static_cast<int64_t>(real.size()) / std::max<int64_t>(1, outputs * per_group);
    std::vector<double> errors(static_cast<size_t>(outputs * per_group));  // of each pair of output and input, over all taps
    affine.for_each_run(weights.type.shape, [&](int64_t first, int64_t count, size_t at) {
      const double scale = affine.scales()[at];
      for (int64_t i = first; i < first + count; ++i) {
        const auto weight = static_cast<size_t>(i);
        errors[static_cast<size_t>(i / taps)] += integers[weight] * scale - real[weight];
      }
    });
    for (int64_t o = 0; o < outputs; ++o) {
      double shift = 0;
      for (int64_t i = 0; i < per_group; ++i)
        shift += errors[static_cast<size_t>(o * per_group + i)] * means[static_cast<size_t>(o / (outputs / groups) * per_group + i)];
      bias[static_cast<size_t>(o)] -= static_cast<float>(shift);
    }
  }

  // The axis of weights along which outputs lie.
  static size_t output_axis(const Node& node, const Shape&) {
    if (std::holds_alternative<Conv>(node.op)) return 0;
    if (const auto* gemm = std::get_if<Gemm>(&node.op)) return gemm->transpose_b ? 0 : 1;
    return 1;
  }
  size_t channel_axis(const Node& node) const {
    return std::holds_alternative<Conv>(node.op) ? 1 : graph_.value(node.inputs[0]).type.shape.size() - 1;
  }

  // Of groups of inputs that share a scale, at each tap; 0 where an output has one: in layers with less than half a group of inputs,
  // and where there is one group.
  static int64_t block_size(const Shape& shape, const WeightRequest& wish, int64_t group) {
    const int64_t inputs = shape[wish.input_axis], block = std::min(group, inputs);
    return inputs * 2 >= group && element_count(shape) > shape[wish.output_axis] * block ? block : 0;
  }

  // Where along the output's axis, and along the input's, a weight is.
  struct Place {
    size_t output, input;
  };
  static Place place_of(size_t weight, const Shape& shape, const Shape& strides, const WeightRequest& wish) {
    const auto along = [&](size_t axis) { return weight / static_cast<size_t>(strides[axis]) % static_cast<size_t>(shape[axis]); };
    return {along(wish.output_axis), along(wish.input_axis)};
  }

  // One scale for all, or one an output, or its multiples a block.
  static Result<Affine> weight_affine(const QuantizedWeights& quantized, const Shape& shape, const WeightRequest& wish) {
    const auto& scales = quantized.scales;
    if (!wish.per_channel && std::ranges::all_of(scales, [&](float s) { return s == scales.front(); })) return Affine::per_tensor(scales.front());
    if (wish.block == 0) return Affine::per_axis(scales, {}, wish.output_axis, shape.size());
    Shape blocks = shape;
    int64_t& inputs = blocks[wish.input_axis];
    inputs = (inputs + wish.block - 1) / wish.block;
    const int64_t block = inputs == 1 ? 0 : wish.block;
    std::vector<float> all(static_cast<size_t>(element_count(blocks)), 1.0f);
    HT_ASSIGN(const Affine places, Affine::make(blocks, all, {}, block));
    const Shape strides = strides_of(shape);
    for (size_t i = 0; i < quantized.values.size(); ++i) {
      const float multiple = static_cast<float>(quantized.multiple(i));
      all[places.index_of(shape, static_cast<int64_t>(i))] = multiple * scales[place_of(i, shape, strides, wish).output];
    }
    return Affine::make(std::move(blocks), std::move(all), {}, block);
  }

  // Scales in the order of the weights' axes, such that input scale times weight scale is one number an output, or its multiple a
  // block. They are products of that number and one an input (1 for the first of a block), which is how a file holds them.
  static Result<Affine> absorbed_affine(const QuantizedWeights& quantized, const std::vector<float>& input_scales, const Shape& shape,
                                        const WeightRequest& wish) {
    Shape scale_shape(shape.size(), 1);
    if (wish.block != 0) scale_shape = shape;
    scale_shape[wish.output_axis] = shape[wish.output_axis];
    scale_shape[wish.input_axis] = shape[wish.input_axis];
    const Shape strides = strides_of(scale_shape);
    const auto block = static_cast<size_t>(wish.block == 0 ? shape[wish.input_axis] : wish.block);
    std::vector<float> scales(static_cast<size_t>(element_count(scale_shape)));
    for (size_t i = 0; i < scales.size(); ++i) {
      const Place place = place_of(i, scale_shape, strides, wish);
      const float first = input_scales[place.input / block * block];
      const float multiple = wish.block == 0 ? 1.0f : static_cast<float>(quantized.multiple(i));
      const float output_part = multiple * quantized.scales[place.output] / first, input_part = first / input_scales[place.input];
      scales[i] = output_part * input_part;
    }
    return Affine::make(std::move(scale_shape), std::move(scales), {});
  }

  // Enlarges the scale of an output whose bias would not fit into int32.
  template <class Unit>
  static Status make_room_for_bias(QuantizedWeights& quantized, std::span<const float> weights, const Shape& shape, const WeightRequest& wish,
                                   const std::vector<float>& bias, const Unit& unit) {
    for (size_t o = 0; o < bias.size(); ++o) {
      const double magnitude = std::abs(static_cast<double>(bias[o])) / unit(static_cast<int64_t>(o));
      if (magnitude <= kMostBias) continue;
      const auto factor = static_cast<float>(magnitude / kMostBias * 1.0001);
      quantized.scales[o] *= factor;
      if (wish.block != 0) quantized.scales[o] = short_scale(quantized.scales[o]);
      const Shape strides = strides_of(shape);
      for (size_t i = 0; i < weights.size(); ++i) {
        const int64_t output = static_cast<int64_t>(i) / strides[wish.output_axis] % shape[wish.output_axis];
        if (output == static_cast<int64_t>(o))
          quantized.values[i] = static_cast<int8_t>(std::nearbyint(quantized.values[i] / static_cast<double>(factor)));
      }
    }
    return {};
  }

  // `adjust` may change the integers.
  template <class Unit, class Adjust>
  Status quantize_bias(Node& node, const std::vector<float>& bias, bool per_channel, int64_t outputs, const Unit& unit, const Adjust& adjust) {
    std::vector<int32_t> integers;
    std::vector<float> scales;
    for (int64_t o = 0; o < outputs; ++o) {
      const float scale = unit(o);
      if (!std::isnormal(scale)) return input_error("the scale of output {}'s sum is {}; its weights or input are too small", o, scale);
      scales.push_back(scale);
      integers.push_back(static_cast<int32_t>(std::nearbyint(static_cast<double>(bias[static_cast<size_t>(o)]) / scale)));
    }
    adjust(std::span(integers));
    const ValueId id = own(node, 2);
    const Shape& old = graph_.value(id).type.shape;
    Shape shape = element_count(old) == outputs ? old : Shape{outputs};
    const size_t axis = shape.size() - 1;
    const bool same = std::ranges::all_of(scales, [&](float s) { return s == scales.front(); });
    HT_ASSIGN(Affine affine, same && !per_channel ? Affine::per_tensor(scales.front()) : Affine::per_axis(scales, {}, axis, shape.size()));
    set(id, Tensor::of<int32_t>(DType::kInt32, shape, integers), std::move(affine));
    return {};
  }

  // Constants that take part in arithmetic (added or multiplied) or that are moved together with quantized values.
  Status quantize_operands(Node& node, const LayerChoice& choice) {
    const QuantRule rule = quant_rule(node);
    const TensorType& output = graph_.value(node.outputs[0]).type;
    if (!output.is_quantized()) return {};
    for (size_t i : data_inputs(graph_, node)) {
      const Value& value = graph_.value(node.inputs[i]);
      if (!value.constant || value.type.is_quantized() || value.type.dtype != DType::kFloat32) continue;
      const auto floats = value.constant->data<float>();
      Range range;
      for (float x : floats) range = {std::min(range.min, static_cast<double>(x)), std::max(range.max, static_cast<double>(x))};
      std::optional<Affine> affine = output.affine;
      if (rule.kind != QuantKind::kMove || !affine->is_per_tensor()) {
        IntegerGrid grid = activation_grid(choice, request_.target);
        grid.dtype = output.dtype;
        grid.symmetric = grid.symmetric || output.dtype == DType::kInt16;
        HT_ASSIGN(affine, affine_from_range(range, grid));
      }
      const IntegerRange limits = integer_range(output.dtype);
      std::vector<int64_t> integers;
      for (float x : floats) {
        const double q = std::nearbyint(static_cast<double>(x / affine->scales()[0])) + affine->zero_points()[0];
        integers.push_back(static_cast<int64_t>(std::clamp(q, static_cast<double>(limits.min), static_cast<double>(limits.max))));
      }
      Tensor stored = Tensor::zeros(output.dtype, value.type.shape);
      store(stored, integers);
      set(own(node, i), std::move(stored), *affine);
    }
    return {};
  }

  Graph& graph_;
  const Graph floats_;  // as it was
  const Links links_;   // of that
  const std::vector<Role>& roles_;
  const Statistics& statistics_;
  const QuantizeRequest& request_;
  const Equalizations& equalized_;
  FreshNames names_;
  std::vector<int> uses_;  // of each constant, by nodes and as outputs of the graph
};

}  // namespace

Status quantize_constants(Graph& graph, const std::vector<Role>& roles, const Statistics& statistics, const QuantizeRequest& request,
                          const Equalizations& equalized) {
  return ConstantQuantizer(graph, roles, statistics, request, equalized).run();
}

}  // namespace ht
