// SPDX-License-Identifier: Apache-2.0
#include "quantize/refine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/thread_pool.h"
#include "quantize/least_squares.h"
#include "quantize/roles.h"
#include "quantize/weight_blocks.h"

namespace ht {
namespace {

// Of a part's moments, in numbers; what one part cannot hold goes into another.
constexpr int64_t kMostNumbers = int64_t{1} << 24;

struct Geometry {
  size_t outputs, size, groups, taps;
};

Geometry geometry_of(const Shape& shape, const WeightRequest& request) {
  const auto outputs = static_cast<size_t>(shape[request.output_axis]), inputs = static_cast<size_t>(shape[request.input_axis]);
  const size_t size = static_cast<size_t>(element_count(shape)) / std::max<size_t>(1, outputs);
  return {outputs, size, static_cast<size_t>(request.groups), size / std::max<size_t>(1, inputs)};
}

float scale_of(std::span<const float> input_scales, const Geometry& geometry, size_t output, size_t i) {
  if (input_scales.size() == 1) return input_scales[0];
  const size_t channels = geometry.size / geometry.taps, group = output / (geometry.outputs / geometry.groups);
  return input_scales[group * channels + i / geometry.taps];
}

// Weights times input scales, [outputs, size].
std::vector<double> real_rows(std::span<const float> weights, const Shape& shape, const WeightRequest& request, std::span<const float> input_scales) {
  const Geometry geometry = geometry_of(shape, request);
  std::vector<double> rows(weights.size());
  for (size_t o = 0; o < geometry.outputs; ++o)
    for (size_t i = 0; i < geometry.size; ++i)
      rows[o * geometry.size + i] = static_cast<double>(weights[weight_position(shape, request.output_axis, o, i)]) * scale_of(input_scales, geometry, o, i);
  return rows;
}

// How many products stand before each value at most.
std::vector<size_t> depths(const Graph& graph) {
  std::vector<size_t> found(graph.values.size(), 0);
  for (const Node& node : graph.nodes) {
    size_t depth = 0;
    for (ValueId input : node.inputs)
      if (input.valid()) depth = std::max(depth, found[input.index]);
    for (ValueId output : node.outputs) found[output.index] = depth + (is_weighted(graph, node) ? 1 : 0);
  }
  return found;
}

int64_t numbers_of(const ObservedProduct& product) {
  return product.with_squares ? product.groups * product.size * product.size + product.outputs * product.size : 0;
}

// What stands for inputs not seen, of the mean square of those seen.
constexpr std::array kRoundingDampings = {0.01, 0.03, 0.1, 0.3, 1.0};
constexpr double kUsualDamping = 0.03;  // where there is nothing to check it on

// Scales and weights that are searched on fewer photos than this fit those rather than what they stand for.
constexpr int64_t kEnoughPhotos = 64;

WeightRounding best_rounding(int64_t photos) {
  return photos >= kEnoughPhotos ? WeightRounding::kLeastSquares : WeightRounding::kGptq;
}

// The weights of a product in real units of its outputs, [outputs, size], and what may become of them.
struct Rows {
  std::vector<double> exact;
  std::vector<double> steps;  // of each weight
  size_t groups, per_group, size;
  double least, greatest;
  bool may_scale;

