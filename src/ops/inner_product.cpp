// SPDX-License-Identifier: Apache-2.0
#include "ops/inner_product.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace ht {
namespace {

// What all products of input and weight scales within an output's sum are multiples of.
struct CommonScales {
  std::vector<float> scales;       // of each output's sum
  std::vector<uint8_t> multiples;  // of each weight's; empty where all are 1
};

// One output's products of input and weight scales, tap by tap.
struct RowScales {
  std::vector<float> products;
  float input = 1;        // what is left to multiply them by
  bool is_exact = false;  // nothing was multiplied yet
};

// The least and the greatest of what some numbers are taken for. (std::ranges::minmax makes pairs of them, which no compiler
// turns into vectors.)
template <class T, class As = std::identity>
auto extremes(std::span<const T> numbers, As as = {}) {
  auto least = as(numbers[0]), most = least;
  for (const T number : numbers) {
    least = std::min(least, as(number));
    most = std::max(most, as(number));
  }
  return std::pair(least, most);
}

// The same of floats that are not negative, which are ordered as their bits are: integers become vectors.
std::pair<float, float> extremes_of_positive(std::span<const float> numbers) {
  const auto [least, most] = extremes(numbers, [](float number) { return std::bit_cast<int32_t>(number); });
  return {std::bit_cast<float>(least), std::bit_cast<float>(most)};
}

// The greatest scale that all products of a row are small multiples of, and these, which are 1 before; nothing where there is none. Products of scales
// that vary both with the input are two roundings to float apart from the multiple, others are exactly float(multiple) * scale.
std::optional<float> common_scale(const RowScales& row, std::span<uint8_t> multiples) {
  constexpr double kTolerance = 4e-6;
  const auto is_close = [&](float product, float exact) {
    return row.is_exact ? exact == product : std::abs(static_cast<double>(product) - exact) <= kTolerance * exact;
  };
  const auto sum_scale = [&](float scale) {
    const float sum = scale * row.input;
    return std::isnormal(sum) ? std::optional(sum) : std::nullopt;
  };
  const auto [least, most] = extremes_of_positive(row.products);
  if (is_close(least, row.products[0]) && is_close(most, row.products[0])) return sum_scale(row.products[0]);  // as almost all are
  for (int first = 1; first <= kMostMultiple; ++first) {
    const float scale = row.products[0] / static_cast<float>(first);
    const auto fits = [&](float product, uint8_t& multiple) {
      const float nearest = std::nearbyint(product / scale);
      if (!(nearest >= 1 && nearest <= kMostMultiple)) return false;
      multiple = static_cast<uint8_t>(nearest);
      return is_close(product, nearest * scale);
    };
    size_t tap = 0;
    while (tap < row.products.size() && fits(row.products[tap], multiples[tap])) ++tap;
    if (tap == row.products.size()) return sum_scale(scale);
  }
  return std::nullopt;
}

// What the input's channels have, each as often as a filter has taps in it.
template <class To, class From>
std::vector<To> repeated(const std::vector<From>& of_channels, int64_t taps) {
  std::vector<To> result;
  result.reserve(of_channels.size() * static_cast<size_t>(taps));
  for (const From& of_channel : of_channels) result.insert(result.end(), static_cast<size_t>(taps), static_cast<To>(of_channel));
  return result;
}

std::optional<CommonScales> common_scales(const Affine& weights, const Shape& shape, const Affine& input, size_t axis, const TapChannels& channels,
                                          int64_t taps) {
  const auto under_taps = repeated<float>(input.scales_along(axis, channels.input_channels), channels.spatial_taps);
  // Places in the table are a sum of one part for the output and one for the tap, as scales vary along axes.
  const AffineTable& table = weights.table();
  std::vector<AffineTable::Place> of_tap;
  for (int64_t tap = 0; tap < taps; ++tap) of_tap.push_back(table.place_of(weights.index_of(shape, tap)));
  CommonScales common;
  common.multiples.resize(static_cast<size_t>(shape[0] * taps), 1);
  RowScales row;
  row.is_exact = input.is_per_tensor();
  if (row.is_exact) row.input = input.scales()[0];
  const bool one_scale = row.is_exact && std::ranges::all_of(of_tap, [&](const auto& place) { return place == of_tap[0]; });
  row.products.resize(one_scale ? 1 : of_tap.size());  // one stands for all that are equal
  for (int64_t o = 0; o < shape[0]; ++o) {
    const AffineTable::Place of_output = table.place_of(weights.index_of(shape, o * taps));
    const float* under = under_taps.data() + channels.channel_of(o, 0) * channels.spatial_taps;
    for (size_t tap = 0; tap < row.products.size(); ++tap) {
      const float scale = table.scale({of_output.base + of_tap[tap].base, of_output.factor + of_tap[tap].factor});
      row.products[tap] = row.is_exact ? scale : under[tap] * scale;
    }
    const auto scale = common_scale(row, std::span(common.multiples).subspan(static_cast<size_t>(o * taps), row.products.size()));
    if (!scale) return std::nullopt;
    common.scales.push_back(*scale);
  }
  if (std::ranges::count(common.multiples, 1) == std::ssize(common.multiples))
    common.multiples.clear();  // a loop that compilers turn into vectors
  return common;
}

// The bias in units of the sums: its own integers where it has those units, else its real numbers rounded, and what that took.
struct BiasUnits {
  std::vector<double> units;
  std::vector<float> rest;
};

std::optional<BiasUnits> bias_units(const Value* bias, const std::vector<float>& sum_scale) {
  BiasUnits result{std::vector<double>(sum_scale.size(), 0.0), std::vector<float>(sum_scale.size(), 0.0f)};
  if (!bias) return result;
  if (!bias->constant || bias->constant->size() != static_cast<int64_t>(sum_scale.size())) return std::nullopt;
  const std::vector<double> stored = bias->constant->to_doubles();
  for (size_t o = 0; o < sum_scale.size(); ++o) {
    double exact = stored[o] / sum_scale[o];
    if (bias->type.affine) {
      const Affine& affine = *bias->type.affine;
      const size_t at = affine.index_of(bias->type.shape, static_cast<int64_t>(o));
      const double integer = stored[o] - affine.zero_points()[at];
      const double ratio = static_cast<double>(affine.scales()[at]) / sum_scale[o];
      exact = std::abs(ratio - 1) < 1e-5 ? integer : integer * ratio;
    }
    result.units[o] = std::nearbyint(exact);
    result.rest[o] = static_cast<float>((exact - result.units[o]) * sum_scale[o]);
  }
  return result;
}

// The weights less their zero points, nine bits at most.
template <class T>
std::vector<int16_t> centred(std::span<const T> integers, const Shape& shape, const Affine& affine) {
  const AffineTable& table = affine.table();
  if (std::ranges::all_of(table.base_zero_points(), [](int32_t zero_point) { return zero_point == 0; })) return {integers.begin(), integers.end()};
  std::vector<int16_t> result(integers.size());
  affine.for_each_run(shape, [&](int64_t first, int64_t count, size_t at) {
    const auto zero_point = static_cast<int16_t>(table.zero_point(table.place_of(at)));
    for (auto i = static_cast<size_t>(first); i < static_cast<size_t>(first + count); ++i)
      result[i] = static_cast<int16_t>(integers[i] - zero_point);
  });
  return result;
}

std::optional<std::vector<int16_t>> centred_weights(const Tensor& weights, const Affine& affine) {
  if (!is_integer(weights.dtype()) || dtype_size(weights.dtype()) != 1) return std::nullopt;
  if (weights.dtype() == DType::kInt8) return centred(weights.data<int8_t>(), weights.shape(), affine);
  return centred(std::span<const int64_t>(weights.to_int64s()), weights.shape(), affine);
}

// Of one output: its weights times the zero points under them, and the sum of the weights' magnitudes.
struct Folded {
  int64_t zero_points = 0, magnitude = 0;
};
Folded fold(std::span<const int16_t> weights, const int16_t* zero_points) {
  constexpr size_t kStretch = 16;  // products of 12 bits, multiples and all, by 15: 31 bits hold their sum
  Folded result;
  for (size_t first = 0; first < weights.size(); first += kStretch) {
    int32_t product = 0, magnitude = 0;
    for (size_t i = first; i < std::min(first + kStretch, weights.size()); ++i) {
      product += weights[i] * zero_points[i];
      magnitude += std::abs(weights[i]);
    }
    result.zero_points += product;
    result.magnitude += magnitude;
  }
  return result;
}

}  // namespace

