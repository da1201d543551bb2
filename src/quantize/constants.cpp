// SPDX-License-Identifier: Apache-2.0
#include "quantize/constants.h"

#include <algorithm>
#include <cmath>

#include "ops/common.h"
#include "ops/steps.h"
#include "quantize/ranges.h"
#include "quantize/weights.h"

namespace ht {
namespace {

// Sums of weights times int8 inputs and the bias must stay within int32, with room for the zero points' share.
constexpr double kMostBias = 1 << 30;

class ConstantQuantizer {
 public:
  ConstantQuantizer(Graph& graph, const std::vector<Role>& roles, const Statistics& statistics, const QuantizeRequest& request,
                    const Equalizations& equalized)
      : graph_(graph), roles_(roles), statistics_(statistics), request_(request), equalized_(equalized), names_(graph), uses_(graph.values.size(), 0) {
    for (const Node& node : graph.nodes)
      for (ValueId input : node.inputs)
        if (graph.is_constant(input)) ++uses_[input.index];
  }

  Status run() {
    HT_TRY(measure_moments());
    for (size_t i = 0; i < roles_.size(); ++i) {
      const Role& role = roles_[i];
      Node& node = graph_.nodes[i];
      const bool weighted = is_weighted(graph_, node);
      Status status;
      if (weighted && (role.weights_only || (role.is_integer() && graph_.value(node.inputs[0]).type.is_quantized()))) {
        status = quantize_product(node, role);
      } else if (!weighted && role.is_integer()) {
        status = quantize_operands(node, role.choice);
      }
      if (!status) return std::move(status.error()).in("node " + node.name);
    }
    return {};
  }

 private:
  Status measure_moments() {
    if (!request_.measure_moments) return {};
    std::vector<ObservedProduct> products;
    for (size_t i = 0; i < roles_.size(); ++i) {
      const Node& node = graph_.nodes[i];
      const auto* conv = std::get_if<Conv>(&node.op);
      if (!conv || !roles_[i].is_integer() || !is_weighted(graph_, node)) continue;
      const Value& input = graph_.value(node.inputs[0]);
      const Shape& weights = graph_.value(node.inputs[1]).type.shape;
      const bool is_small = element_count(weights) <= kMostTaps * weights[0];
      if (!input.type.is_quantized() || !is_small) continue;
      ObservedProduct product{node.name, observed_name(node.inputs[0]), input.type, *conv, weights, graph_.value(node.outputs[0]).type.shape};
      if (const auto found = equalized_.find(input.name); found != equalized_.end()) {
        HT_ASSIGN(product.input_type, found->second.source_type());
      }
      products.push_back(std::move(product));
    }
    HT_ASSIGN(moments_, request_.measure_moments(products));
    return {};
  }

  // The value of the float graph that this is, or is a copy of, factors of channels aside.
  const std::string& observed_name(ValueId value) const {
    if (const auto found = equalized_.find(graph_.value(value).name); found != equalized_.end()) return found->second.source;
    for (const Node& node : graph_.nodes)
      if (std::holds_alternative<Convert>(node.op) && node.outputs[0] == value) return graph_.value(node.inputs[0]).name;
    return graph_.value(value).name;
  }

  // Of a value's channels; empty where they were not observed.
  struct ChannelMoments {
    std::vector<double> means, mean_squares;
  };
  ChannelMoments channel_moments(ValueId value) const {
    const auto equalized = equalized_.find(graph_.value(value).name);
    const bool is_equalized = equalized != equalized_.end();
    const auto found = statistics_.values.find(is_equalized ? equalized->second.source : graph_.value(value).name);
    if (found == statistics_.values.end() || found->second.channels() == 0 || found->second.sampled() == 0) return {};
    ChannelMoments moments{found->second.channel_means(), found->second.channel_mean_squares()};
    for (size_t c = 0; is_equalized && c < moments.means.size(); ++c) {
      const double factor = equalized->second.factors[c], offset = equalized->second.offsets.empty() ? 0 : equalized->second.offsets[c];
      const double mean = moments.means[c] / factor;
      moments.means[c] = mean - offset;
      moments.mean_squares[c] = moments.mean_squares[c] / (factor * factor) - (2 * mean - offset) * offset;
    }
    return moments;
  }

