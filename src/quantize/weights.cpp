// SPDX-License-Identifier: Apache-2.0
#include "quantize/weights.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "calibrate/range.h"
#include "ops/inner_product.h"
#include "quantize/weight_blocks.h"

namespace ht {
namespace {

// Of the mean energy: what a channel counts for at least, since photos not seen may bring more than was seen.
constexpr double kLeastEnergy = 0.01;

double mean(std::span<const double> values) {
  double sum = 0;
  for (double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

// Where the elements of each output channel are, and which input channel each belongs to.
class Rows {
 public:
  Rows(std::span<const float> weights, const Shape& shape, const WeightRequest& request) : request_(request) {
    const Shape strides = strides_of(shape);
    const size_t axis = request.output_axis;
    const auto outputs = request.per_channel ? shape[axis] : 1;
    positions_.resize(static_cast<size_t>(outputs));
    rows_.resize(static_cast<size_t>(outputs));
    const double least_energy = kLeastEnergy * mean(request.input_energies);
    for (int64_t i = 0; i < static_cast<int64_t>(weights.size()); ++i) {
      const int64_t output = i / strides[axis] % shape[axis];
      double weight = weights[static_cast<size_t>(i)], importance = 1;
      if (!request.input_scales.empty() || !request.input_energies.empty()) {
        const int64_t inputs = shape[request.input_axis], group = output / (shape[axis] / request.groups);
        const auto channel = static_cast<size_t>(group * inputs + i / strides[request.input_axis] % inputs);
        if (!request.input_energies.empty()) importance = std::max(request.input_energies[channel], least_energy);
        if (!request.input_scales.empty()) {
          const double scale = request.input_scales[channel];
          weight *= scale;
          importance /= scale * scale;
        }
      }
      const auto row = static_cast<size_t>(request.per_channel ? output : 0);
      positions_[row].push_back(i);
      rows_[row].values.push_back(weight);
      rows_[row].importances.push_back(importance);
    }
  }

  size_t size() const { return rows_.size(); }
  const std::vector<int64_t>& positions(size_t row) const { return positions_[row]; }
  const std::vector<double>& values(size_t row) const { return rows_[row].values; }

  // The least scale at which nothing saturates.
  double covering_scale(size_t row) const { return ht::covering_scale(rows_[row], request_.least, request_.greatest); }

  double squared_error(size_t row, double scale) const { return rounding_error(rows_[row], scale, request_.least, request_.greatest); }

  // The block that each of the row's weights is in, counted from 0.
  std::vector<size_t> blocks(size_t row, const Shape& shape) const {
    const Shape strides = strides_of(shape);
    const int64_t inputs = shape[request_.input_axis], blocks = (inputs + request_.block - 1) / request_.block;
    const int64_t taps = element_count(shape) / (shape[request_.output_axis] * inputs);
    std::vector<size_t> found;
    for (int64_t i : positions_[row])
      found.push_back(static_cast<size_t>(i % taps * blocks + i / strides[request_.input_axis] % inputs / request_.block));
    return found;
  }
  // The row's weights block by block.
  std::vector<WeightBlock> in_blocks(size_t row, std::span<const size_t> blocks) const {
    std::vector<WeightBlock> found(std::ranges::max(blocks) + 1);
    for (size_t i = 0; i < blocks.size(); ++i) {
      found[blocks[i]].values.push_back(rows_[row].values[i]);
      found[blocks[i]].importances.push_back(rows_[row].importances[i]);
    }
    return found;
  }

 private:
  const WeightRequest& request_;
  std::vector<std::vector<int64_t>> positions_;
  std::vector<WeightBlock> rows_;
};

float stored_scale(double scale) { return static_cast<float>(std::max(scale, kLeastScale)); }

// Of the covering scale: how much less may be best. Few steps gain more from being finer than they lose by saturating.
double searched_share(int32_t greatest) { return greatest >= 127 ? 0.2 : 0.6; }

// Scales up to the covering one, then finely round the best.
float least_error_scale(const Rows& rows, size_t row, double covering, double share) {
  constexpr int kCandidates = 40, kRefined = 8;
  const double step = share / kCandidates;
  double best_factor = 1;
  float best = stored_scale(covering);
  double least = rows.squared_error(row, best);
  const auto offer = [&](double factor) {
    const float scale = stored_scale(covering * factor);
    const double error = rows.squared_error(row, scale);
    if (error < least) least = error, best = scale, best_factor = factor;
  };
  for (int k = 1; k <= kCandidates; ++k) offer(1 - k * step);
  const double center = best_factor;
  for (int k = -kRefined; k <= kRefined; ++k) {
    if (k != 0) offer(std::min(1.0, center + k * step / (kRefined + 1)));
  }
  return best;
}

// The row's scale and its weights' multiples. Rows of zeros, or all but, have the covering scale.
void add_block_scales(const Rows& rows, size_t row, const Shape& shape, const WeightRequest& request, double covering, QuantizedWeights& result) {
  const std::vector<size_t> blocks = rows.blocks(row, shape);
  const std::vector<WeightBlock> weights = rows.in_blocks(row, blocks);
  const auto search = request.scale == WeightScale::kMse ? least_error_multiples : covering_multiples;
  const bool is_tiny = rows.covering_scale(row) < kLeastScale * kMostMultiple;
  const BlockScales found = is_tiny ? BlockScales{short_scale(stored_scale(covering)), std::vector<uint8_t>(weights.size(), 1)}
                                    : search(weights, request.least, request.greatest);
  result.scales.push_back(found.scale);
  for (size_t i = 0; i < blocks.size(); ++i) result.multiples[static_cast<size_t>(rows.positions(row)[i])] = found.multiples[blocks[i]];
}

Status check(std::span<const float> weights, const Shape& shape, const WeightRequest& request) {
  if (request.output_axis >= shape.size() || element_count(shape) != static_cast<int64_t>(weights.size())) {
    return input_error("weights of shape {} do not have an output axis {} or not {} elements", shape_text(shape),
                       request.output_axis, weights.size());
  }
  if (!request.input_scales.empty()) {
    if (request.input_axis >= shape.size() || request.groups < 1 || shape[request.output_axis] % request.groups != 0) {
      return input_error("weights of shape {} do not have an input axis {} in {} groups", shape_text(shape), request.input_axis,
                         request.groups);
    }
    const auto channels = checked_mul(shape[request.input_axis], request.groups);
    if (!channels || *channels != static_cast<int64_t>(request.input_scales.size())) {
      return input_error("weights of shape {} cannot absorb {} input scales", shape_text(shape), request.input_scales.size());
    }
  }
  if (!request.scales.empty() && (!request.per_channel || request.block != 0 || static_cast<int64_t>(request.scales.size()) != shape[request.output_axis]))
    return input_error("weights of shape {} cannot have {} given scales", shape_text(shape), request.scales.size());
  if (request.block < 0 || (request.block > 0 && (!request.per_channel || request.input_axis >= shape.size())))
    return input_error("weights of shape {} cannot have blocks of {}", shape_text(shape), request.block);
  if (!std::all_of(weights.begin(), weights.end(), [](float w) { return std::isfinite(w); }))
    return input_error("weights are not finite");
  return {};
}

}  // namespace

Result<QuantizedWeights> quantize_weights(std::span<const float> weights, const Shape& shape, const WeightRequest& request) {
  HT_TRY(check(weights, shape, request));
  const Rows rows(weights, shape, request);
  double covering_all = 0;
  for (size_t row = 0; row < rows.size(); ++row) covering_all = std::max(covering_all, rows.covering_scale(row));
  QuantizedWeights result;
  result.values.resize(weights.size());
  if (request.block != 0) result.multiples.resize(weights.size());
  for (size_t row = 0; row < rows.size(); ++row) {
    double covering = rows.covering_scale(row);
    if (covering == 0) covering = covering_all > 0 ? covering_all : 1;
    if (covering > std::numeric_limits<float>::max())
      return input_error("weights times input scales need a scale that is not finite");
    if (!request.scales.empty()) {
      result.scales.push_back(request.scales[row]);
    } else if (request.block == 0) {
      result.scales.push_back(request.scale == WeightScale::kMse ? least_error_scale(rows, row, covering, searched_share(request.greatest)) : stored_scale(covering));
    } else {
      add_block_scales(rows, row, shape, request, covering, result);
    }
    const double scale = result.scales.back();
    for (size_t i = 0; i < rows.values(row).size(); ++i) {
      const auto at = static_cast<size_t>(rows.positions(row)[i]);
      const double q = std::clamp(rows.values(row)[i] / (result.multiple(at) * scale), static_cast<double>(request.least), static_cast<double>(request.greatest));
      result.values[at] = static_cast<int8_t>(round_half_even(q));
    }
  }
  return result;
}

}  // namespace ht