std::optional<InnerProduct> integer_product(const Tensor& weights, const Affine& weight_affine, const TensorType& input, size_t axis,
                                            const TapChannels& channels, const Value* bias) {
  auto centred = centred_weights(weights, weight_affine);
  if (!centred) return std::nullopt;
  const Affine stored = stored_affine(input);
  if (!stored.is_per_tensor() && stored.axis() != axis) return std::nullopt;
  InnerProduct product;
  product.constant = weights;
  product.wide_input = dtype_size(input.dtype) == 2;
  const double most_input = product.wide_input ? 32768 : 128, most_sum = product.wide_input ? 0x1p47 : 0x1p31;
  product.outputs = weights.shape()[0];
  product.taps = product.outputs == 0 ? 0 : weights.size() / product.outputs;
  if (product.taps == 0) return std::nullopt;
  auto common = common_scales(weight_affine, weights.shape(), stored, axis, channels, product.taps);
  if (!common) return std::nullopt;
  auto rounded = bias_units(bias, common->scales);
  if (!rounded) return std::nullopt;
  product.four_bits = weights.dtype() == DType::kInt4 && std::ranges::all_of(*centred, [](int16_t weight) { return weight >= -8 && weight <= 7; });
  for (size_t i = 0; i < common->multiples.size(); ++i) (*centred)[i] = static_cast<int16_t>((*centred)[i] * common->multiples[i]);
  product.padding = stored.zero_points_along(axis, channels.input_channels);
  const auto under_taps = repeated<int16_t>(product.padding, channels.spatial_taps);
  for (int64_t o = 0; o < product.outputs; ++o) {
    const Folded folded = fold({centred->data() + o * product.taps, static_cast<size_t>(product.taps)},
                               under_taps.data() + channels.channel_of(o, 0) * channels.spatial_taps);
    const double total = rounded->units[static_cast<size_t>(o)] - static_cast<double>(folded.zero_points);
    const double magnitude = static_cast<double>(folded.magnitude) * most_input;
    if (!(std::abs(total) + magnitude < most_sum)) return std::nullopt;
    product.bias.push_back(static_cast<int64_t>(total));
  }
  product.sum_scale = std::move(common->scales);
  if (std::ranges::any_of(rounded->rest, [](float rest) { return rest != 0; })) product.rest = std::move(rounded->rest);
  const auto [least, most] = extremes(std::span<const int16_t>(*centred));
  if (product.four_bits) product.multiples = std::move(common->multiples);
  if (least >= INT8_MIN && most <= INT8_MAX)
    product.weights.assign(centred->begin(), centred->end());
  else
    product.wide = *std::move(centred);
  if (product.wide_input && !product.wide.empty()) return std::nullopt;
  return product;
}