  // The constant as this node's own.
  ValueId own(Node& node, size_t input) {
    const ValueId id = node.inputs[input];
    if (--uses_[id.index] == 0) return id;
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

  Status quantize_product(Node& node, const Role& role) {
    const LayerChoice& choice = role.choice;
    // The input's parameters; one scale of 1 stands for an input that stays float.
    const Affine input = role.is_integer() ? stored_affine(graph_.value(node.inputs[0]).type) : *Affine::per_tensor(1);
    const Value& weights = graph_.value(node.inputs[1]);
    const Shape shape = weights.type.shape;
    if (weights.type.is_quantized()) return {};
    WeightRequest wish;
    wish.scale = choice.ranges == RangeMethod::kMinMax ? WeightScale::kMax : WeightScale::kMse;
    wish.per_channel = choice.per_channel;
    wish.greatest = weight_limit(choice.weights);
    wish.least = -wish.greatest;
    wish.output_axis = output_axis(node, shape);
    wish.input_axis = 1 - wish.output_axis;
    if (const auto* conv = std::get_if<Conv>(&node.op)) wish.groups = conv->groups;
    const bool absorbs = !input.is_per_tensor() && !is_depthwise(graph_, node);
    const auto input_channels = static_cast<int64_t>(shape[wish.input_axis] * wish.groups);
    const std::vector<float> input_scales = input.scales_along(channel_axis(node), input_channels);
    if (absorbs) wish.input_scales = input_scales;
    const ChannelMoments seen = channel_moments(node.inputs[0]);
    if (static_cast<int64_t>(seen.mean_squares.size()) == input_channels) wish.input_energies = seen.mean_squares;
    HT_ASSIGN(QuantizedWeights quantized, quantize_weights(weights.constant->data<float>(), shape, wish));

    const int64_t outputs = shape[wish.output_axis];
    quantized.scales.resize(static_cast<size_t>(outputs), quantized.scales.front());
    if (const auto found = moments_.find(node.name); found != moments_.end())
      round_by_moments(weights.constant->data<float>(), wish, found->second, quantized);
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2].valid() && graph_.is_constant(node.inputs[2]);
    std::vector<float> bias = has_bias ? graph_.value(node.inputs[2]).constant->to_floats() : std::vector<float>();
    if (bias.size() == 1) bias.assign(static_cast<size_t>(outputs), bias.front());
    auto unit = [&](int64_t o) {
      const float scale = quantized.scales[static_cast<size_t>(o)];
      if (absorbs) return scale;
      const bool varies = !input.is_per_tensor();
      return (varies ? input_scales[static_cast<size_t>(o * input_channels / outputs)] : input.scales()[0]) * scale;
    };
    for (size_t o = 0; o < bias.size(); ++o)
      if (!std::isfinite(bias[o])) return input_error("the bias of output {} is not finite", o);
    // ONNX has biases of at most 32 bits, which is not enough for sums of 16-bit inputs.
    const bool has_integer_bias = has_bias && role.is_integer() && dtype_size(graph_.value(node.inputs[0]).type.dtype) == 1;
    if (has_integer_bias) HT_TRY(make_room_for_bias(quantized, weights.constant->data<float>(), shape, wish, bias, unit));

    Shape scale_shape(shape.size(), 1);
    std::vector<float> scales = quantized.scales;
    scale_shape[wish.output_axis] = outputs;
    const std::vector<float> rounded = absorbs ? absorbed_scales(quantized.scales, input_scales, shape, wish) : std::vector<float>();
    if (has_bias && std::holds_alternative<Conv>(node.op)) correct_bias(node, quantized, rounded, wish.groups, bias);
    if (absorbs) {
      scale_shape[wish.input_axis] = shape[wish.input_axis];
      scales = rounded;
    } else if (!choice.per_channel && std::ranges::all_of(scales, [&](float s) { return s == scales.front(); })) {
      scale_shape.clear();
      scales.resize(1);
    }
    HT_ASSIGN(Affine affine, Affine::make(scale_shape, std::move(scales), {}));
    set(own(node, 1), Tensor::of<int8_t>(choice.weights == 4 ? DType::kInt4 : DType::kInt8, shape, quantized.values), std::move(affine));
    if (!has_bias) return {};
    return has_integer_bias ? quantize_bias(node, bias, choice.per_channel, outputs, unit) : set_bias(node, bias);
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
  // aside (Nagel et al., Data-Free Quantization, 2019). `absorbed` are the weights' scales [output, input] where they absorb
  // the input's, else empty.
  void correct_bias(const Node& node, const QuantizedWeights& quantized, const std::vector<float>& absorbed, int64_t groups,
                    std::vector<float>& bias) const {
    const std::vector<double> means = channel_moments(node.inputs[0]).means;
    if (means.empty()) return;
    const Value& weights = graph_.value(node.inputs[1]);
    const auto real = weights.constant->data<float>();
    const int64_t outputs = weights.type.shape[0], per_group = weights.type.shape[1];
    const int64_t taps = static_cast<int64_t>(real.size()) / std::max<int64_t>(1, outputs * per_group);
    for (int64_t o = 0; o < outputs; ++o) {
      double shift = 0;
      for (int64_t i = 0; i < per_group; ++i) {
        const auto pair = static_cast<size_t>(o * per_group + i);
        const double scale = absorbed.empty() ? quantized.scales[static_cast<size_t>(o)] : absorbed[pair];
        double error = 0;
        for (int64_t t = 0; t < taps; ++t) {
          const auto at = pair * static_cast<size_t>(taps) + static_cast<size_t>(t);
          error += quantized.values[at] * scale - real[at];
        }
        shift += error * means[static_cast<size_t>(o / (outputs / groups) * per_group + i)];
      }
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

  // Scales [outputs, inputs] in the order of the weights' axes, such that input scale times weight scale is one number an output. They
  // are products of a number an output and a number an input (1 for the first), which is how a file holds them.
  static std::vector<float> absorbed_scales(const std::vector<float>& output_scales, const std::vector<float>& input_scales, const Shape& shape,
                                            const WeightRequest& wish) {
    std::vector<float> scales;
    for (int64_t a = 0; a < shape[0]; ++a)
      for (int64_t b = 0; b < shape[1]; ++b) {
        const auto o = static_cast<size_t>(wish.output_axis == 0 ? a : b), c = static_cast<size_t>(wish.output_axis == 0 ? b : a);
        const float output_part = output_scales[o] / input_scales[0], input_part = input_scales[0] / input_scales[c];
        scales.push_back(output_part * input_part);
      }
    return scales;
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
      const Shape strides = strides_of(shape);
      for (size_t i = 0; i < weights.size(); ++i) {
        const int64_t output = static_cast<int64_t>(i) / strides[wish.output_axis] % shape[wish.output_axis];
        if (output == static_cast<int64_t>(o))
          quantized.values[i] = static_cast<int8_t>(std::nearbyint(quantized.values[i] / static_cast<double>(factor)));
      }
    }
    return {};
  }

  template <class Unit>
  Status quantize_bias(Node& node, const std::vector<float>& bias, bool per_channel, int64_t outputs, const Unit& unit) {
    std::vector<int32_t> integers;
    std::vector<float> scales;
    for (int64_t o = 0; o < outputs; ++o) {
      const float scale = unit(o);
      if (!std::isnormal(scale)) return input_error("the scale of output {}'s sum is {}; its weights or input are too small", o, scale);
      scales.push_back(scale);
      integers.push_back(static_cast<int32_t>(std::nearbyint(static_cast<double>(bias[static_cast<size_t>(o)]) / scale)));
    }
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
  const std::vector<Role>& roles_;
  const Statistics& statistics_;
  const QuantizeRequest& request_;
  const Equalizations& equalized_;
  FreshNames names_;
  std::vector<int> uses_;
  std::map<std::string, InputMoments> moments_;
};

}  // namespace

Status quantize_constants(Graph& graph, const std::vector<Role>& roles, const Statistics& statistics, const QuantizeRequest& request,
                          const Equalizations& equalized) {
  return ConstantQuantizer(graph, roles, statistics, request, equalized).run();
}

}  // namespace ht