  std::span<const double> row(size_t o) const { return std::span(exact).subspan(o * size, size); }
  std::span<const double> steps_of(size_t o) const { return std::span(steps).subspan(o * size, size); }
};

std::vector<RoundedRow> round_rows(const Rows& rows, const ProductMoments& moments, std::span<const double> output_units, bool about_means,
                                   WeightRounding method, double damping, ThreadPool& pool) {
  std::vector<RoundedRow> rounded(rows.groups * rows.per_group);
  for (size_t g = 0; g < rows.groups; ++g) {
    const GroupMoments group(moments, g, output_units, about_means);
    const RowRounding rounding(group.inputs(), method, damping);
    pool.parallel_for(static_cast<int64_t>(rows.per_group), [&](int64_t index, int) {
      const size_t o = g * rows.per_group + static_cast<size_t>(index);
      rounded[o] = rounding.round({rows.row(o), rows.steps_of(o), rows.least, rows.greatest, rows.may_scale});
    });
  }
  return rounded;
}

// In units of each output's power, summed over outputs.
double error_of(const Rows& rows, const std::vector<RoundedRow>& rounded, const ProductMoments& moments, std::span<const double> output_units, bool about_means) {
  double sum = 0;
  std::vector<double> made(rows.per_group * rows.size);
  for (size_t g = 0; g < rows.groups; ++g) {
    for (size_t k = 0; k < rows.per_group; ++k) {
      const size_t o = g * rows.per_group + k;
      const auto steps = rows.steps_of(o);
      for (size_t i = 0; i < rows.size; ++i) made[k * rows.size + i] = rounded[o].integers[i] * rounded[o].factor * steps[i];
    }
    sum += GroupMoments(moments, g, output_units, about_means).relative_error(made);
  }
  return sum;
}

// What the weights are to make when the biases stay as they are.
ObservedMoments without_biases(ObservedMoments moments, std::span<const float> bias, std::span<const double> output_units) {
  std::vector<double> in_units;
  for (size_t o = 0; o < bias.size(); ++o) in_units.push_back(bias[o] / output_units[o]);
  moments.fit.subtract_from_outputs(in_units);
  moments.check.subtract_from_outputs(in_units);
  return moments;
}

// The damping with which rows rounded by some photos do best on others.
double best_damping(const Rows& rows, const ObservedMoments& moments, std::span<const double> output_units, bool about_means, WeightRounding method,
                    ThreadPool& pool) {
  if (moments.fit.samples == 0 || moments.check.samples == 0) return kUsualDamping;
  double best = kUsualDamping, least = INFINITY;
  for (double damping : kRoundingDampings) {
    const auto rounded = round_rows(rows, moments.fit, output_units, about_means, method, damping, pool);
    const double error = error_of(rows, rounded, moments.check, output_units, about_means);
    if (error < least) least = error, best = damping;
  }
  return best;
}

}  // namespace

size_t weight_position(const Shape& weights, size_t output_axis, size_t output, size_t i) {
  const size_t size = static_cast<size_t>(element_count(weights) / weights[output_axis]);
  return output_axis == 0 ? output * size + i : i * static_cast<size_t>(weights[1]) + output;
}

std::optional<ObservedProduct> observed_product(const Graph& graph, const Node& node, std::span<const float> weights, std::span<const float> bias,
                                                const WeightRequest& request, std::span<const float> input_scales) {
  const auto* gemm = std::get_if<Gemm>(&node.op);
  if (gemm && (gemm->transpose_a || gemm->alpha != 1 || gemm->beta != 1)) return std::nullopt;
  const Value& input = graph.value(node.inputs[0]);
  const Shape& shape = graph.value(node.inputs[1]).type.shape;
  const Geometry geometry = geometry_of(shape, request);
  ObservedProduct product;
  product.node = node.name;
  product.input = input.name;
  product.op = node.op;
  product.weights = shape;
  product.input_shape = input.type.shape;
  product.output_shape = graph.value(node.outputs[0]).type.shape;
  product.groups = request.groups;
  product.size = static_cast<int64_t>(geometry.size);
  product.outputs = static_cast<int64_t>(geometry.outputs);
  product.with_squares = product.size <= kMostSquares;
  const IntegerRange range = integer_range(input.type.dtype);
  const std::vector<double> rows = real_rows(weights, shape, request, input_scales);
  for (size_t o = 0; o < geometry.outputs; ++o) {
    double bound = bias.empty() ? 0 : std::abs(static_cast<double>(bias[o]));
    for (size_t i = 0; i < geometry.size; ++i) bound += std::abs(rows[o * geometry.size + i]) * static_cast<double>(range.max - range.min);
    // The quantized sum has at most half as many.
    product.output_units.push_back(bound > 0 ? 2 * bound / kMostOutput : 1);
  }
  return product;
}

std::vector<size_t> sort_into_parts(const Graph& graph, std::vector<ObservedProduct>& products) {
  const std::vector<size_t> depth = depths(graph);
  std::map<std::string, size_t> depth_of;
  for (const Node& node : graph.nodes) depth_of[node.name] = depth[node.outputs[0].index];
  const auto own_depth = [&](const ObservedProduct& product) { return depth_of[product.node]; };
  std::ranges::stable_sort(products, {}, own_depth);
  std::vector<size_t> parts;
  size_t last = 0;
  int64_t numbers = 0;
  for (const ObservedProduct& product : products) {
    if (parts.empty() || own_depth(product) != last || numbers + numbers_of(product) > kMostNumbers) parts.push_back(0), numbers = 0;
    ++parts.back();
    last = own_depth(product);
    numbers += numbers_of(product);
  }
  return parts;
}

void refine_product(const ObservedProduct& product, const ObservedMoments& moments, std::span<const float> weights, const Shape& shape,
                    const WeightRequest& request, std::span<const float> input_scales, const RefineRequest& how, QuantizedWeights& quantized,
                    std::vector<float>& bias) {
  if (!bias.empty() && !how.correct_bias) {
    const ObservedMoments rest = without_biases(moments, bias, product.output_units);
    std::vector<float> none;
    return refine_product(product, rest, weights, shape, request, input_scales, how, quantized, none);
  }
  const Geometry geometry = geometry_of(shape, request);
  const size_t size = geometry.size, per_group = geometry.outputs / geometry.groups;
  const bool absorbs = !request.input_scales.empty(), has_bias = !bias.empty();
  ProductMoments all = moments.fit;
  all.add(moments.check);
  if (all.samples == 0) return;
  // Of one step of each output's weights, or of its multiples, in real units of the output.
  const auto step = [&](size_t o) {
    return absorbs ? static_cast<double>(quantized.scales[o]) : static_cast<double>(scale_of(input_scales, geometry, o, 0)) * quantized.scales[o];
  };
  const auto position = [&](size_t o, size_t i) { return weight_position(shape, request.output_axis, o, i); };
  if (product.with_squares) {
    Rows rows{real_rows(weights, shape, request, input_scales), {}, geometry.groups, per_group, size, static_cast<double>(request.least),
              static_cast<double>(request.greatest), request.per_channel && request.scales.empty()};
    for (size_t o = 0; o < geometry.outputs; ++o)
      for (size_t i = 0; i < size; ++i) rows.steps.push_back(step(o) * quantized.multiple(position(o, i)));
    const WeightRounding rounding = how.rounding.value_or(best_rounding(moments.photos));
    if (rounding == WeightRounding::kLeastSquares) fit_to_outputs(moments, product.output_units, has_bias, rows.exact);
    ThreadPool pool(how.threads);
    const double damping = best_damping(rows, moments, product.output_units, has_bias, rounding, pool);
    const auto rounded = round_rows(rows, all, product.output_units, has_bias, rounding, damping, pool);
    for (size_t o = 0; o < geometry.outputs; ++o) {
      const double scale = quantized.scales[o] * rounded[o].factor;
      quantized.scales[o] = request.block == 0 ? static_cast<float>(scale) : short_scale(scale);
      for (size_t i = 0; i < size; ++i) quantized.values[position(o, i)] = rounded[o].integers[i];
    }
  }
  if (!has_bias) return;
  // The mean of each output becomes what exact weights make of the inputs there are. What the layers before do wrong in the mean they do where there is nothing
  // to see, which is nearly everywhere: taken up at all places, it would be wrong where objects are. A product with one place a photo sees all of it, and
  // takes that up.
  const bool has_places = element_count(product.output_shape) > product.outputs;
  const std::vector<double> exact = real_rows(weights, shape, request, input_scales);
  for (size_t o = 0; o < bias.size(); ++o) {
    const double* sums = all.sums.data() + o / per_group * size;
    double wished = has_places ? bias[o] * all.samples : product.output_units[o] * all.output_sums[o];
    for (size_t i = 0; i < size; ++i) {
      const size_t at = position(o, i);
      wished += ((has_places ? exact[o * size + i] : 0) - step(o) * quantized.multiple(at) * quantized.values[at]) * sums[i];
    }
    bias[o] = static_cast<float>(wished / all.samples);
  }
}

}  // namespace ht