namespace {

// A number a channel: the zero point, and between which integers the clamp leaves the output.
template <class T>
struct Limits {
  std::vector<T> zero_point, minimum, maximum;
};

template <class T>
Limits<T> limits_of(const std::vector<float>& scales, const std::vector<int32_t>& zero_points, const Unary* clamp) {
  constexpr T kLeast = std::numeric_limits<T>::min(), kMost = std::numeric_limits<T>::max();
  const size_t channels = scales.size();
  Limits<T> result{{zero_points.begin(), zero_points.end()}, std::vector<T>(channels, kLeast), std::vector<T>(channels, kMost)};
  if (!clamp) return result;
  const float low = clamp->kind == UnaryKind::kRelu ? 0.0f : clamp->alpha;
  const float high = clamp->kind == UnaryKind::kRelu ? INFINITY : clamp->beta;
  for (size_t c = 0; c < channels; ++c) {
    auto quantized = [&](float x) {
      const double q = std::nearbyint(static_cast<double>(x / scales[c])) + zero_points[c];
      return static_cast<T>(std::clamp(q, static_cast<double>(kLeast), static_cast<double>(kMost)));
    };
    result.minimum[c] = quantized(low);
    result.maximum[c] = quantized(high);
  }
  return result;
}

bool clamps(const Unary& unary) { return unary.kind == UnaryKind::kRelu || unary.kind == UnaryKind::kClip; }

// The sums' own channels: along which axis, and how many.
struct Channels {
  Layout layout;
  int64_t count;

  size_t axis(const TensorType& type) const { return layout == Layout::kChannelsLast ? 1 : type.shape.size() - 1; }
  // Parameters that vary do so along that axis.
  bool hold(const TensorType& type) const { return type.affine->is_per_tensor() || type.affine->axis() == axis(type); }
  std::vector<float> scales(const TensorType& type) const { return stored_affine(type).scales_along(axis(type), count); }
  template <class T>
  Limits<T> limits(const TensorType& type, const Unary* clamp) const {
    return limits_of<T>(scales(type), stored_affine(type).zero_points_along(axis(type), count), clamp);
  }
  // Whether the clamp changes nothing that is not beyond the integers anyway.
  template <class T>
  bool is_needless(const TensorType& type, const Unary& clamp) const {
    const Limits<T> all = limits<T>(type, nullptr), limited = limits<T>(type, &clamp);
    return all.minimum == limited.minimum && all.maximum == limited.maximum;
  }
};

// float, and then `rest` in float too.
Result<ProductOutput> float_product(PrepareContext& context, const std::vector<float>& sum_scale, std::vector<float> rest, Layout layout) {
  HT_ASSIGN(const BufferId buffer, context.float_output(layout));
  HT_ASSIGN(EpilogueData epilogue, float_epilogue(static_cast<int32_t>(sum_scale.size()), {sum_scale.begin(), sum_scale.end()}));
  if (rest.empty() || context.states_policy()) return ProductOutput{std::move(epilogue), buffer, {}, {}, {}, {}, {}};
  const Buffer made = context.buffer(buffer);
  const BufferId sums = context.temporary(made.name, DType::kFloat32, made.shape, layout);
  return ProductOutput{std::move(epilogue), sums, {}, {}, {}, buffer, std::move(rest)};
}

}  // namespace

Result<ProductOutput> product_output(PrepareContext& context, const InnerProduct& product, Layout layout) {
  const std::vector<float>& sum_scale = product.sum_scale;
  const Channels channels{layout, static_cast<int64_t>(sum_scale.size())};
  const auto count = static_cast<int32_t>(sum_scale.size());
  const bool wide = product.wide_input;
  const auto has_form = [&](const TensorType& type) {
    if (!wide) return is_8bit(type) && channels.hold(type);
    if (!is_stored(type) || is_8bit(type) || !channels.hold(type) || !has_s16_form(context.policy())) return false;
    constexpr float kMostRatio = 0x1p14f;  // what s16_epilogue takes under every policy
    const std::vector<float> scales = channels.scales(type);
    return std::ranges::equal(sum_scale, scales, [](float sum, float output) { return sum / output < kMostRatio; });
  };
  // Where the file does not say how to round, the integers must be those that the float computation gives.
  const auto is_free = [&](const Unary& unary, const TensorType& type) {
    if (context.states_policy()) return true;
    if (!clamps(unary)) return false;
    return product.rest.empty() || (wide ? channels.is_needless<int16_t>(type, unary) : channels.is_needless<int8_t>(type, unary));
  };
  const Unary* activation = nullptr;
  if (const NodeId reader = context.only_reader(); reader.valid() && !context.output_value().type.is_quantized()) {
    const Node& node = context.graph().node(reader);
    const auto* unary = std::get_if<Unary>(&node.op);
    const auto function = unary ? unary_function(*unary) : std::nullopt;
    const TensorType& made = context.graph().value(node.outputs[0]).type;
    if (function && has_form(made) && (clamps(*unary) || (!wide && has_activation_form(function->kind))) && is_free(*unary, made)) {
      activation = unary;
      context.absorb(reader);
    }
  }
  const TensorType& type = context.output_value().type;
  if (!has_form(type)) return float_product(context, sum_scale, product.rest, layout);
  const std::vector<float> output_scale = channels.scales(type);
  const Unary* clamp = activation && clamps(*activation) ? activation : nullptr;
  ProductOutput output;
  std::vector<double> ratios;
  for (size_t c = 0; c < sum_scale.size(); ++c) ratios.push_back(sum_scale[c] / output_scale[c]);
  output.buffer = context.output(layout);
  if (wide) {
    Limits<int16_t> limits = channels.limits<int16_t>(type, clamp);
    output.zero_point = std::move(limits.zero_point);
    output.minimum = std::move(limits.minimum);
    output.maximum = std::move(limits.maximum);
    HT_ASSIGN(output.epilogue, s16_epilogue(context.policy(), count, ratios));
    return output;
  }
  const Limits<int8_t> limits = channels.limits<int8_t>(type, clamp);
  const Int8Output stored{limits.zero_point, limits.minimum, limits.maximum};
  if (activation && !clamp) {
    HT_ASSIGN(output.epilogue, activated_epilogue(context.policy(), count, *unary_function(*activation), {sum_scale.begin(), sum_scale.end()},
                                                  {output_scale.begin(), output_scale.end()}, stored));
  } else {
    HT_ASSIGN(output.epilogue, int8_epilogue(context.policy(), count, ratios, stored));
  }
  return output;
}

namespace {

void finish_product(PrepareContext& context, const ProductOutput& output) {
  if (!output.finished.valid()) return;
  const auto channels = static_cast<int32_t>(output.rest.size());
  const auto rows = static_cast<int32_t>(element_count(context.buffer(output.buffer).shape) / std::max(1, channels));
  const BufferId rest = context.constant_buffer(Tensor::of_floats({channels}, output.rest));
  ht_broadcast shape{};
  shape.rank = 2;
  shape.shape[0] = rows;
  shape.shape[1] = channels;
  shape.a_stride[0] = shape.output_stride[0] = channels;
  shape.a_stride[1] = shape.b_stride[1] = shape.output_stride[1] = 1;
  context.add(KernelId::k_binary_f32, ht_binary_f32_params{HT_ADD, shape}, {}, {output.buffer, rest}, output.finished);
}

using Arrays = std::vector<std::shared_ptr<const void>>;

template <class To, class From>
std::vector<To> narrowed(const std::vector<From>& values) {
  return {values.begin(), values.end()};
}

const int8_t* keep_weights(Arrays& arrays, InnerProduct& product) {
  const auto stored = product.constant.data<int8_t>();
  if (!std::equal(stored.begin(), stored.end(), product.weights.begin(), product.weights.end()))
    return keep(arrays, std::move(product.weights));
  arrays.push_back(std::make_shared<const Tensor>(product.constant));
  return stored.data();
}

// Of kernels of 8-bit inputs.
template <class Params>
void set_8bit(Params& params, const InnerProduct& product, Arrays& arrays) {
  params.bias = keep(arrays, narrowed<int32_t>(product.bias));
  params.padding = keep(arrays, narrowed<int8_t>(product.padding));
}

ht_conv_params& base_of(ht_conv_s16_params& p) { return p.conv; }
ht_depthwise_params& base_of(ht_depthwise_s16_params& p) { return p.depthwise; }

// The product of 16-bit inputs.
template <class Wide, class Params>
void add_wide(PrepareContext& context, KernelId kernel, Params params, InnerProduct product, ProductOutput output, BufferId input, int64_t macs,
              Arrays arrays) {
  params.weights = keep_weights(arrays, product);
  const int64_t* bias = keep(arrays, std::move(product.bias));
  const int16_t* padding = keep(arrays, narrowed<int16_t>(product.padding));
  const ht_output_s16 limits{keep(arrays, std::move(output.zero_point)), keep(arrays, std::move(output.minimum)),
                             keep(arrays, std::move(output.maximum))};
  Wide wide{};
  base_of(wide) = params;
  wide.bias = bias;
  wide.padding = padding;
  wide.output = limits;
  context.add(kernel, wide, std::move(arrays), {input}, output.buffer, macs);
  finish_product(context, output);
}

// Rows of numbers below 16, two a byte.
std::vector<uint8_t> packed_rows(std::span<const uint8_t> halves, int64_t rows) {
  const size_t width = halves.size() / static_cast<size_t>(rows), bytes = (width + 1) / 2;
  std::vector<uint8_t> packed(static_cast<size_t>(rows) * bytes, 0);
  for (size_t i = 0; i < halves.size(); ++i) {
    uint8_t& byte = packed[i / width * bytes + i % width / 2];
    byte = static_cast<uint8_t>(byte | (halves[i] & 15) << (i % width % 2 * 4));
  }
  return packed;
}

// The most adjacent inputs that share a multiple in every tap of every output, blocks counting from the first input on.
int32_t block_of(std::span<const uint8_t> multiples, int32_t inputs) {
  int32_t block = inputs;
  for (size_t i = 0; i < multiples.size(); ++i) {
    const auto input = static_cast<int32_t>(i % static_cast<size_t>(inputs));
    if (input != 0 && multiples[i] != multiples[i - 1]) block = std::gcd(block == inputs ? input : block, input);
  }
  return block;
}

void add_four_bits(PrepareContext& context, ht_conv_params params, const InnerProduct& product, BufferId input, BufferId output, int64_t macs,
                   Arrays arrays) {
  std::vector<uint8_t> halves(product.weights.begin(), product.weights.end());
  ht_conv_w4_params w4{params, 0, nullptr, nullptr, nullptr};
  if (!product.multiples.empty()) {
    const int32_t inputs = params.input_channels / params.groups;
    w4.block = block_of(product.multiples, inputs);
    std::vector<uint8_t> multiples;
    for (size_t i = 0; i < halves.size(); ++i) {
      halves[i] = static_cast<uint8_t>(product.weights[i] / product.multiples[i]);
      if (static_cast<int32_t>(i % static_cast<size_t>(inputs)) % w4.block == 0) multiples.push_back(static_cast<uint8_t>(product.multiples[i] - 1));
    }
    w4.multiples = keep(arrays, packed_rows(multiples, product.outputs));
  }
  w4.weights = keep(arrays, packed_rows(halves, product.outputs));
  context.add(KernelId::k_conv_w4, w4, std::move(arrays), {input}, output, macs);
}

}  // namespace

void add_product(PrepareContext& context, ht_conv_params params, InnerProduct product, ProductOutput output, BufferId input, int64_t macs) {
  Arrays arrays;
  params.epilogue = keep(arrays, std::move(output.epilogue));
  if (product.wide_input)
    return add_wide<ht_conv_s16_params>(context, KernelId::k_conv_s16, params, std::move(product), std::move(output), input, macs, std::move(arrays));
  set_8bit(params, product, arrays);
  if (!product.wide.empty()) {
    const ht_conv_wide_params wide{params, keep(arrays, std::move(product.wide))};
    context.add(KernelId::k_conv_wide, wide, std::move(arrays), {input}, output.buffer, macs);
  } else if (product.four_bits) {
    add_four_bits(context, params, product, input, output.buffer, macs, std::move(arrays));
  } else {
    params.weights = keep_weights(arrays, product);
    context.add(KernelId::k_conv, params, std::move(arrays), {input}, output.buffer, macs);
  }
  finish_product(context, output);
}

void add_product(PrepareContext& context, ht_depthwise_params params, InnerProduct product, ProductOutput output, BufferId input, int64_t macs) {
  Arrays arrays;
  params.epilogue = keep(arrays, std::move(output.epilogue));
  if (product.wide_input)
    return add_wide<ht_depthwise_s16_params>(context, KernelId::k_depthwise_s16, params, std::move(product), std::move(output), input, macs, std::move(arrays));
  set_8bit(params, product, arrays);
  params.weights = keep_weights(arrays, product);
  context.add(KernelId::k_depthwise, params, std::move(arrays), {input}, output.buffer, macs);
  finish_product(context, output);
}

}  // namespace ht
